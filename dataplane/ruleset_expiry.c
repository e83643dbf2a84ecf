// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>
#include <stdlib.h>

#include "ruleset_priv.h"

uint64_t pp_ruleset_next_expiry(const struct pp_ruleset *set)
{
	uint64_t first_ns = pp_rule_tree_next_expiry(&set->by_rank);

	for (uint32_t i = 0; i < pp_ruleset_set_count(set); i++) {
		uint64_t expires_ns = pp_set_next_expiry(set->sets->set[i].addresses);

		if (expires_ns != 0 && expires_ns < first_ns)
			first_ns = expires_ns;
	}
	return first_ns != UINT64_MAX ? first_ns : 0;
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
	for (uint32_t i = 0; i < pp_ruleset_set_count(set); i++) {
		struct pp_set *addresses = set->sets->set[i].addresses;
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

static int expire_rules(struct pp_ruleset *set, uint64_t now_ns, uint32_t *rules)
{
	const struct pp_ruleset_entry *entry;
	int ret = 0;

	while (ret == 0 &&
	       (entry = pp_ruleset_at(set, pp_rule_tree_expired(&set->by_rank, now_ns))) != NULL) {
		ret = pp_ruleset_remove(set, entry->id, NULL);
		*rules += ret == 0;
	}
	return ret;
}

// Some may have gone when memory ends: on a copy.
static int
expire(struct pp_ruleset *set, uint64_t now_ns, struct pp_set *expired[], uint32_t *rules)
{
	int ret = pp_ruleset_set_count(set) > 0 ? pp_ruleset_own_sets(set, 0) : 0;

	ret = ret ?: expire_rules(set, now_ns, rules);
	for (uint32_t i = 0; ret == 0 && i < pp_ruleset_set_count(set); i++) {
		if (expired[i] == NULL)
			continue;
		pp_ruleset_exchange_set(&set->sets->set[i], expired[i]);
		set->generation++;
	}
	return ret;
}

int pp_ruleset_expire(struct pp_ruleset *set, uint64_t now_ns, uint32_t *rules, size_t *entries)
{
	struct pp_set *expired[PP_SETS_MAX] = {0};
	uint64_t next_ns = pp_ruleset_next_expiry(set);
	struct pp_ruleset *copy = NULL;
	uint32_t rule_count = 0;
	size_t entry_count = 0;
	int ret = 0;

	if (is_over(next_ns, now_ns)) {
		ret = expire_sets(set, now_ns, expired, &entry_count);
		ret = ret ?: pp_ruleset_copy(&copy, set);
		ret = ret ?: expire(copy, now_ns, expired, &rule_count);
		if (ret == 0)
			pp_ruleset_swap(set, copy);
		pp_ruleset_destroy(copy);
	}
	for (uint32_t i = 0; i < PP_SETS_MAX; i++)
		pp_set_unref(expired[i]);
	if (ret == 0 && rules != NULL)
		*rules = rule_count;
	if (ret == 0 && entries != NULL)
		*entries = entry_count;
	return ret;
}
