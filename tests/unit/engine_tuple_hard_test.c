// SPDX-License-Identifier: MIT OR Apache-2.0
// Engine `tuple` and sets that are hard for it: rules that differ in what is not hashed, duplicates,
// shapes that are kept.
#include "engine_tuple.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_rules.h"
#include "engine_tuple_lookup.h"
#include "tuple_check.h"

#define RULES 3000u

static struct pp_engine_rule rule[RULES];
static struct pp_engine_shape shape;
static struct pp_error err;
static uint32_t rule_id;
static void *state;
static void *body;

static void setup(void)
{
	pp_tuple_fixed_seed = 1;
	for (uint32_t i = 0; i < RULES; i++)
		rule[i] = (struct pp_engine_rule){.slot = i + 1,
						  .rank = 4096 * i,
						  .rule_id = i + 1,
						  .frames = PP_FRAMES_IP4,
						  .proto = 6,
						  .iface = -1,
						  .needs_ports = 1,
						  .sport_hi = UINT16_MAX,
						  .dport_hi = UINT16_MAX,
						  .src_bits = 32,
						  .src = {192, 0, 2, 1}};
}

static void teardown(void)
{
	if (state != NULL)
		pp_engine_tuple.destroy(state);
	free(body);
}

TestSuite(engine_tuple_hard, .init = setup, .fini = teardown);

static int compile(uint32_t count)
{
	int ret;

	teardown();
	state = body = NULL;
	ret = pp_engine_tuple.compile(&state, rule, count, &shape, &rule_id, &err);
	if (ret < 0)
		return ret;
	body = aligned_alloc(64, shape.body_bytes);
	cr_assert_not_null(body);
	memset(body, 0, shape.body_bytes);
	pp_engine_tuple.emit(state, body);
	return 0;
}

static uint32_t lookup(const struct pp_key *key, uint64_t sets)
{
	struct pp_tuple_config config;

	memcpy(&config, shape.config, sizeof(config));
	return pp_tuple_lookup(body, &config, key, sets, NULL);
}

static void compare(struct rule_gen *gen, uint32_t count, uint32_t packets)
{
	const char *wrong = tuple_check(state, body, rule, count);

	cr_assert_null(wrong, "%s", wrong);
	for (uint32_t i = 0; i < packets; i++) {
		struct pp_key key;
		uint64_t sets;

		engine_key_near(gen, &rule[rule_gen_below(gen, count)], &key, &sets);
		cr_assert_eq(lookup(&key, sets), engine_rules_match(rule, count, &key, sets));
	}
}

static void compile_and_compare(uint64_t seed, uint32_t count)
{
	struct pp_engine_stats stats;
	struct rule_gen gen;

	rule_gen_init(&gen, seed);
	cr_assert_eq(compile(count), 0, "%s", err.text);
	pp_engine_tuple.stats(state, &stats);
	cr_expect_leq(stats.steps_max, PP_TUPLE_TABLES * (1 + PP_TUPLE_STEPS));
	cr_expect_leq(stats.used_bytes, shape.body_bytes);
	compare(&gen, count, 2000);
}

static void random_range(struct rule_gen *gen, uint16_t *lo, uint16_t *hi)
{
	uint16_t a = (uint16_t)rule_gen_below(gen, 65536), b = (uint16_t)rule_gen_below(gen, 65536);

	*lo = a < b ? a : b;
	*hi = a < b ? b : a;
}

Test(engine_tuple_hard, thousands_of_rules_differ_in_overlapping_ranges_of_ports_only)
{
	struct rule_gen gen;

	rule_gen_init(&gen, 3);
	for (uint32_t i = 0; i < RULES; i++)
		random_range(&gen, &rule[i].dport_lo, &rule[i].dport_hi);
	compile_and_compare(4, RULES);
	for (uint32_t i = 0; i < RULES; i++) {
		rule[i].sport_lo = rule[i].dport_lo;
		rule[i].sport_hi = rule[i].dport_hi;
		rule[i].dport_lo = 0;
		rule[i].dport_hi = UINT16_MAX;
	}
	compile_and_compare(5, RULES);
}

Test(engine_tuple_hard, ranges_that_do_not_hide_each_other_are_bounded_too)
{
	for (uint32_t i = 0; i < RULES; i++) {
		rule[i].dport_lo = (uint16_t)(2 * (RULES - i));
		rule[i].dport_hi = (uint16_t)(UINT16_MAX - (RULES - i));
	}
	compile_and_compare(6, RULES);
}

Test(engine_tuple_hard, thousands_of_rules_differ_in_protocol_and_interface_only)
{
	for (uint32_t i = 0; i < RULES; i++) {
		rule[i].needs_ports = 0;
		rule[i].proto = (int16_t)(i % 256);
		rule[i].iface = (int16_t)(i / 256);
	}
	compile_and_compare(7, RULES);
}

Test(engine_tuple_hard, all_sets_of_a_rule_set_can_be_asked_for_by_rules_that_are_else_the_same)
{
	for (uint32_t i = 0; i < 64; i++) {
		rule[i].src_bits = 0;
		memset(rule[i].src, 0, 16);
		rule[i].frames = PP_FRAMES_IP4 | PP_FRAMES_IP6;
		rule[i].src_sets = i < 32 ? 1u << i : 0;
		rule[i].dst_sets = i < 32 ? 0 : 1u << (i - 32);
	}
	compile_and_compare(8, 64);
}

Test(engine_tuple_hard, duplicates_need_no_room_and_come_back)
{
	const struct pp_engine_touch touch = {.touch = NULL};
	struct pp_key key = {.word = PP_FAMILY_IP4 | 6 << PP_KEY_PROTO_SHIFT |
				     PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT,
			     .addr = {0xc000020100000000}};

	compile_and_compare(9, RULES);
	cr_expect_eq(lookup(&key, 0), 1);
	cr_expect_eq(pp_engine_tuple.change(state, body, &rule[0], 1, NULL, 0, &touch), -EAGAIN,
		     "the first one hides others");
	memmove(&rule[0], &rule[1], (RULES - 1) * sizeof(rule[0]));
	compile_and_compare(9, RULES - 1);
	cr_expect_eq(lookup(&key, 0), 2);
}

Test(engine_tuple_hard, set_that_cannot_be_bounded_is_refused_with_rules_named)
{
	struct rule_gen gen;

	rule_gen_init(&gen, 10);
	for (uint32_t i = 0; i < RULES; i++) {
		// None lies within another.
		rule[i].sport_lo = (uint16_t)(i * 10);
		rule[i].sport_hi = (uint16_t)(30000 + i * 10);
		rule[i].dport_lo = (uint16_t)((RULES - i) * 10);
		rule[i].dport_hi = (uint16_t)(30000 + (RULES - i) * 10);
	}
	cr_assert_eq(compile(RULES), -E2BIG);
	cr_expect_geq(rule_id, 1);
	cr_expect_leq(rule_id, RULES);
	cr_expect_not_null(strstr(err.text, "overlaps rules"), "%s", err.text);
	cr_expect_not_null(strstr(err.text, " more "), "%s", err.text);
}

Test(engine_tuple_hard, shape_is_kept_while_rules_fit_and_not_far_too_large)
{
	struct pp_engine_shape first;

	for (uint32_t i = 0; i < RULES; i++)
		memcpy(rule[i].src, &i, 4);
	cr_assert_eq(compile(1000), 0);
	first = shape;
	cr_assert_eq(compile(1300), 0);
	cr_expect_arr_eq(&shape, &first, sizeof(shape));
	cr_assert_eq(compile(500), 0);
	cr_expect_arr_eq(&shape, &first, sizeof(shape));
	cr_assert_eq(compile(RULES), 0);
	cr_expect_gt(shape.body_bytes, first.body_bytes);
	pp_tuple_layout(&shape, &(struct pp_tuple_need){.rules = {100000}});
	first = shape;
	cr_assert_eq(compile(1000), 0);
	cr_expect_lt(shape.body_bytes, first.body_bytes / 4);
}

Test(engine_tuple_hard, other_frames_get_the_first_rule_of_their_interface)
{
	struct pp_key key = {0};

	for (uint32_t i = 0; i < 4; i++) {
		rule[i].frames = PP_FRAMES_IP4 | PP_FRAMES_IP6 | PP_FRAMES_OTHER;
		rule[i].proto = -1;
		rule[i].needs_ports = rule[i].src_bits = 0;
		memset(rule[i].src, 0, 16);
	}
	rule[0].iface = 3;
	rule[1].iface = 5;
	rule[3].iface = 3;
	cr_assert_eq(compile(4), 0);
	key.word = 3 << PP_KEY_IFACE_SHIFT;
	cr_expect_eq(lookup(&key, 0), 1);
	key.word = 5 << PP_KEY_IFACE_SHIFT;
	cr_expect_eq(lookup(&key, 0), 2);
	key.word = 63 << PP_KEY_IFACE_SHIFT;
	cr_expect_eq(lookup(&key, 0), 3);
}

// 100 addresses, and behind them one rule that matches everything.
static void addresses_and_any(uint32_t rank)
{
	for (uint32_t i = 0; i < 101; i++) {
		rule[i].proto = -1;
		rule[i].needs_ports = 0;
		rule[i].src[3] = (uint8_t)i;
	}
	rule[100].frames = PP_FRAMES_IP4 | PP_FRAMES_IP6 | PP_FRAMES_OTHER;
	rule[100].src_bits = 0;
	memset(rule[100].src, 0, 16);
	rule[100].rank = rank;
	cr_assert_eq(compile(101), 0);
}

Test(engine_tuple_hard, rule_of_the_last_rank_matches)
{
	struct pp_key key = {.word = PP_FAMILY_IP4};

	addresses_and_any(INT32_MAX);
	cr_expect_eq(lookup(&key, 0), 101);
	key.word = PP_FAMILY_IP6;
	cr_expect_eq(lookup(&key, 0), 101);
}

// Steps that a packet takes, and as many as there can be.
static void expect_bounded(const struct pp_key *key)
{
	struct pp_tuple_work work = {0};
	struct pp_tuple_config config;
	struct pp_engine_stats stats;

	memcpy(&config, shape.config, sizeof(config));
	pp_engine_tuple.stats(state, &stats);
	pp_tuple_lookup(body, &config, key, 0, &work);
	cr_expect_leq(work.probes + work.checks, stats.steps_max, "%u probes, %u checks, not %u",
		      work.probes, work.checks, stats.steps_max);
}

Test(engine_tuple_hard, no_table_is_probed_that_is_not_there)
{
	struct pp_key key = {.word = PP_FAMILY_IP6};

	addresses_and_any(1000000);
	expect_bounded(&key);
}

static void touch_nothing(void *arg, uint64_t offset_bytes, uint64_t bytes)
{
	(void)arg;
	(void)offset_bytes;
	(void)bytes;
}

Test(engine_tuple_hard, words_that_run_out_cost_probes_and_nothing_else)
{
	const struct pp_engine_touch touch = {touch_nothing, NULL};
	struct pp_tuple_family *family;
	struct rule_gen gen;

	rule_gen_init(&gen, 11);
	for (uint32_t i = 0; i < RULES; i++) {
		rule[i].src_bits = (uint8_t)(16 + i % 17);
		rule[i].src[0] = (uint8_t)rule_gen_below(&gen, 256);
		rule[i].src[1] = (uint8_t)rule_gen_below(&gen, 256);
		rule[i].src[2] = rule[i].src[3] = 0;
	}
	cr_assert_eq(compile(600), 0);
	cr_assert_eq(pp_engine_tuple.change(state, body, &rule[599], 1, NULL, 0, &touch), 0);
	family = &((struct pp_tuple_state *)state)->family[PP_TUPLE_IP4];
	for (uint64_t i = 0; i <= pp_tuple_part(family)->word_mask; i++)
		pp_tuple_word_get(family, ~i);
	cr_expect_eq(family->word_end, pp_tuple_part(family)->word_mask + 1);
	cr_assert_eq(pp_engine_tuple.change(state, body, NULL, 0, &rule[599], 101, &touch), 0);
	compare(&gen, 700, 5000);
}

Test(engine_tuple_hard, tables_that_lost_their_rules_are_in_the_bound)
{
	const struct pp_engine_touch touch = {touch_nothing, NULL};
	struct pp_key key = {.word = PP_FAMILY_IP4};
	uint32_t count = 0;

	for (uint8_t bits = 11; bits <= 32; bits += 3)
		for (uint32_t i = 0; i < 7; i++) {
			rule[count].proto = -1;
			rule[count].needs_ports = 0;
			rule[count].src_bits = bits;
			memcpy(rule[count].src, (uint8_t[]){10, 0, 0, 0}, 4);
			rule[count].src[1] = (uint8_t)(i << 5);
			count++;
		}
	cr_assert_eq(compile(count), 0);
	cr_assert_eq(pp_engine_tuple.change(state, body, &rule[1], count - 1, NULL, 0, &touch), 0);
	key.addr[0] = 0x0a000000ull << 32;
	expect_bounded(&key);
}
