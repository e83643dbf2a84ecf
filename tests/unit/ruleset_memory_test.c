// SPDX-License-Identifier: MIT OR Apache-2.0
// Where memory ends in the middle of a change, nothing has changed. Linked with --wrap.
#include <push-packet/ruleset.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rule_table.h"

#define NEVER UINT32_MAX

static uint32_t allocations_left = NEVER;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_reallocarray(void *old, size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_reallocarray(void *old, size_t count, size_t bytes);

static bool is_left(void)
{
	if (allocations_left == NEVER)
		return true;
	if (allocations_left == 0)
		return false;
	allocations_left--;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return is_left() ? __real_malloc(bytes) : NULL;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return is_left() ? __real_calloc(count, bytes) : NULL;
}

void *__wrap_reallocarray(void *old, size_t count, size_t bytes)
{
	return is_left() ? __real_reallocarray(old, count, bytes) : NULL;
}

static struct pp_ruleset *set, *shared;
static uint32_t last_id;

static struct pp_rule parse(const char *text)
{
	struct pp_rule rule;

	cr_assert_eq(pp_rule_parse(text, &rule, NULL), 0, "%s", text);
	return rule;
}

static void add(const char *text, uint32_t count)
{
	struct pp_rule rule = parse(text);

	for (uint32_t i = 0; i < count; i++)
		cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, &last_id, NULL), 0);
}

static struct pp_set *new_set(const char *name)
{
	struct pp_set_entry entry = {
		.prefix = {.family = PP_FAMILY_IP4, .len_bits = 8, .addr = {10}},
		.expires_ns = 500};
	struct pp_set *addresses;

	cr_assert_eq(pp_set_create(&addresses, name, &entry, 1, NULL), 0);
	return addresses;
}

// Rules that a copy shares, one of each kind, and no rank left before the rule of prio 2000.
static void setup(void)
{
	struct pp_set *addresses = new_set("a");

	cr_assert_eq(pp_ruleset_create(&set), 0);
	cr_assert_eq(pp_ruleset_put_set(set, addresses, PP_ORIGIN_COMMAND, NULL), 0);
	pp_set_unref(addresses);
	add("drop src @a ttl 5ms", 3);
	add("drop proto udp", 3000);
	add("drop proto tcp prio 2000", 1);
	for (uint32_t prio = 1999; pp_ruleset_count(set) < 3040; prio--) {
		struct pp_rule rule = parse("drop proto tcp");
		const struct pp_ruleset_entry *entry;

		rule.prio = prio;
		pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL);
		entry = pp_ruleset_at(set, 3003);
		if (entry->rank - pp_ruleset_at(set, 3002)->rank == 1)
			break;
	}
	pp_ruleset_settle(set);
	cr_assert_eq(pp_ruleset_copy(&shared, set), 0);
}

static void teardown(void)
{
	pp_ruleset_destroy(set);
	pp_ruleset_destroy(shared);
}

TestSuite(ruleset_memory, .init = setup, .fini = teardown, .timeout = 60);

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ull + (hash >> 29);
}

static uint64_t print_of(const struct pp_ruleset *rules)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(rules, 0);
	const struct pp_ruleset_entry *entry;
	uint64_t hash = pp_ruleset_generation(rules);

	while ((entry = pp_ruleset_next(&cursor)) != NULL) {
		hash = mix(hash, entry->id);
		hash = mix(hash, (uint64_t)entry->slot << 32 | entry->rank);
		hash = mix(hash, pp_ruleset_find(rules, entry->id) == entry);
	}
	hash = mix(hash, pp_ruleset_set_count(rules));
	hash = mix(hash, pp_ruleset_set_users(rules, "a"));
	hash = mix(hash, pp_ruleset_protected(rules, "a"));
	return mix(hash, pp_ruleset_next_expiry(rules));
}

// Do something with ever more memory until there is enough.
static void expect_all_or_nothing(int (*change)(void))
{
	uint64_t before = print_of(set), kept = print_of(shared);
	uint32_t given = 0;
	int ret;

	cr_assert_eq(before, kept);
	do {
		allocations_left = given++;
		ret = change();
		allocations_left = NEVER;
		cr_assert_eq(print_of(shared), kept, "%u allocations", given - 1);
		if (ret < 0)
			cr_assert(ret == -ENOMEM && print_of(set) == before, "%u allocations: %d",
				  given - 1, ret);
	} while (ret < 0);
	cr_expect_gt(given, 1, "there was something to fail");
	cr_expect_neq(print_of(set), before);
}

static int add_one(void)
{
	static const struct pp_rule rule = {.prio = 7, .any = true, .proto = -1};

	return pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL);
}

Test(ruleset_memory, a_rule_is_added_or_not)
{
	expect_all_or_nothing(add_one);
}

static int add_where_no_rank_is_left(void)
{
	static const struct pp_rule rule = {.prio = 1000, .any = true, .proto = -1};

	return pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL);
}

Test(ruleset_memory, other_rules_get_ranks_with_the_new_one_or_not)
{
	struct pp_ruleset_diff diff;

	expect_all_or_nothing(add_where_no_rank_is_left);
	cr_assert_eq(pp_ruleset_diff(shared, set, &diff), 0);
	cr_expect_gt(diff.added_count, 1);
	pp_ruleset_diff_fini(&diff);
}

static int add_that_names_a_set(void)
{
	static const struct pp_rule rule = {.prio = 7, .src_set = "a", .proto = -1};

	return pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL);
}

Test(ruleset_memory, a_set_has_one_user_more_or_not)
{
	expect_all_or_nothing(add_that_names_a_set);
}

static int remove_one(void)
{
	return pp_ruleset_remove(set, 2, NULL);
}

Test(ruleset_memory, a_rule_is_removed_or_not)
{
	expect_all_or_nothing(remove_one);
}

static int expire(void)
{
	return pp_ruleset_expire(set, 10000000, NULL, NULL);
}

Test(ruleset_memory, all_that_expires_goes_or_nothing)
{
	expect_all_or_nothing(expire);
	cr_expect_eq(pp_ruleset_set_users(set, "a"), 0);
}

static int protect(void)
{
	return pp_ruleset_protect(set, "a", true, NULL);
}

Test(ruleset_memory, a_set_is_protected_or_not)
{
	expect_all_or_nothing(protect);
}

static int replace(void)
{
	static struct pp_rule rule[100];

	for (uint32_t i = 0; i < 100; i++)
		rule[i] = (struct pp_rule){.prio = i % 3, .any = true, .proto = -1};
	return pp_ruleset_replace(set, rule, 100, PP_ORIGIN_ANY, 0, NULL, NULL, NULL);
}

Test(ruleset_memory, all_rules_are_replaced_or_none)
{
	expect_all_or_nothing(replace);
}

Test(ruleset_memory, a_table_is_made_or_not)
{
	struct pp_rule_table *before, *table = NULL;
	struct pp_ruleset_diff diff;
	uint32_t given = 0;
	int ret;

	do {
		allocations_left = given++;
		ret = pp_ruleset_diff(NULL, shared, &diff);
		allocations_left = NEVER;
	} while (ret == -ENOMEM);
	cr_assert_eq(ret, 0);
	cr_assert_eq(pp_rule_table_create(&before, NULL, &diff, 1, PP_CONSUMER_KINDS, NULL), 0);
	pp_ruleset_diff_fini(&diff);
	remove_one();
	cr_assert_eq(add_one(), 0);
	cr_assert_eq(pp_ruleset_diff(shared, set, &diff), 0);
	given = 0;
	do {
		allocations_left = given++;
		ret = pp_rule_table_create(&table, before, &diff, 2, PP_CONSUMER_KINDS, NULL);
		allocations_left = NEVER;
		cr_assert_eq(pp_rule_table_id(before, 2), 2);
	} while (ret == -ENOMEM);
	cr_assert_eq(ret, 0);
	cr_expect_gt(given, 2);
	pp_ruleset_diff_fini(&diff);
	pp_rule_table_destroy(before);
	cr_expect_eq(pp_rule_table_id(table, 2), 2, "until the next change");
	pp_rule_table_destroy(table);
}
