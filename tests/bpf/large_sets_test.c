// SPDX-License-Identifier: MIT OR Apache-2.0
// Large rule sets in the real program, with real packets, against the naive matcher: generated sets and,
// if PP_RULESETS names their folder, public ones; with and without a verdict cache; as compiled, and
// after changes that are not compiled. PP_SEED: others than the usual ones.
#include "tap_test.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "flat_oracle.h"
#include "ruleset_open.h"
#include "trace_packet.h"

#define PACKETS 6000u
#define CHANGES 60u

static struct pp_rule *rule;
static uint32_t rule_count;
static struct oracle_packet header[PACKETS];

TestSuite(large_sets, .fini = close_run, .timeout = 300);

static uint64_t seed(void)
{
	const char *text = getenv("PP_SEED");

	return text != NULL ? strtoull(text, NULL, 0) : 20;
}

static void publish(struct pp_ruleset *set)
{
	struct pp_error err = {0};
	int ret = tap_run_publish(&run, set, &err);

	cr_assert_eq(ret, 0, "%s", err.text);
}

static void put_in_force(void)
{
	struct pp_ruleset *set = NULL;
	struct pp_error err = {0};

	cr_assert_eq(pp_ruleset_create(&set), 0);
	for (uint32_t i = 0; i < rule_count; i++)
		cr_assert_eq(pp_ruleset_add(set, &rule[i], PP_ORIGIN_CONFIG, 0, NULL, &err), 0,
			     "%s", err.text);
	publish(set);
}

static uint64_t packets_of(uint32_t slot)
{
	struct pp_rule_stats stats;

	pp_kernel_counts_rule(&run.maps.counts, slot, &stats);
	return stats.pkts;
}

static uint64_t packets_of_all(void)
{
	uint64_t sum = 0;

	for (uint32_t slot = 0; slot < pp_ruleset_slots(run.rules); slot++)
		sum += packets_of(slot);
	return sum;
}

// Every packet is counted by the rule that the naive matcher names, and by no other.
static void compare(const char *what)
{
	struct flat_oracle *oracle;
	uint64_t before = packets_of_all();

	cr_assert_eq(flat_oracle_create(&oracle, rule, rule_count), 0);
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint32_t want = flat_oracle_match(oracle, &header[i], 0, 0);
		uint32_t slot = want == FLAT_ORACLE_NONE ? PP_SLOT_DEFAULT
							 : pp_ruleset_at(run.rules, want)->slot;
		uint64_t had = packets_of(slot);

		trace_packet(&header[i], &packet);
		cr_assert_geq(tap_run_shoot(&run, 0, i % 2, packet.data, packet.len_bytes), 0);
		cr_assert_eq(packets_of(slot), had + 1, "%s, seed %llu, packet %u: not rule %u",
			     what, (unsigned long long)seed(), i, want);
	}
	cr_expect_eq(packets_of_all(), before + PACKETS, "%s: counted by another rule too", what);
	flat_oracle_destroy(oracle);
}

// Rules go and come back at the end, in one transaction each.
static void change(struct rule_gen *gen)
{
	uint32_t at = rule_gen_below(gen, rule_count);
	struct pp_rule moved = rule[at];
	struct pp_ruleset *set = NULL;
	struct pp_error err = {0};

	cr_assert_eq(pp_ruleset_copy(&set, run.rules), 0);
	pp_ruleset_settle(set);
	cr_assert_eq(pp_ruleset_remove(set, pp_ruleset_at(set, at)->id, &err), 0);
	cr_assert_eq(pp_ruleset_add(set, &moved, PP_ORIGIN_CONFIG, 0, NULL, &err), 0);
	memmove(&rule[at], &rule[at + 1], (rule_count - at - 1) * sizeof(rule[0]));
	rule[rule_count - 1] = moved;
	publish(set);
}

static void judge(const char *spec, uint8_t cache)
{
	struct pp_trace_options options = {
		.mode = PP_TRACE_CORNERS, .count = PACKETS, .seed = seed()};
	struct pp_error err = {0};
	struct rule_gen gen;

	cr_assert_eq(ruleset_open(spec, &rule, &rule_count, &err), 0, "%s: %s", spec, err.text);
	cr_assert_eq(pp_trace_make(&options, rule, rule_count, header), 0);
	cr_assert_eq(tap_run_open_engine(&run, "tuple", cache, NULL, &err), 0, "%s", err.text);
	put_in_force();
	compare(spec);
	if (cache == PP_CACHE_ON)
		compare(spec);
	rule_gen_init(&gen, seed());
	for (uint32_t i = 0; i < CHANGES; i++)
		change(&gen);
	cr_expect_lt(run.maps.images.compiled, CHANGES / 2, "most changes need no compiling");
	compare(spec);
	tap_run_close(&run);
	free(rule);
}

static void judge_generated(const char *kind, uint32_t rules, uint8_t cache)
{
	char spec[100];

	snprintf(spec, sizeof(spec), "gen:%s:both:%u:%llu", kind, rules,
		 (unsigned long long)seed());
	judge(spec, cache);
}

Test(large_sets, acl)
{
	judge_generated("acl", 10000, PP_CACHE_OFF);
}

Test(large_sets, fw)
{
	judge_generated("fw", 10000, PP_CACHE_ON);
}

Test(large_sets, ipc)
{
	judge_generated("ipc", 10000, PP_CACHE_OFF);
}

Test(large_sets, dense)
{
	judge_generated("dense", 2000, PP_CACHE_ON);
}

Test(large_sets, slots_beyond_the_first_counters)
{
	judge_generated("acl", 40000, PP_CACHE_ON);
}

Test(large_sets, public_ones)
{
	const char *folder = getenv("PP_RULESETS");
	char pattern[300];
	glob_t found;

	if (folder == NULL)
		return;
	snprintf(pattern, sizeof(pattern), "%s/*_1*k", folder);
	cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "%s", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++)
		judge(found.gl_pathv[i], i % 2 ? PP_CACHE_ON : PP_CACHE_OFF);
	globfree(&found);
}
