// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_table.h"

#include <criterion/criterion.h>

#include <errno.h>

static struct pp_ruleset *before, *rules;
static struct pp_rule_table *table;
static struct pp_error err;

static void init(void)
{
	cr_assert_eq(pp_ruleset_create(&before), 0);
}

static void fini(void)
{
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

static void begin_change(void)
{
	cr_assert_eq(pp_ruleset_copy(&rules, before), 0);
	pp_ruleset_settle(rules);
}

// The change is in force, and the next one begins.
static void next_change(void)
{
	pp_ruleset_destroy(before);
	before = rules;
	pp_rule_table_destroy(table);
	table = NULL;
	begin_change();
}

static void make_table(void)
{
	cr_assert_eq(pp_rule_table_create(&table, rules, before, false, &err), 0, "%s", err.text);
}

static uint32_t slot_of(uint32_t rule_id, uint32_t slot)
{
	const struct pp_meta meta = {.rule_id = rule_id, .slot = slot};

	return pp_rule_table_slot(table, &meta);
}

Test(rule_table, default_action_counts_under_its_slot)
{
	cr_assert_eq(pp_rule_table_create(&table, before, NULL, false, &err), 0);
	cr_expect_eq(slot_of(0, PP_SLOT_DEFAULT), PP_SLOT_DEFAULT);
	cr_expect_eq(slot_of(1, PP_SLOT_DEFAULT), PP_SLOT_FORMER);
}

Test(rule_table, slot_beyond_the_last_is_a_former_rules)
{
	cr_assert_eq(pp_rule_table_create(&table, before, NULL, false, &err), 0);
	cr_expect_eq(slot_of(0, PP_SLOTS_MAX), PP_SLOT_FORMER);
	cr_expect_eq(slot_of(0, UINT16_MAX), PP_SLOT_FORMER);
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
	for (uint32_t i = 0; i < PP_RULES_MAX; i++)
		add(before);
	begin_change();
	for (uint32_t i = 0; i < PP_RULES_MAX; i++)
		cr_assert_eq(pp_ruleset_remove(rules, pp_ruleset_at(rules, 0)->id, &err), 0);
	for (uint32_t i = 0; i < PP_RULES_MAX; i++)
		add(rules);
	make_table();
	for (uint32_t i = 0; i < PP_RULES_MAX; i++) {
		const struct pp_ruleset_entry *old = pp_ruleset_at(before, i);
		const struct pp_ruleset_entry *new = pp_ruleset_at(rules, i);

		cr_assert_eq(slot_of(old->id, old->slot), old->slot);
		cr_assert_eq(slot_of(new->id, new->slot), new->slot);
	}
}

Test(rule_table, rules_of_another_origin_are_refused)
{
	add(before);
	add(before);
	cr_assert_eq(pp_ruleset_remove(before, 1, &err), 0);
	cr_assert_eq(pp_ruleset_create(&rules), 0);
	add(rules);
	pp_ruleset_settle(rules);
	add(rules);
	cr_assert_eq(pp_ruleset_remove(rules, 1, &err), 0);
	pp_ruleset_settle(rules);
	add(rules);
	cr_assert_eq(pp_ruleset_remove(rules, 2, &err), 0);
	pp_ruleset_settle(rules);
	add(rules);
	cr_expect_eq(pp_rule_table_create(&table, rules, before, false, &err), -EINVAL);
	cr_expect_null(table);
}

Test(rule_table, exchange_gives_the_one_before_back)
{
	struct pp_rule_table *in_force, *given;

	cr_assert_eq(pp_rule_table_create(&in_force, before, NULL, true, &err), 0);
	begin_change();
	make_table();
	given = in_force;
	cr_expect_eq(pp_rule_table_exchange(&in_force, table), given);
	cr_expect_eq(in_force, table);
	cr_expect(given->sole_sink && !table->sole_sink);
	pp_rule_table_destroy(given);
}
