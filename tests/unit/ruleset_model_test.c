// SPDX-License-Identifier: MIT OR Apache-2.0
// Rule sets that share what they have in common, against arrays that share nothing.
#include <push-packet/ruleset.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETS 6
#define RULES 3000u
#define TTL_NS 1000000000ull

struct model_rule {
	uint32_t id;
	uint32_t prio;
	uint32_t name;
	uint64_t expires_ns;
};

struct model {
	struct pp_ruleset *set; // NULL: there is none
	struct model_rule rule[RULES];
	uint32_t count;
};

TestSuite(ruleset_model, .timeout = 200);

static struct model model[SETS];
static uint64_t random_state;
static uint32_t names;

static uint32_t below(uint32_t limit)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33) % limit;
}

static struct pp_rule named_rule(uint32_t name, uint32_t prio)
{
	struct pp_rule rule = {
		.prio = prio,
		.verdict = name % 7 == 0 ? PP_VERDICT_PASS : PP_VERDICT_DROP,
		.take_bytes = PP_TAKE_ALL,
		.any = true,
		.proto = -1,
		.ttl_ns = name % 5 == 0 ? TTL_NS * (1 + name % 3) : 0,
	};

	snprintf(rule.name, sizeof(rule.name), "r%u", name);
	return rule;
}

static uint32_t random_prio(void)
{
	return below(2) ? below(4) : below(1000);
}

static void model_insert(struct model *m, struct model_rule rule)
{
	uint32_t at = m->count;

	while (at > 0 && m->rule[at - 1].prio > rule.prio)
		at--;
	memmove(&m->rule[at + 1], &m->rule[at], (m->count - at) * sizeof(rule));
	m->rule[at] = rule;
	m->count++;
}

static void model_remove(struct model *m, uint32_t at)
{
	m->count--;
	memmove(&m->rule[at], &m->rule[at + 1], (m->count - at) * sizeof(m->rule[0]));
}

static void add_random(struct model *m)
{
	struct model_rule added = {.prio = random_prio(), .name = names++};
	struct pp_rule rule = named_rule(added.name, added.prio);

	if (m->count == RULES)
		return;
	cr_assert_eq(pp_ruleset_add(m->set, &rule, PP_ORIGIN_COMMAND, 0, &added.id, NULL), 0);
	added.expires_ns = rule.ttl_ns;
	model_insert(m, added);
}

static void remove_random(struct model *m)
{
	uint32_t at;

	if (m->count == 0)
		return;
	at = below(m->count);
	cr_assert_eq(pp_ruleset_remove(m->set, m->rule[at].id, NULL), 0);
	cr_assert_null(pp_ruleset_find(m->set, m->rule[at].id));
	model_remove(m, at);
}

static void expire_random(struct model *m)
{
	uint64_t now_ns = TTL_NS * (1 + below(3));
	uint32_t expected = 0, rules;

	for (uint32_t i = m->count; i-- > 0;)
		if (m->rule[i].expires_ns != 0 && m->rule[i].expires_ns <= now_ns) {
			model_remove(m, i);
			expected++;
		}
	cr_assert_eq(pp_ruleset_expire(m->set, now_ns, &rules, NULL), 0);
	cr_assert_eq(rules, expected);
}

// Most of what is there, some of it elsewhere, and something new.
static uint32_t pick_rules(const struct model *m, struct model_rule *list, struct pp_rule *rule)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->count; i++)
		if (below(20) > 0)
			list[count++] = m->rule[i];
	for (uint32_t i = below(5); i > 0 && count > 0; i--) {
		uint32_t a = below(count), b = below(count);
		struct model_rule kept = list[a];

		list[a] = list[b];
		list[b] = kept;
	}
	for (uint32_t i = below(50); i > 0 && count < RULES; i--) {
		uint32_t at = below(count + 1);

		memmove(&list[at + 1], &list[at], (count++ - at) * sizeof(*list));
		list[at] = (struct model_rule){.prio = random_prio(), .name = names++};
	}
	for (uint32_t i = 0; i < count; i++)
		rule[i] = named_rule(list[i].name, list[i].prio);
	return count;
}

static void replace_random(struct model *m)
{
	static struct model_rule list[RULES + 1];
	static struct pp_rule rule[RULES];
	static uint32_t id[RULES];
	uint32_t count = pick_rules(m, list, rule), before = m->count, kept = 0;
	struct pp_ruleset_change change;

	cr_assert_eq(pp_ruleset_replace(m->set, rule, count, PP_ORIGIN_ANY, 0, id, &change, NULL),
		     0);
	m->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		kept += list[i].id != 0;
		cr_assert(list[i].id == 0 || list[i].id == id[i], "an equal rule stays");
		list[i].id = id[i];
		list[i].expires_ns = rule[i].ttl_ns;
		model_insert(m, list[i]);
	}
	cr_assert_eq(change.kept, kept);
	cr_assert_eq(change.added, count - kept);
	cr_assert_eq(change.deleted, before - kept);
}

static void copy_to_random(const struct model *m)
{
	struct model *to = &model[below(SETS)];
	struct pp_ruleset *copy;

	cr_assert_eq(pp_ruleset_copy(&copy, m->set), 0);
	pp_ruleset_destroy(to->set);
	if (to != m)
		*to = *m;
	to->set = copy;
}

static void check_order(const struct model *m)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(m->set, 0);
	uint64_t next_ns = 0;
	uint32_t rank = 0, greatest = 0;

	cr_assert_eq(pp_ruleset_count(m->set), m->count);
	for (uint32_t i = 0; i < m->count; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_next(&cursor);
		const struct model_rule *rule = &m->rule[i];

		cr_assert(entry == pp_ruleset_at(m->set, i) &&
			  entry == pp_ruleset_find(m->set, rule->id));
		cr_assert(entry->id == rule->id && entry->rule.prio == rule->prio &&
			  (uint32_t)atoi(&entry->rule.name[1]) == rule->name);
		cr_assert(entry->rank > rank && entry->rank < PP_RANK_END, "rank %u after %u",
			  entry->rank, rank);
		cr_assert_eq(pp_ruleset_rules_before(m->set, entry->rank), i);
		rank = entry->rank;
		greatest = entry->id > greatest ? entry->id : greatest;
		if (rule->expires_ns != 0 && (next_ns == 0 || rule->expires_ns < next_ns))
			next_ns = rule->expires_ns;
	}
	cr_assert_null(pp_ruleset_next(&cursor));
	cr_assert_eq(pp_ruleset_greatest_id(m->set), greatest);
	cr_assert_eq(pp_ruleset_next_expiry(m->set), next_ns);
}

static void check_slots(const struct model *m)
{
	static uint8_t seen[PP_SLOTS_MAX];
	uint32_t shelters = 0, found = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < m->count; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(m->set, i);

		cr_assert(entry->slot > 0 && entry->slot < PP_SLOTS_MAX && !seen[entry->slot]++);
		shelters += pp_ruleset_traits(&entry->rule) == PP_TRAIT_SHELTER;
	}
	for (uint32_t i = 0; pp_ruleset_next_with(m->set, &i, PP_TRAIT_SHELTER) != NULL; i++)
		found++;
	cr_assert_eq(found, shelters);
}

// What a list of a diff must be: what of one set the other does not have.
static void check_missing(const struct model *in,
			  const struct model *other,
			  const struct pp_ruleset_entry **list,
			  uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < in->count; i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(in->set, i);

		if (pp_ruleset_find(other->set, entry->id) == entry)
			continue;
		cr_assert(n < count && list[n] == entry, "entry %u is not in the list", entry->id);
		n++;
	}
	cr_assert_eq(n, count);
}

static void check_diff(const struct model *before, const struct model *after)
{
	struct pp_ruleset_diff diff;

	cr_assert_eq(pp_ruleset_diff(before->set, after->set, &diff), 0);
	check_missing(after, before, diff.added, diff.added_count);
	check_missing(before, after, diff.deleted, diff.deleted_count);
	pp_ruleset_diff_fini(&diff);
}

static void change_random(struct model *m)
{
	uint32_t what = below(100), growing = (uint32_t)(random_state >> 60) < 9;

	if (what < 60) {
		for (uint32_t i = below(20); i > 0; i--)
			(growing ? add_random : remove_random)(m);
	} else if (what < 80) {
		for (uint32_t i = below(20); i > 0; i--)
			(below(2) ? add_random : remove_random)(m);
	} else if (what < 90) {
		copy_to_random(m);
	} else if (what < 95) {
		pp_ruleset_settle(m->set);
	} else if (what < 98) {
		replace_random(m);
	} else {
		expire_random(m);
	}
}

static void run(uint64_t seed, uint32_t changes)
{
	random_state = seed;
	for (int i = 0; i < SETS; i++) {
		model[i].count = 0;
		cr_assert_eq(pp_ruleset_create(&model[i].set), 0);
	}
	for (uint32_t i = 0; i < changes; i++) {
		struct model *m = &model[below(SETS)];

		change_random(m);
		if (i % 16 == 0) {
			check_order(m);
			check_slots(m);
			check_diff(m, &model[below(SETS)]);
		}
	}
	for (int i = 0; i < SETS; i++) {
		check_order(&model[i]);
		pp_ruleset_destroy(model[i].set);
	}
}

Test(ruleset_model, random_changes_of_copies_are_those_of_arrays)
{
	for (uint64_t seed = 1; seed <= 8; seed++)
		run(seed, 3000);
}

// How many rules have a rank that they had not, the one that was added included.
static uint32_t moved(const struct pp_ruleset *before, const struct pp_ruleset *after)
{
	struct pp_ruleset_diff diff;
	uint32_t added;

	cr_assert_eq(pp_ruleset_diff(before, after, &diff), 0);
	cr_assert_eq(diff.added_count, diff.deleted_count + 1);
	added = diff.added_count;
	pp_ruleset_diff_fini(&diff);
	return added;
}

// Add rules one by one.
//
// @return  How many got a rank with each, on average.
static double add_many(uint32_t (*prio)(uint32_t i), uint32_t changes)
{
	struct pp_ruleset *set, *next;
	uint32_t sum = 0, rank = 0;
	struct pp_ruleset_cursor cursor;
	const struct pp_ruleset_entry *entry;

	cr_assert_eq(pp_ruleset_create(&set), 0);
	for (uint32_t i = 0; i < changes; i++) {
		struct pp_rule rule = named_rule(1, prio(i));

		cr_assert_eq(pp_ruleset_copy(&next, set), 0);
		cr_assert_eq(pp_ruleset_add(next, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL), 0);
		sum += moved(set, next);
		pp_ruleset_destroy(set);
		set = next;
	}
	cursor = pp_ruleset_begin(set, 0);
	while ((entry = pp_ruleset_next(&cursor)) != NULL) {
		cr_assert(entry->rank > rank && entry->rank < PP_RANK_END);
		rank = entry->rank;
	}
	cr_assert_eq(pp_ruleset_count(set), changes);
	pp_ruleset_destroy(set);
	return (double)sum / changes;
}

static uint32_t falling(uint32_t i)
{
	return i == 0 ? 1 : PP_PRIO_MAX - i;
}

static uint32_t falling_to_the_head(uint32_t i)
{
	return PP_PRIO_MAX - i;
}

static uint32_t one_before_another(uint32_t i)
{
	return i == 0 ? 9 : 5;
}

static uint32_t rising(uint32_t i)
{
	return i;
}

static uint32_t one_prio(uint32_t i)
{
	return i & 0;
}

static uint32_t any(uint32_t i)
{
	return i * 2654435761u % PP_PRIO_MAX;
}

Test(ruleset_model, rules_of_others_seldom_get_another_rank)
{
	cr_expect_eq(add_many(one_prio, 50000), 1);
	cr_expect_eq(add_many(rising, 50000), 1);
	cr_expect_eq(add_many(falling_to_the_head, 50000), 1);
	cr_expect_lt(add_many(one_before_another, 50000), 1.01);
	cr_expect_lt(add_many(any, 50000), 1.5);
	cr_expect_lt(add_many(falling, 50000), 10);
}

Test(ruleset_model, one_rule_more_in_a_list_leaves_the_others_alone)
{
	static struct pp_rule rule[20001];
	struct pp_ruleset *set, *next;
	struct pp_ruleset_diff diff;

	for (uint32_t i = 0; i < 20000; i++)
		rule[i] = named_rule(i, 1000);
	cr_assert_eq(pp_ruleset_create(&set), 0);
	cr_assert_eq(pp_ruleset_replace(set, rule, 20000, PP_ORIGIN_CONFIG, 0, NULL, NULL, NULL),
		     0);
	memmove(&rule[701], &rule[700], 19300 * sizeof(rule[0]));
	rule[700] = named_rule(99999, 1000);
	cr_assert_eq(pp_ruleset_copy(&next, set), 0);
	cr_assert_eq(pp_ruleset_replace(next, rule, 20001, PP_ORIGIN_CONFIG, 0, NULL, NULL, NULL),
		     0);
	cr_assert_eq(pp_ruleset_diff(set, next, &diff), 0);
	cr_expect_eq(diff.added_count, 1);
	cr_expect_eq(diff.deleted_count, 0);
	cr_expect_str_eq(diff.added[0]->rule.name, "r99999");
	pp_ruleset_diff_fini(&diff);
	pp_ruleset_destroy(set);
	pp_ruleset_destroy(next);
}
