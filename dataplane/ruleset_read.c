// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include "ruleset_priv.h"

static const struct pp_ruleset_entry *entry_of(const struct pp_rule_item *item)
{
	return item != NULL ? &item->entry : NULL;
}

uint8_t pp_ruleset_default(const struct pp_ruleset *set)
{
	return set->default_verdict;
}

uint32_t pp_ruleset_count(const struct pp_ruleset *set)
{
	return pp_rule_tree_count(&set->by_rank);
}

uint32_t pp_ruleset_generation(const struct pp_ruleset *set)
{
	return set->generation;
}

const struct pp_ruleset_entry *pp_ruleset_at(const struct pp_ruleset *set, uint32_t index)
{
	return entry_of(pp_rule_tree_at(&set->by_rank, index));
}

const struct pp_ruleset_entry *pp_ruleset_find(const struct pp_ruleset *set, uint32_t id)
{
	const struct pp_ruleset_entry *entry =
		entry_of(pp_rule_tree_at(&set->by_id, pp_rule_tree_lower(&set->by_id, id)));

	return entry != NULL && entry->id == id ? entry : NULL;
}

uint32_t pp_ruleset_slots(const struct pp_ruleset *set)
{
	return pp_rule_slots_end(&set->slots);
}

uint32_t pp_ruleset_greatest_id(const struct pp_ruleset *set)
{
	const struct pp_rule_node *root = set->by_id.root;

	return root != NULL ? root->mark[root->count - 1].key : 0;
}

uint32_t pp_ruleset_rules_before(const struct pp_ruleset *set, uint32_t rank)
{
	return pp_rule_tree_lower(&set->by_rank, rank);
}

const struct pp_ruleset_entry *
pp_ruleset_next_with(const struct pp_ruleset *set, uint32_t *index, uint32_t traits)
{
	*index = pp_rule_tree_next_with(&set->by_rank, *index, traits);
	return pp_ruleset_at(set, *index);
}

struct pp_ruleset_cursor pp_ruleset_begin(const struct pp_ruleset *set, uint32_t index)
{
	struct pp_ruleset_cursor cursor;

	pp_rule_walk_begin(&cursor, &set->by_rank, index);
	return cursor;
}

const struct pp_ruleset_entry *pp_ruleset_next(struct pp_ruleset_cursor *cursor)
{
	const struct pp_ruleset_entry *entry = entry_of(pp_rule_walk_item(cursor));

	pp_rule_walk_next(cursor);
	return entry;
}
