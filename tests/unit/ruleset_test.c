// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pp_rule drop_with_prio(uint32_t prio)
{
	return (struct pp_rule){
		.prio = prio,
		.verdict = PP_VERDICT_DROP,
		.take_bytes = PP_TAKE_ALL,
		.any = true,
		.proto = -1,
	};
}

static struct pp_ruleset *new_set(void)
{
	struct pp_ruleset *set = NULL;

	cr_assert_eq(pp_ruleset_create(&set), 0);
	return set;
}

static uint32_t add(struct pp_ruleset *set, uint32_t prio)
{
	struct pp_rule rule = drop_with_prio(prio);
	uint32_t id = 0;

	cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, &id, NULL), 0);
	return id;
}

static void expect_ids(const struct pp_ruleset *set, const uint32_t *ids, uint32_t count)
{
	cr_assert_eq(pp_ruleset_count(set), count);
	for (uint32_t i = 0; i < count; i++)
		cr_expect_eq(pp_ruleset_at(set, i)->id, ids[i], "at %u: id %u, not %u", i,
			     pp_ruleset_at(set, i)->id, ids[i]);
	cr_expect_null(pp_ruleset_at(set, count));
}
#define EXPECT_IDS(set, ...)                                                                       \
	expect_ids(set, (uint32_t[]){__VA_ARGS__},                                                 \
		   sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

Test(ruleset, a_new_set_passes_everything)
{
	struct pp_ruleset *set = new_set();

	cr_expect_eq(pp_ruleset_count(set), 0);
	cr_expect_eq(pp_ruleset_default(set), PP_VERDICT_PASS);
	cr_expect_eq(pp_ruleset_generation(set), 1);
	cr_expect_null(pp_ruleset_at(set, 0));
	pp_ruleset_destroy(set);
	pp_ruleset_destroy(NULL);
}

Test(ruleset, rules_stand_by_prio_then_by_insertion)
{
	struct pp_ruleset *set = new_set();

	cr_expect_eq(add(set, 1000), 1);
	cr_expect_eq(add(set, 5), 2);
	cr_expect_eq(add(set, 1000), 3);
	cr_expect_eq(add(set, PP_PRIO_MAX), 4);
	cr_expect_eq(add(set, 0), 5);
	cr_expect_eq(add(set, 5), 6);
	cr_expect_eq(add(set, 1000), 7);
	EXPECT_IDS(set, 5, 2, 6, 1, 3, 7, 4);
	pp_ruleset_destroy(set);
}

Test(ruleset, ids_are_never_reused_and_slots_are)
{
	struct pp_ruleset *set = new_set();

	for (uint32_t i = 1; i <= 4; i++) {
		cr_expect_eq(add(set, 1000), i);
		cr_expect_eq(pp_ruleset_find(set, i)->slot, i);
	}
	cr_expect_eq(pp_ruleset_remove(set, 4, NULL), 0);
	cr_expect_eq(pp_ruleset_remove(set, 2, NULL), 0);
	pp_ruleset_settle(set);
	EXPECT_IDS(set, 1, 3);

	cr_expect_eq(add(set, 1000), 5);
	cr_expect_eq(pp_ruleset_find(set, 5)->slot, 2, "the smallest free slot");
	cr_expect_eq(add(set, 1000), 6);
	cr_expect_eq(pp_ruleset_find(set, 6)->slot, 4);
	cr_expect_eq(pp_ruleset_find(set, 1)->slot, 1, "a rule that stays keeps its slot");
	cr_expect_null(pp_ruleset_find(set, 2));
	cr_expect_null(pp_ruleset_find(set, 0));
	EXPECT_IDS(set, 1, 3, 5, 6);
	pp_ruleset_destroy(set);
}

Test(ruleset, every_change_gives_a_new_generation)
{
	struct pp_ruleset *set = new_set();

	add(set, 1000);
	cr_expect_eq(pp_ruleset_generation(set), 2);
	cr_expect_eq(pp_ruleset_set_default(set, PP_VERDICT_DROP), 0);
	cr_expect_eq(pp_ruleset_default(set), PP_VERDICT_DROP);
	cr_expect_eq(pp_ruleset_generation(set), 3);
	cr_expect_eq(pp_ruleset_remove(set, 1, NULL), 0);
	cr_expect_eq(pp_ruleset_generation(set), 4);
	pp_ruleset_destroy(set);
}

Test(ruleset, the_default_is_pass_or_drop)
{
	struct pp_ruleset *set = new_set();

	cr_expect_eq(pp_ruleset_set_default(set, PP_VERDICT_ROUTE), -EINVAL);
	cr_expect_eq(pp_ruleset_set_default(set, 200), -EINVAL);
	cr_expect_eq(pp_ruleset_default(set), PP_VERDICT_PASS);
	cr_expect_eq(pp_ruleset_generation(set), 1);
	pp_ruleset_destroy(set);
}

Test(ruleset, an_unknown_id_is_refused_by_number)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	add(set, 1000);
	cr_expect_eq(pp_ruleset_remove(set, 77, &err), -ENOENT);
	cr_expect_str_eq(err.text, "there is no rule with id 77");
	cr_expect_eq(pp_ruleset_generation(set), 2);
	EXPECT_IDS(set, 1);
	pp_ruleset_destroy(set);
}

static void fill(struct pp_ruleset *set)
{
	while (pp_ruleset_count(set) < PP_RULES_MAX)
		add(set, 1000);
}

Test(ruleset, one_rule_past_the_limit_is_refused_with_the_limit)
{
	struct pp_ruleset *set = new_set();
	struct pp_rule rule = drop_with_prio(0);
	struct pp_error err = {0};
	static bool seen[PP_SLOTS_MAX];
	uint32_t id = 4711;

	fill(set);
	for (uint32_t i = 0; i < PP_RULES_MAX; i++) {
		uint32_t slot = pp_ruleset_at(set, i)->slot;

		cr_assert(slot >= 1 && slot <= PP_RULES_MAX);
		cr_expect_not(seen[slot], "slot %u twice", slot);
		seen[slot] = true;
	}

	cr_expect_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, &id, &err), -ENOSPC);
	cr_expect_str_eq(err.text, "the rule set is full: it holds at most 131000 rules");
	cr_expect_eq(id, 4711);
	cr_expect_eq(pp_ruleset_count(set), PP_RULES_MAX);
	cr_expect_eq(pp_ruleset_generation(set), PP_RULES_MAX + 1);

	cr_expect_eq(pp_ruleset_remove(set, 500, NULL), 0);
	pp_ruleset_settle(set);
	cr_expect_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, &id, &err), 0);
	cr_expect_eq(id, PP_RULES_MAX + 1, "a refused rule takes no id");
	cr_expect_eq(pp_ruleset_at(set, 0)->slot, 500);
	pp_ruleset_destroy(set);
}

Test(ruleset, a_copy_is_the_same_and_lives_on_its_own)
{
	struct pp_ruleset *set = new_set(), *copy = NULL;

	add(set, 1000);
	add(set, 5);
	add(set, 1000);
	cr_expect_eq(pp_ruleset_remove(set, 1, NULL), 0);
	cr_expect_eq(pp_ruleset_set_default(set, PP_VERDICT_DROP), 0);
	cr_assert_eq(pp_ruleset_copy(&copy, set), 0);

	EXPECT_IDS(copy, 2, 3);
	cr_expect_eq(pp_ruleset_at(copy, 1)->slot, 3);
	cr_expect_eq(pp_ruleset_generation(copy), pp_ruleset_generation(set));
	cr_expect_eq(pp_ruleset_default(copy), PP_VERDICT_DROP);

	cr_expect_eq(pp_ruleset_remove(set, 2, NULL), 0);
	cr_expect_eq(add(copy, 1000), 4, "ids go on where the set was");
	EXPECT_IDS(set, 3);
	pp_ruleset_destroy(set);
	EXPECT_IDS(copy, 2, 3, 4);
	pp_ruleset_destroy(copy);
}

// A transaction as the daemon makes it.
static struct pp_ruleset *begin(const struct pp_ruleset *set)
{
	struct pp_ruleset *copy = NULL;

	cr_assert_eq(pp_ruleset_copy(&copy, set), 0);
	pp_ruleset_settle(copy);
	return copy;
}

Test(ruleset, slot_of_a_removed_rule_waits_for_the_next_transaction)
{
	struct pp_ruleset *set = new_set(), *next;

	add(set, 1000);
	add(set, 1000);
	next = begin(set);
	cr_expect_eq(pp_ruleset_remove(next, 1, NULL), 0);
	cr_expect_eq(add(next, 1000), 3);
	cr_expect_eq(pp_ruleset_find(next, 3)->slot, 3, "slot 1 may still be counted in");
	cr_expect_eq(pp_ruleset_remove(next, 3, NULL), 0);
	cr_expect_eq(add(next, 1000), 4);
	cr_expect_eq(pp_ruleset_find(next, 4)->slot, 3, "rule 3 was never in force");
	pp_ruleset_settle(next);
	cr_expect_eq(add(next, 1000), 5);
	cr_expect_eq(pp_ruleset_find(next, 5)->slot, 1);
	pp_ruleset_destroy(next);
	pp_ruleset_destroy(set);
}

static struct pp_rule parse(const char *text)
{
	struct pp_error err = {0};
	struct pp_rule rule;

	cr_assert_eq(pp_rule_parse(text, &rule, &err), 0, "'%s': %s", text, err.text);
	return rule;
}

static int add_text(struct pp_ruleset *set, const char *text, struct pp_error *err)
{
	struct pp_rule rule = parse(text);

	return pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, NULL, err);
}

static void put_set(struct pp_ruleset *set, const char *name, const char *entries)
{
	struct pp_set_entry *entry = NULL;
	struct pp_set *addresses;
	size_t count;

	cr_assert_eq(pp_set_parse(entries, strlen(entries), 0, &entry, &count, NULL), 0);
	cr_assert_eq(pp_set_create(&addresses, name, entry, count, NULL), 0);
	cr_assert_eq(pp_ruleset_put_set(set, addresses, PP_ORIGIN_COMMAND, NULL), 0);
	pp_set_unref(addresses);
	free(entry);
}

static int replace(struct pp_ruleset *set,
		   enum pp_origin origin,
		   const char *const *text,
		   uint32_t count,
		   struct pp_ruleset_change *change,
		   struct pp_error *err)
{
	struct pp_rule rule[8];

	for (uint32_t i = 0; i < count; i++)
		rule[i] = parse(text[i]);
	return pp_ruleset_replace(set, rule, count, origin, 0, NULL, change, err);
}
#define REPLACE(set, origin, change, ...)                                                          \
	replace(set, origin, (const char *const[]){__VA_ARGS__},                                   \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), change, NULL)

Test(ruleset, replacing_keeps_rules_that_are_the_same_in_the_new_order)
{
	struct pp_ruleset *set = new_set();
	struct pp_ruleset_change change;

	REPLACE(set, PP_ORIGIN_CONFIG, &change, "drop dport 1", "drop dport 2", "drop dport 3");
	cr_expect_eq(change.added, 3);
	EXPECT_IDS(set, 1, 2, 3);
	REPLACE(set, PP_ORIGIN_CONFIG, &change, "drop dport 3", "pass dport 1", "drop dport 2",
		"drop dport 3");
	cr_expect_eq(change.kept, 2);
	cr_expect_eq(change.added, 2);
	cr_expect_eq(change.deleted, 1);
	EXPECT_IDS(set, 3, 4, 2, 5);
	cr_expect_eq(pp_ruleset_find(set, 3)->slot, 3, "counters go on");
	pp_ruleset_destroy(set);
}

Test(ruleset, replacing_one_origin_leaves_the_other)
{
	struct pp_ruleset *set = new_set();
	struct pp_ruleset_change change;

	REPLACE(set, PP_ORIGIN_CONFIG, NULL, "drop dport 1", "drop dport 2 prio 5");
	cr_assert_eq(add_text(set, "drop dport 3", NULL), 0);
	cr_assert_eq(add_text(set, "drop dport 4 prio 5", NULL), 0);
	REPLACE(set, PP_ORIGIN_CONFIG, &change, "drop dport 5", "drop dport 2 prio 5");
	EXPECT_IDS(set, 2, 4, 5, 3);
	cr_expect_eq(change.deleted, 1);
	REPLACE(set, PP_ORIGIN_ANY, &change, "drop dport 4 prio 5", "drop dport 6");
	EXPECT_IDS(set, 4, 6);
	cr_expect_eq(change.deleted, 3);
	pp_ruleset_destroy(set);
}

Test(ruleset, replacing_all_that_fit_by_as_many_others_works)
{
	struct pp_ruleset *set = new_set(), *next;
	static struct pp_rule rule[PP_RULES_MAX];

	fill(set);
	for (uint32_t i = 0; i < PP_RULES_MAX; i++) {
		rule[i] = drop_with_prio(7);
		snprintf(rule[i].name, sizeof(rule[i].name), "r%u", i);
	}
	for (int round = 0; round < 4; round++) {
		next = begin(set);
		rule[0].prio = 7 + (uint32_t)round;
		cr_assert_eq(pp_ruleset_replace(next, rule, PP_RULES_MAX, PP_ORIGIN_ANY, 0, NULL,
						NULL, NULL),
			     0);
		pp_ruleset_destroy(set);
		set = next;
	}
	cr_expect_eq(pp_ruleset_count(set), PP_RULES_MAX);
	pp_ruleset_destroy(set);
}

Test(ruleset, one_transaction_may_replace_all_rules_again_and_again)
{
	struct pp_ruleset *set = new_set(), *next;
	static struct pp_rule rule[PP_RULES_MAX];

	fill(set);
	next = begin(set);
	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < PP_RULES_MAX; i++)
			rule[i] = drop_with_prio(round);
		cr_assert_eq(pp_ruleset_replace(next, rule, PP_RULES_MAX, PP_ORIGIN_ANY, 0, NULL,
						NULL, NULL),
			     0, "round %u", round);
	}
	for (uint32_t i = 0; i < PP_RULES_MAX; i++)
		cr_expect_gt(pp_ruleset_at(next, i)->slot, PP_RULES_MAX, "not one in force");
	pp_ruleset_destroy(set);
	pp_ruleset_destroy(next);
}

Test(ruleset, replacing_with_a_rule_that_cannot_be_changes_nothing)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	REPLACE(set, PP_ORIGIN_ANY, NULL, "drop dport 1");
	cr_expect_eq(replace(set, PP_ORIGIN_ANY,
			     (const char *const[]){"drop dport 2", "drop src @none"}, 2, NULL,
			     &err),
		     -ENOENT);
	cr_expect_eq(err.line, 2);
	EXPECT_IDS(set, 1);
	pp_ruleset_destroy(set);
}

Test(ruleset, set_that_a_rule_names_must_be_there_and_stays)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	cr_expect_eq(add_text(set, "drop src @a", &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "@a"), "%s", err.text);
	put_set(set, "a", "192.0.2.1");
	cr_assert_eq(add_text(set, "drop src @a dst @a", &err), 0);
	cr_expect_eq(pp_ruleset_set_users(set, "a"), 1);
	cr_expect_eq(pp_ruleset_remove_set(set, "a", &err), -EBUSY);
	cr_assert_eq(pp_ruleset_remove(set, 1, NULL), 0);
	cr_expect_eq(pp_ruleset_remove_set(set, "a", &err), 0);
	cr_expect_eq(pp_ruleset_remove_set(set, "a", &err), -ENOENT);
	pp_ruleset_destroy(set);
}

Test(ruleset, rules_name_so_many_sets_and_no_more)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};
	char text[40];

	for (uint32_t i = 0; i <= PP_SETS_USED_MAX; i++) {
		snprintf(text, sizeof(text), "s%u", i);
		put_set(set, text, "192.0.2.1");
		snprintf(text, sizeof(text), "drop src @s%u", i);
		cr_expect_eq(add_text(set, text, &err), i < PP_SETS_USED_MAX ? 0 : -ENOSPC);
	}
	pp_ruleset_destroy(set);
}

Test(ruleset, rules_and_entries_expire_at_their_time)
{
	struct pp_ruleset *set = new_set();
	struct pp_rule rule = parse("drop any ttl 5ms");
	uint32_t rules;
	size_t entries;

	put_set(set, "a", "192.0.2.1 ttl 3ms 192.0.2.2");
	cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 1000000, NULL, NULL), 0);
	cr_expect_eq(pp_ruleset_next_expiry(set), 3000000);
	cr_assert_eq(pp_ruleset_expire(set, 5999999, &rules, &entries), 0);
	cr_expect_eq(rules, 0);
	cr_expect_eq(entries, 1);
	cr_expect_eq(pp_ruleset_next_expiry(set), 6000000);
	cr_assert_eq(pp_ruleset_expire(set, 6000000, &rules, &entries), 0);
	cr_expect_eq(rules, 1);
	cr_expect_eq(pp_ruleset_count(set), 0);
	cr_expect_eq(pp_ruleset_next_expiry(set), 0);
	pp_ruleset_destroy(set);
}

// What of the rules, in order, would harm the protected set; "default" for the default action.
static const char *harmed_by(const char *entries, uint8_t verdict, const char *const *rule)
{
	struct pp_ruleset *set = new_set();
	static char found[100];
	uint32_t after = 0, id;
	struct pp_error err;

	put_set(set, "safe", entries);
	put_set(set, "near", "192.0.2.0/23");
	put_set(set, "far", "203.0.113.0/24");
	put_set(set, "soon", "192.0.0.0/16 ttl 1h");
	cr_assert_eq(pp_ruleset_protect(set, "safe", true, NULL), 0);
	pp_ruleset_set_default(set, verdict);
	for (; *rule != NULL; rule++)
		cr_assert_eq(add_text(set, *rule, NULL), 0);
	found[0] = '\0';
	while (pp_ruleset_check_protected(set, &after, &id, &err) == -EPERM)
		sprintf(found + strlen(found), "%s%u", found[0] ? " " : "", id);
	pp_ruleset_destroy(set);
	return found;
}
#define HARMED(entries, verdict, ...)                                                              \
	harmed_by(entries, verdict, (const char *const[]){__VA_ARGS__, NULL})

Test(ruleset, protected_sources_are_neither_dropped_nor_routed)
{
	const char *office = "192.0.2.0/24 2001:db8::/32";
	uint8_t pass = PP_VERDICT_PASS, drop = PP_VERDICT_DROP;

	cr_expect_str_eq(HARMED(office, pass, "pass any"), "");
	cr_expect_str_eq(HARMED(office, pass, "drop proto udp"), "1");
	cr_expect_str_eq(HARMED(office, pass, "drop src 192.0.2.128/25"), "1");
	cr_expect_str_eq(HARMED(office, pass, "drop src 192.0.0.0/16 dport 5"), "1");
	cr_expect_str_eq(HARMED(office, pass, "drop src 192.0.3.0/24"), "");
	cr_expect_str_eq(HARMED(office, pass, "drop src @near", "drop src @far"), "1");
	cr_expect_str_eq(HARMED(office, pass, "route proto udp", "copy proto udp"), "1");
	cr_expect_str_eq(HARMED(office, pass, "copy then drop any"), "1");
	cr_expect_str_eq(HARMED(office, pass, "pass src @safe", "drop any"), "");
	cr_expect_str_eq(HARMED(office, pass, "drop any", "pass src @safe"), "1");
	cr_expect_str_eq(HARMED(office, pass, "pass src @safe dport 5", "drop any"), "2");
	cr_expect_str_eq(HARMED(office, pass, "pass src @near", "drop any"), "2", "IPv6 is not");
	cr_expect_str_eq(HARMED(office, pass, "pass src @near", "drop family ip4"), "");
	cr_expect_str_eq(HARMED(office, pass, "pass src 192.0.2.0/25", "drop family ip4"), "2");
	cr_expect_str_eq(HARMED(office, pass, "pass src 192.0.0.0/9", "drop family ip4"), "");
	cr_expect_str_eq(HARMED(office, pass, "pass src 2001:db8::/32", "drop family ip6"), "");
	cr_expect_str_eq(HARMED(office, drop, "pass any"), "");
	cr_expect_str_eq(HARMED(office, drop, "pass dport 5"), "0");
	cr_expect_str_eq(HARMED(office, drop, "pass src @safe"), "");
	cr_expect_str_eq(HARMED("", drop, "drop any"), "", "nobody is protected");
}

Test(ruleset, what_expires_protects_nobody)
{
	const char *office = "192.0.2.0/24";
	uint8_t pass = PP_VERDICT_PASS, drop = PP_VERDICT_DROP;

	cr_expect_str_eq(HARMED(office, pass, "pass src @safe ttl 1h", "drop any"), "2");
	cr_expect_str_eq(HARMED(office, pass, "pass src @soon", "drop any"), "2");
	cr_expect_str_eq(HARMED(office, drop, "pass any ttl 1h"), "0");
	cr_expect_str_eq(HARMED("192.0.2.0/24 ttl 1h", pass, "pass src @safe", "drop any"), "",
			 "the rule goes on as long as they are protected");
}
