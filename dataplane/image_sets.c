// SPDX-License-Identifier: MIT OR Apache-2.0
#include "image_sets.h"

#include <string.h>

// By name and not by first use: deleting a rule must not renumber sets that others use.
void pp_used_sets_find(struct pp_used_sets *used, const struct pp_ruleset *rules)
{
	*used = (struct pp_used_sets){.uses = pp_ruleset_set_uses(rules)};
	for (uint32_t i = 0; i < pp_ruleset_set_count(rules); i++) {
		struct pp_set *set = pp_ruleset_set_at(rules, i, NULL);

		if (pp_ruleset_set_users(rules, pp_set_name(set)) > 0 &&
		    used->count < PP_SETS_USED_MAX)
			used->set[used->count++] = set;
	}
}

uint32_t pp_used_sets_bit(const struct pp_used_sets *used, const char *name)
{
	for (uint32_t i = 0; i < used->count; i++)
		if (strcmp(pp_set_name(used->set[i]), name) == 0)
			return 1u << i;
	return 0;
}

bool pp_used_sets_rename(const struct pp_used_sets *used, struct pp_set_names *names)
{
	struct pp_set_names now = {.count = used->count};

	for (uint32_t i = 0; i < used->count; i++)
		strncpy(now.name[i], pp_set_name(used->set[i]), PP_NAME_BYTES - 1);
	if (memcmp(&now, names, sizeof(now)) == 0)
		return false;
	*names = now;
	return true;
}

static bool same_sets(const struct pp_used_sets *a, const struct pp_used_sets *b)
{
	return a->count == b->count && memcmp(a->set, b->set, a->count * sizeof(a->set[0])) == 0;
}

int pp_image_sets_update(struct pp_image_sets *sets,
			 const struct pp_ruleset *rules,
			 struct pp_error *err)
{
	struct pp_image_sets next = {0};
	int ret;

	pp_used_sets_find(&next.used, rules);
	if (same_sets(&next.used, &sets->used)) {
		sets->used.uses = next.used.uses;
		return 0;
	}
	ret = pp_addr_table_build(&next.table, next.used.set, next.used.count, err);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < next.used.count; i++)
		pp_set_ref(next.used.set[i]);
	next.serial = sets->serial + 1;
	pp_image_sets_fini(sets);
	*sets = next;
	return 0;
}

void pp_image_sets_fini(struct pp_image_sets *sets)
{
	for (uint32_t i = 0; i < sets->used.count; i++)
		pp_set_unref(sets->used.set[i]);
	pp_addr_table_fini(&sets->table);
	*sets = (struct pp_image_sets){0};
}

uint32_t pp_image_sets_area(size_t table_bytes, uint32_t least)
{
	uint32_t bytes = least;

	if (table_bytes == 0)
		return 0;
	while (bytes < table_bytes)
		bytes *= 2;
	return bytes;
}
