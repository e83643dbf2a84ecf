// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu-qsbr.h>

_Static_assert(PP_SLOTS_MAX % PP_RULE_PAGE == 0, "whole pages");

// In the place of pages that no rule has a slot in. Nobody counts who has it.
static const struct pp_rule_page nobody;

static void page_ref(const struct pp_rule_page *page)
{
	if (page != &nobody)
		((struct pp_rule_page *)page)->refs++;
}

static void page_unref(const struct pp_rule_page *page)
{
	struct pp_rule_page *owned = (struct pp_rule_page *)page;

	if (page != &nobody && --owned->refs == 0)
		free(owned);
}

// A slot in a page that no other table has.
//
// @return  NULL: no memory.
static uint32_t *own(struct pp_rule_table *table, uint32_t slot)
{
	const struct pp_rule_page **at = &table->page[slot / PP_RULE_PAGE];
	struct pp_rule_page *page = (struct pp_rule_page *)*at;

	if (*at == &nobody || page->refs > 1) {
		page = malloc(sizeof(*page));
		if (page == NULL)
			return NULL;
		memcpy(page, *at, sizeof(*page));
		page->refs = 1;
		page_unref(*at);
		*at = page;
	}
	return &page->id[slot % PP_RULE_PAGE];
}

static struct pp_rule_table *copy(const struct pp_rule_table *before)
{
	struct pp_rule_table *table = calloc(1, sizeof(*table));

	for (uint32_t i = 0; table != NULL && i < PP_RULE_PAGES; i++) {
		table->page[i] = before != NULL ? before->page[i] : &nobody;
		page_ref(table->page[i]);
	}
	return table;
}

// Rules that were deleted before the last change, and by this one until it is known which of them
// only have another rank.
static int clear(struct pp_rule_table *table,
		 const struct pp_rule_table *before,
		 const struct pp_ruleset_diff *diff)
{
	for (uint32_t i = 0; before != NULL && i < before->leaving_count; i++) {
		uint32_t *id = own(table, before->leaving[i]);

		if (id == NULL)
			return -ENOMEM;
		*id = 0;
	}
	for (uint32_t i = 0; i < diff->deleted_count; i++) {
		uint32_t *id = own(table, diff->deleted[i]->slot);

		if (id == NULL)
			return -ENOMEM;
		*id = 0;
	}
	return 0;
}

// The slot is in a page of its own.
static void describe(struct pp_rule_table *table, const struct pp_ruleset_entry *entry)
{
	uint32_t at = entry->slot % PP_RULE_PAGE;
	struct pp_rule_page *page = (struct pp_rule_page *)table->page[entry->slot / PP_RULE_PAGE];

	page->verdict[at] = entry->rule.verdict;
	memcpy(page->name[at], entry->rule.name, PP_NAME_BYTES);
}

static int add(struct pp_rule_table *table, const struct pp_ruleset_diff *diff)
{
	for (uint32_t i = 0; i < diff->added_count; i++) {
		uint32_t *id = own(table, diff->added[i]->slot);

		if (id == NULL)
			return -ENOMEM;
		if (*id != 0)
			return -EINVAL;
		*id = diff->added[i]->id;
		describe(table, diff->added[i]);
	}
	return 0;
}

// What is deleted keeps its slot until the next change.
static int keep_deleted(struct pp_rule_table *table, const struct pp_ruleset_diff *diff)
{
	if (diff->deleted_count == 0)
		return 0;
	table->leaving = calloc(diff->deleted_count, sizeof(*table->leaving));
	if (table->leaving == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < diff->deleted_count; i++) {
		uint32_t slot = diff->deleted[i]->slot;
		uint32_t *id = own(table, slot);

		if (*id == diff->deleted[i]->id)
			continue;
		if (*id != 0)
			return -EINVAL;
		*id = diff->deleted[i]->id;
		table->leaving[table->leaving_count++] = slot;
	}
	return 0;
}

int pp_rule_table_create(struct pp_rule_table **out,
			 const struct pp_rule_table *before,
			 const struct pp_ruleset_diff *diff,
			 uint32_t generation,
			 uint8_t sole,
			 struct pp_error *err)
{
	struct pp_rule_table *table = copy(before);
	int ret = table != NULL ? clear(table, before, diff) : -ENOMEM;

	ret = ret ?: add(table, diff);
	ret = ret ?: keep_deleted(table, diff);
	if (ret < 0) {
		pp_rule_table_destroy(table);
		return pp_error_set(err, ret, 0, 0, "%s",
				    ret == -EINVAL ? "the rules were not made from a copy of those "
						     "in force"
						   : "no memory for a table of rules");
	}
	table->generation = generation;
	table->sole = sole;
	*out = table;
	return 0;
}

void pp_rule_table_destroy(struct pp_rule_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 0; i < PP_RULE_PAGES; i++)
		page_unref(table->page[i]);
	free(table->leaving);
	free(table);
}

struct pp_rule_table *pp_rule_table_exchange(struct pp_rule_table **in_force,
					     struct pp_rule_table *table)
{
	struct pp_rule_table *before = *in_force;

	rcu_assign_pointer(*in_force, table);
	synchronize_rcu();
	return before;
}
