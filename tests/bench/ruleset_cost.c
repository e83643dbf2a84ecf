// SPDX-License-Identifier: MIT OR Apache-2.0
// What a change of one rule costs besides the engine: copy, settle, add or delete, difference, the
// table of who has which slot, and letting go of what was in force.
//
//   ruleset_cost [RULES...]        medians, in microseconds
#include <stdio.h>
#include <stdlib.h>

#include <push-packet/clock.h>

#include "rule_gen.h"
#include "rule_table.h"

#define CHANGES 2000u

enum part {
	COPY,
	CHANGE,
	DIFF,
	TABLE,
	RELEASE,
	TOTAL,
	PARTS,
};

static uint64_t cost_ns[PARTS][CHANGES];

struct state {
	struct pp_ruleset *rules; // in force
	struct pp_rule_table *table; // in force
	struct rule_gen gen;
};

static void check(int ret)
{
	if (ret < 0) {
		fprintf(stderr, "ruleset_cost: failed with %d\n", ret);
		exit(1);
	}
}

static void change(struct state *s, struct pp_ruleset *rules, bool add)
{
	uint32_t count = pp_ruleset_count(rules);
	struct pp_rule rule;

	if (add) {
		rule_gen_rule(&s->gen, &rule);
		check(pp_ruleset_add(rules, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL));
	} else {
		const struct pp_ruleset_entry *entry =
			pp_ruleset_at(rules, rule_gen_below(&s->gen, count));

		check(pp_ruleset_remove(rules, entry->id, NULL));
	}
}

static void lap(uint64_t at_ns[], enum part part)
{
	at_ns[part + 1] = pp_clock_ns(CLOCK_MONOTONIC);
}

static void transact(struct state *s, uint32_t index)
{
	uint64_t at_ns[PARTS] = {pp_clock_ns(CLOCK_MONOTONIC)};
	struct pp_rule_table *table;
	struct pp_ruleset_diff diff;
	struct pp_ruleset *next;

	check(pp_ruleset_copy(&next, s->rules));
	pp_ruleset_settle(next);
	lap(at_ns, COPY);
	change(s, next, index % 2);
	lap(at_ns, CHANGE);
	check(pp_ruleset_diff(s->rules, next, &diff));
	lap(at_ns, DIFF);
	check(pp_rule_table_create(&table, s->table, &diff, pp_ruleset_generation(next),
				   PP_CONSUMER_KINDS, NULL));
	lap(at_ns, TABLE);
	pp_ruleset_diff_fini(&diff);
	pp_rule_table_destroy(s->table);
	pp_ruleset_destroy(s->rules);
	lap(at_ns, RELEASE);
	s->table = table;
	s->rules = next;
	for (int part = 0; part < TOTAL; part++)
		cost_ns[part][index] = at_ns[part + 1] - at_ns[part];
	cost_ns[TOTAL][index] = at_ns[TOTAL] - at_ns[0];
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static double at_us(enum part part, uint32_t per_mille)
{
	return (double)cost_ns[part][(uint64_t)(CHANGES - 1) * per_mille / 1000] / 1000;
}

static void run(uint32_t rules)
{
	struct pp_ruleset_diff diff;
	struct state s;
	struct pp_rule rule;

	rule_gen_init(&s.gen, rules);
	check(pp_ruleset_create(&s.rules));
	for (uint32_t i = 0; i < rules; i++) {
		rule_gen_rule(&s.gen, &rule);
		check(pp_ruleset_add(s.rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL));
	}
	check(pp_ruleset_diff(NULL, s.rules, &diff));
	check(pp_rule_table_create(&s.table, NULL, &diff, pp_ruleset_generation(s.rules),
				   PP_CONSUMER_KINDS, NULL));
	pp_ruleset_diff_fini(&diff);
	for (uint32_t i = 0; i < CHANGES; i++)
		transact(&s, i);
	for (int part = 0; part < PARTS; part++)
		qsort(cost_ns[part], CHANGES, sizeof(cost_ns[0][0]), compare);
	printf("%8u %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f %8.1f\n", rules, at_us(COPY, 500),
	       at_us(CHANGE, 500), at_us(DIFF, 500), at_us(TABLE, 500), at_us(RELEASE, 500),
	       at_us(TOTAL, 500), at_us(TOTAL, 990));
	pp_rule_table_destroy(s.table);
	pp_ruleset_destroy(s.rules);
}

int main(int argc, char **argv)
{
	printf("%8s %8s %8s %8s %8s %8s %8s %8s\n", "rules", "copy", "change", "diff", "table",
	       "release", "total", "p99");
	for (int i = 1; i < argc; i++)
		run((uint32_t)strtoul(argv[i], NULL, 10));
	if (argc < 2) {
		run(1000);
		run(10000);
		run(100000);
	}
	return 0;
}
