// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rules_check.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static uint32_t seed = 5;

static uint32_t below(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % limit;
}

static void put_set(struct pp_ruleset *rules, const char *name, const char *entries)
{
	struct pp_set_entry *entry = NULL;
	struct pp_set *set;
	size_t count;

	cr_assert_eq(pp_set_parse(entries, strlen(entries), 0, &entry, &count, NULL), 0);
	cr_assert_eq(pp_set_create(&set, name, entry, count, NULL), 0);
	cr_assert_eq(pp_ruleset_put_set(rules, set, PP_ORIGIN_COMMAND, NULL), 0);
	pp_set_unref(set);
	free(entry);
}

static void add(struct pp_ruleset *rules)
{
	static const char *const text[] = {"drop any",
					   "pass src @a",
					   "pass src @b",
					   "drop src 10.1.0.0/16",
					   "drop src @b",
					   "route proto udp",
					   "pass src 10.0.0.0/8",
					   "pass src 2001:db8::/32",
					   "drop family ip6",
					   "pass dport 5",
					   "drop src 192.0.2.1",
					   "pass any ttl 1h",
					   "drop src 10.2.0.0/16 dport 7",
					   "copy src @a",
					   "pass src 10.1.0.0/16"};
	struct pp_rule rule;

	cr_assert_eq(pp_rule_parse(text[below(sizeof(text) / sizeof(text[0]))], &rule, NULL), 0);
	rule.prio = below(30);
	cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL), 0);
}

static void change(struct pp_ruleset *rules)
{
	uint32_t what = below(40), count = pp_ruleset_count(rules);

	if (what < 18 || count < 3)
		add(rules);
	else if (what < 36)
		cr_assert_eq(pp_ruleset_remove(rules, pp_ruleset_at(rules, below(count))->id, NULL),
			     0);
	else if (what == 36)
		pp_ruleset_protect(rules, "a", below(2), NULL);
	else if (what == 37)
		pp_ruleset_protect(rules, "b", below(2), NULL);
	else if (what == 38)
		put_set(rules, "a", below(2) ? "10.1.0.0/16" : "10.1.0.0/16 2001:db8::/48");
	else
		pp_ruleset_set_default(rules, below(2) ? PP_VERDICT_DROP : PP_VERDICT_PASS);
}

Test(rules_check, conflicts_after_a_change_are_those_that_all_rules_have)
{
	json_t *known, *conflicts, *expected;
	struct pp_ruleset *rules, *next;
	struct pp_ruleset_diff diff;
	uint32_t alike = 0, with = 0;

	cr_assert_eq(pp_ruleset_create(&rules), 0);
	put_set(rules, "a", "10.1.0.0/16 2001:db8::/48");
	put_set(rules, "b", "10.2.0.0/16");
	known = pp_rules_conflicts(rules);
	for (uint32_t i = 0; i < 20000; i++) {
		cr_assert_eq(pp_ruleset_copy(&next, rules), 0);
		for (uint32_t n = 1 + below(3); n > 0; n--)
			change(next);
		cr_assert_eq(pp_ruleset_diff(rules, next, &diff), 0);
		conflicts = pp_rules_conflicts_after(known, rules, next, &diff);
		expected = pp_rules_conflicts(next);
		cr_assert(json_equal(conflicts, expected), "change %u", i);
		alike += pp_ruleset_protects_alike(rules, next, &diff);
		with += json_object_size(conflicts) > 0;
		pp_ruleset_diff_fini(&diff);
		json_decref(expected);
		json_decref(known);
		known = conflicts;
		pp_ruleset_destroy(rules);
		rules = next;
	}
	cr_expect(alike > 1000 && with > 1000, "%u alike, %u with conflicts", alike, with);
	json_decref(known);
	pp_ruleset_destroy(rules);
}
