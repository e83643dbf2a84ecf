// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_table.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static struct pp_ruleset *before, *rules;
static struct pp_rule_table *in_force; // of before
static struct pp_rule_table *table;
static struct pp_error err;

static void init(void)
{
	cr_assert_eq(pp_ruleset_create(&before), 0);
}

static void fini(void)
{
	pp_rule_table_destroy(in_force);
	pp_rule_table_destroy(table);
	pp_ruleset_destroy(rules);
	pp_ruleset_destroy(before);
}

TestSuite(rule_table, .init = init, .fini = fini);

static uint32_t add(struct pp_ruleset *set)
{
	struct pp_rule rule;
	uint32_t id;

	cr_assert_eq(pp_rule_parse("drop proto udp", &rule, &err), 0, "%s", err.text);
	cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, &id, &err), 0, "%s",
		     err.text);
	return id;
}

static int create(struct pp_rule_table **out,
		  const struct pp_rule_table *from,
		  const struct pp_ruleset *old,
		  const struct pp_ruleset *new,
		  uint8_t sole)
{
	struct pp_ruleset_diff diff;
	int ret;

	cr_assert_eq(pp_ruleset_diff(old, new, &diff), 0);
	ret = pp_rule_table_create(out, from, &diff, pp_ruleset_generation(new), sole, &err);
	pp_ruleset_diff_fini(&diff);
	return ret;
}

// What is in force, and a change of it.
static void begin_change(void)
{
	if (in_force == NULL)
		cr_assert_eq(create(&in_force, NULL, NULL, before, PP_CONSUMER_SINK), 0);
	cr_assert_eq(pp_ruleset_copy(&rules, before), 0);
	pp_ruleset_settle(rules);
}

// The change is in force, and the next one begins.
static void next_change(void)
{
	pp_ruleset_destroy(before);
	before = rules;
	pp_rule_table_destroy(in_force);
	in_force = table;
	table = NULL;
	begin_change();
}

static void make_table(void)
{
	cr_assert_eq(create(&table, in_force, before, rules, PP_CONSUMER_KINDS), 0, "%s", err.text);
}

static uint32_t slot_of(uint32_t rule_id, uint32_t slot)
{
	const struct pp_meta meta = {.rule_id = rule_id, .slot = (uint16_t)slot};

	return pp_rule_table_slot(table, &meta);
}

Test(rule_table, default_action_counts_under_its_slot)
{
	cr_assert_eq(create(&table, NULL, NULL, before, PP_CONSUMER_KINDS), 0);
	cr_expect_eq(slot_of(0, PP_SLOT_DEFAULT), PP_SLOT_DEFAULT);
	cr_expect_eq(slot_of(1, PP_SLOT_DEFAULT), PP_SLOT_FORMER);
}

Test(rule_table, slot_that_nobody_has_is_a_former_rules)
{
	cr_assert_eq(create(&table, NULL, NULL, before, PP_CONSUMER_KINDS), 0);
	cr_expect_eq(slot_of(1, UINT16_MAX), PP_SLOT_FORMER);
}

Test(rule_table, removed_rule_keeps_its_slot_until_the_next_change)
{
	uint32_t id = add(before);
	uint32_t slot = pp_ruleset_find(before, id)->slot;

	begin_change();
	cr_assert_eq(pp_ruleset_remove(rules, id, &err), 0);
	make_table();
	cr_expect_eq(slot_of(id, slot), slot);
	cr_expect_eq(table->generation, pp_ruleset_generation(rules));
	next_change();
	make_table();
	cr_expect_eq(slot_of(id, slot), PP_SLOT_FORMER);
}

Test(rule_table, slot_that_was_given_away_counts_for_its_new_rule_alone)
{
	uint32_t old = add(before), id;
	uint32_t slot = pp_ruleset_find(before, old)->slot;

	begin_change();
	cr_assert_eq(pp_ruleset_remove(rules, old, &err), 0);
	make_table();
	next_change();
	id = add(rules);
	cr_assert_eq(pp_ruleset_find(rules, id)->slot, slot, "the smallest free slot");
	make_table();
	cr_expect_eq(slot_of(id, slot), slot);
	cr_expect_eq(slot_of(old, slot), PP_SLOT_FORMER);
}

Test(rule_table, all_rules_exchanged_at_once_are_all_known)
{
	struct pp_ruleset_cursor old, new;

	for (uint32_t i = 0; i < PP_RULES_MAX; i++)
		add(before);
	begin_change();
	for (uint32_t i = 0; i < PP_RULES_MAX; i++)
		cr_assert_eq(pp_ruleset_remove(rules, pp_ruleset_at(rules, 0)->id, &err), 0);
	for (uint32_t i = 0; i < PP_RULES_MAX; i++)
		add(rules);
	make_table();
	old = pp_ruleset_begin(before, 0);
	new = pp_ruleset_begin(rules, 0);
	for (uint32_t i = 0; i < PP_RULES_MAX; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_next(&old);

		cr_assert_eq(pp_rule_table_id(table, entry->slot), entry->id);
		entry = pp_ruleset_next(&new);
		cr_assert_eq(pp_rule_table_id(table, entry->slot), entry->id);
	}
}

// A random walk against a table by slot, of what is in force and what was until the change.
Test(rule_table, tables_of_many_changes_say_who_has_which_slot)
{
	static uint32_t model[PP_SLOTS_MAX];
	uint32_t seed = 7, wrong = 0;

	for (int i = 0; i < 3000; i++)
		add(before);
	begin_change();
	for (int round = 0; round < 300; round++) {
		uint32_t changes = round % 50 == 0 ? 1000 : 5;

		for (uint32_t i = 0; i < changes; i++) {
			uint32_t count = pp_ruleset_count(rules);

			seed = seed * 1664525 + 1013904223;
			if (seed >> 31 && count > 0)
				pp_ruleset_remove(
					rules, pp_ruleset_at(rules, (seed >> 8) % count)->id, &err);
			else
				add(rules);
		}
		make_table();
		memset(model, 0, sizeof(model));
		for (uint32_t i = 0; i < pp_ruleset_count(before); i++)
			model[pp_ruleset_at(before, i)->slot] = pp_ruleset_at(before, i)->id;
		for (uint32_t i = 0; i < pp_ruleset_count(rules); i++)
			model[pp_ruleset_at(rules, i)->slot] = pp_ruleset_at(rules, i)->id;
		for (uint32_t slot = 0; slot < PP_SLOTS_MAX; slot++)
			wrong += pp_rule_table_id(table, slot) != model[slot];
		cr_assert_eq(wrong, 0, "round %d", round);
		next_change();
	}
}

Test(rule_table, rule_with_another_rank_keeps_its_slot)
{
	uint32_t first = add(before), slot, id;
	const struct pp_ruleset_entry *same[1];
	struct pp_ruleset_diff diff = {same, 1, same, 1};

	begin_change();
	same[0] = pp_ruleset_find(before, first);
	slot = same[0]->slot;
	cr_assert_eq(pp_rule_table_create(&table, in_force, &diff, 7, PP_CONSUMER_KINDS, &err), 0);
	cr_expect_eq(pp_rule_table_id(table, slot), first);
	next_change();
	make_table();
	cr_expect_eq(pp_rule_table_id(table, slot), first, "it did not leave");
	id = add(rules);
	cr_expect_neq(pp_ruleset_find(rules, id)->slot, slot);
}

Test(rule_table, rules_of_another_origin_are_refused)
{
	add(before);
	add(before);
	cr_assert_eq(pp_ruleset_remove(before, 1, &err), 0);
	begin_change();
	pp_ruleset_destroy(rules);
	cr_assert_eq(pp_ruleset_create(&rules), 0);
	for (uint32_t id = 1; id <= 3; id++) {
		add(rules);
		pp_ruleset_settle(rules);
		if (id < 3)
			cr_assert_eq(pp_ruleset_remove(rules, id, &err), 0);
		pp_ruleset_settle(rules);
	}
	add(rules);
	cr_assert_eq(pp_ruleset_find(rules, 4)->slot, 2, "which is rule 2's");
	cr_expect_eq(create(&table, in_force, before, rules, PP_CONSUMER_KINDS), -EINVAL);
	cr_expect_null(table);
}

Test(rule_table, exchange_gives_the_one_before_back)
{
	struct pp_rule_table *given;

	begin_change();
	make_table();
	given = in_force;
	cr_expect_eq(pp_rule_table_exchange(&in_force, table), given);
	cr_expect_eq(in_force, table);
	cr_expect_eq(given->sole, PP_CONSUMER_SINK);
	cr_expect_eq(table->sole, PP_CONSUMER_KINDS);
	table = given;
}
