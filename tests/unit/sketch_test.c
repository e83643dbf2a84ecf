// SPDX-License-Identifier: MIT OR Apache-2.0
#include "sketch.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#define KEYS 200000u // of the oracle

static struct pp_sketch *sketch;
static uint32_t *truth; // packets by key
static uint64_t packets;

static void init(void)
{
	cr_assert_eq(pp_sketch_create(&sketch), 0);
	truth = calloc(KEYS, sizeof(*truth));
	cr_assert_not_null(truth);
	packets = 0;
}

static void fini(void)
{
	pp_sketch_destroy(sketch);
	free(truth);
}

TestSuite(sketch, .init = init, .fini = fini);

static void add(uint32_t number)
{
	struct pp_analyser_key key = {.by = PP_BY_FLOW};

	memcpy(key.src, &number, sizeof(number));
	pp_sketch_add(sketch, &key, packets)->way[0].pkts++;
	truth[number]++;
	packets++;
}

// Everything that the header promises, of every key.
static void check(void)
{
	const struct pp_sketch_row *row;
	uint32_t count = pp_sketch_rows(sketch, &row), number;
	uint64_t bound = packets / PP_SKETCH_KEYS, sum = 0;
	bool *listed = calloc(KEYS, sizeof(*listed));

	cr_assert_eq(pp_sketch_pkts(sketch), packets);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(&number, row[i].key.src, sizeof(number));
		cr_assert_not(listed[number], "key %u has two counters", number);
		listed[number] = true;
		cr_assert_geq(row[i].pkts, truth[number]);
		cr_assert_leq(row[i].pkts - row[i].error_pkts, truth[number]);
		cr_assert_eq(row[i].pkts - row[i].error_pkts, row[i].way[0].pkts);
		cr_assert_leq(row[i].error_pkts, bound);
		sum += row[i].pkts;
	}
	cr_assert_eq(sum, packets, "counters add up to all packets");
	for (uint32_t i = 0; i < KEYS; i++)
		cr_assert(listed[i] || truth[i] <= (count < PP_SKETCH_KEYS ? 0 : bound),
			  "key %u with %u packets has no counter", i, truth[i]);
	free(listed);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

Test(sketch, counts_exactly_while_every_key_has_a_counter)
{
	const struct pp_sketch_row *row;

	for (uint32_t i = 0; i < 50000; i++)
		add(i * i % PP_SKETCH_KEYS);
	check();
	for (uint32_t i = pp_sketch_rows(sketch, &row); i-- > 0;)
		cr_expect_eq(row[i].error_pkts, 0);
}

Test(sketch, keys_that_come_once_each_cannot_hide_the_heavy_ones)
{
	for (uint32_t i = 0; i < 150000; i++) {
		add(1000 + i);
		if (i % 100 == 0)
			add(i / 100 % 7);
		if (i % 30000 == 0)
			check();
	}
	check();
}

Test(sketch, who_goes_round_just_above_the_room_is_within_the_bound)
{
	for (uint32_t i = 0; i < 40 * (PP_SKETCH_KEYS + 1); i++)
		add(i % (PP_SKETCH_KEYS + 1));
	check();
}

Test(sketch, heavy_keys_that_come_last_are_found)
{
	for (uint32_t i = 0; i < 100000; i++)
		add(i);
	for (uint32_t i = 0; i < 300; i++)
		add(150000);
	check();
}

Test(sketch, any_mixture_is_within_the_bound)
{
	uint64_t state = 42;

	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 10000; i++) {
			uint32_t r = next_random(&state), bits = next_random(&state) % 18;

			add(r & ((1u << bits) - 1));
		}
		check();
	}
}
