// SPDX-License-Identifier: MIT OR Apache-2.0
#include "flat_oracle.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "rule_gen.h"

// What the other naive matcher says, rule after rule; sets by number.
static uint32_t
slow(const struct pp_rule *rule, uint32_t count, const struct oracle_packet *packet, uint32_t src)
{
	for (uint32_t i = 0; i < count; i++) {
		bool in_set = rule[i].src_set[0] == '\0' ||
			      (packet->is_ip && src >> atoi(rule[i].src_set + 1) & 1);

		if (in_set && oracle_rule_matches(&rule[i], packet))
			return i;
	}
	return FLAT_ORACLE_NONE;
}

Test(flat_oracle, agrees_with_the_oracle_that_looks_at_one_rule)
{
	struct pp_rule rule[100];
	struct rule_gen gen;
	uint32_t hits = 0;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct flat_oracle *oracle = NULL;
		struct pp_ruleset *set = NULL;
		uint32_t count;

		rule_gen_init(&gen, seed);
		count = 1 + rule_gen_below(&gen, 100);
		cr_assert_eq(pp_ruleset_create(&set), 0);
		for (uint32_t i = 0; i < count; i++) {
			rule_gen_rule(&gen, &rule[i]);
			cr_assert_eq(pp_ruleset_add(set, &rule[i], PP_ORIGIN_CONFIG, 0, NULL, NULL),
				     0);
			rule_gen_use_sets(&gen, &rule[i]);
			rule[i].dst_set[0] = '\0';
		}
		cr_assert_eq(flat_oracle_create(&oracle, rule, count), 0);
		for (int i = 0; i < 500; i++) {
			struct oracle_packet packet;
			uint32_t src = rule_gen_below(&gen, 8), got;

			rule_gen_packet(&gen, set, &packet);
			got = flat_oracle_match(oracle, &packet, src, 0);
			cr_assert_eq(got, slow(rule, count, &packet, src), "seed %llu, packet %d",
				     (unsigned long long)seed, i);
			hits += got != FLAT_ORACLE_NONE;
		}
		flat_oracle_destroy(oracle);
		pp_ruleset_destroy(set);
	}
	cr_expect(hits > 10000, "%u only", hits);
}

Test(flat_oracle, no_rule_matches_nothing)
{
	struct flat_oracle *oracle;
	struct oracle_packet packet = {.iface = "pp0"};

	cr_assert_eq(flat_oracle_create(&oracle, NULL, 0), 0);
	cr_expect_eq(flat_oracle_match(oracle, &packet, 0, 0), FLAT_ORACLE_NONE);
	flat_oracle_destroy(oracle);
}
