// SPDX-License-Identifier: MIT OR Apache-2.0
// How rules of engine `tuple` lie in the body: one unit or two, ports of their own or shared.
#include "engine_tuple.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "engine_rules.h"
#include "engine_tuple_lookup.h"
#include "tuple_check.h"

#define RULES 3000u

static struct pp_engine_rule rule[RULES];
static struct pp_engine_shape shape;
static struct pp_error err;
static void *state;
static void *body;

static void setup(void)
{
	pp_tuple_fixed_seed = 1;
	for (uint32_t i = 0; i < RULES; i++)
		rule[i] = (struct pp_engine_rule){.slot = i + 1,
						  .rank = 8 * i,
						  .rule_id = i + 1,
						  .frames = PP_FRAMES_IP6,
						  .proto = 17,
						  .iface = -1,
						  .sport_hi = UINT16_MAX,
						  .dport_hi = UINT16_MAX};
}

static void teardown(void)
{
	if (state != NULL)
		pp_engine_tuple.destroy(state);
	free(body);
}

TestSuite(engine_tuple_rule, .init = setup, .fini = teardown, .timeout = 120);

static void set_prefix(uint8_t addr[16], uint8_t *bits, uint32_t number, uint32_t length)
{
	memset(addr, 0, 16);
	for (uint32_t i = 0; i < 16; i++)
		addr[i] = (uint8_t)(0x20 + number * 37 + i * (number + 3));
	for (uint32_t i = length; i < 128; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	*bits = (uint8_t)length;
}

// Different addresses, each rule of these lengths.
static void set_lengths(uint32_t count, uint32_t src_bits, uint32_t dst_bits)
{
	for (uint32_t i = 0; i < count; i++) {
		set_prefix(rule[i].src, &rule[i].src_bits, 1, src_bits);
		set_prefix(rule[i].dst, &rule[i].dst_bits, 2, dst_bits);
		memcpy(src_bits >= 64 ? rule[i].src : rule[i].dst, &i, sizeof(i));
	}
}

static void compile(uint32_t count)
{
	const char *wrong;
	uint32_t rule_id;

	cr_assert_eq(pp_engine_tuple.compile(&state, rule, count, &shape, &rule_id, &err), 0, "%s",
		     err.text);
	body = aligned_alloc(64, shape.body_bytes);
	cr_assert_not_null(body);
	memset(body, 0, shape.body_bytes);
	pp_engine_tuple.emit(state, body);
	wrong = tuple_check(state, body, rule, count);
	cr_assert_null(wrong, "%s", wrong);
}

static void compare(uint32_t count, uint32_t packets)
{
	struct pp_tuple_config config;
	struct rule_gen gen;

	rule_gen_init(&gen, 5);
	memcpy(&config, shape.config, sizeof(config));
	for (uint32_t i = 0; i < packets; i++) {
		struct pp_key key;
		uint64_t sets;

		engine_key_near(&gen, &rule[rule_gen_below(&gen, count)], &key, &sets);
		cr_assert_eq(pp_tuple_lookup(body, &config, &key, sets, NULL),
			     engine_rules_match(rule, count, &key, sets));
	}
}

static uint32_t units(void)
{
	return ((struct pp_tuple_state *)state)->family[PP_TUPLE_IP6].units;
}

static uint32_t buckets(const struct pp_engine_shape *of)
{
	struct pp_tuple_config config;

	memcpy(&config, of->config, sizeof(config));
	return config.part[PP_TUPLE_IP6].bucket_mask + 1;
}

Test(engine_tuple_rule, prefixes_of_every_length_match_what_they_should)
{
	uint32_t count = 0, long_rules = 0;

	for (uint32_t src = 0; src <= 128; src++)
		for (uint32_t i = 0; i < 17; i++, count++) {
			static const uint8_t dst[17] = {0,  1,	2,  31, 32, 33,	 62,  63, 64,
							65, 66, 95, 96, 97, 126, 127, 128};

			set_prefix(rule[count].src, &rule[count].src_bits, i, src);
			set_prefix(rule[count].dst, &rule[count].dst_bits, src, dst[i]);
			long_rules += src > 64 || dst[i] > 64;
		}
	compile(count);
	cr_expect_leq(units(), count + long_rules);
	compare(count, 30000);
}

Test(engine_tuple_rule, first_halves_take_one_unit_and_all_else_two)
{
	set_lengths(RULES, 64, 64);
	compile(RULES);
	cr_expect_eq(units(), RULES);
	teardown();
	shape.body_bytes = 0;
	set_lengths(RULES, 64, 65);
	compile(RULES);
	cr_expect_eq(units(), 2 * RULES);
	compare(RULES, 3000);
}

Test(engine_tuple_rule, ports_beyond_what_conditions_hold_are_in_the_rules)
{
	set_lengths(RULES, 64, 0);
	for (uint32_t i = 0; i < RULES; i++) {
		rule[i].needs_ports = 1;
		rule[i].sport_lo = (uint16_t)(i * 7);
		rule[i].sport_hi = (uint16_t)(i * 7 + i % 5);
		rule[i].dport_lo = (uint16_t)(i % 50 * 1000);
	}
	compile(RULES);
	cr_expect_eq(units(), 2 * RULES - PP_TUPLE_PORT_CONDS);
	compare(RULES, 10000);
}

Test(engine_tuple_rule, shape_of_long_rules_has_no_buckets_for_twice_as_many_short_ones)
{
	struct pp_engine_shape first;

	set_lengths(RULES, 128, 128);
	compile(RULES / 2);
	first = shape;
	teardown();
	set_lengths(RULES, 64, 64);
	compile(RULES);
	cr_expect_gt(buckets(&shape), buckets(&first));
	compare(RULES, 3000);
}
