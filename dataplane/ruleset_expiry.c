// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>

#include "ruleset_priv.h"

static void earlier(uint64_t *first_ns, uint64_t expires_ns)
{
	if (expires_ns != 0 && (*first_ns == 0 || expires_ns < *first_ns))
		*first_ns = expires_ns;
}

uint64_t pp_ruleset_next_expiry(const struct pp_ruleset *set)
{
	uint64_t first_ns = 0;

	for (uint32_t i = 0; i < set->count; i++)
		earlier(&first_ns, set->entry[i].expires_ns);
	for (uint32_t i = 0; i < set->set_count; i++)
		earlier(&first_ns, pp_set_next_expiry(set->set[i].addresses));
	return first_ns;
}

static bool is_over(uint64_t expires_ns, uint64_t now_ns)
{
	return expires_ns != 0 && expires_ns <= now_ns;
}

// Every set without what has expired, NULL where nothing has.
static int expire_sets(const struct pp_ruleset *set,
		       uint64_t now_ns,
		       struct pp_set *expired[PP_SETS_MAX],
		       size_t *entries)
{
	for (uint32_t i = 0; i < set->set_count; i++) {
		struct pp_set *addresses = set->set[i].addresses;
		size_t count = 0;
		int ret;

		if (!is_over(pp_set_next_expiry(addresses), now_ns))
			continue;
		ret = pp_set_expire(&expired[i], addresses, now_ns, &count);
		if (ret < 0)
			return ret;
		*entries += count;
	}
	return 0;
}

static uint32_t expire_rules(struct pp_ruleset *set, uint64_t now_ns)
{
	uint32_t before = set->count;

	for (uint32_t i = set->count; i-- > 0;) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(set, i);

		if (is_over(entry->expires_ns, now_ns))
			pp_ruleset_remove(set, entry->id, NULL);
	}
	return before - set->count;
}

int pp_ruleset_expire(struct pp_ruleset *set, uint64_t now_ns, uint32_t *rules, size_t *entries)
{
	struct pp_set *expired[PP_SETS_MAX] = {0};
	uint32_t rule_count = 0;
	size_t entry_count = 0;
	int ret;

	ret = expire_sets(set, now_ns, expired, &entry_count);
	if (ret == 0)
		rule_count = expire_rules(set, now_ns);
	for (uint32_t i = 0; i < set->set_count; i++) {
		if (ret == 0 && expired[i] != NULL) {
			pp_ruleset_exchange_set(&set->set[i], expired[i]);
			set->generation++;
		}
		pp_set_unref(expired[i]);
	}
	if (ret == 0 && rules != NULL)
		*rules = rule_count;
	if (ret == 0 && entries != NULL)
		*entries = entry_count;
	return ret;
}
