// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ring.h"

#include <criterion/criterion.h>

#include <errno.h>

Test(ring, create_refuses_bad_sizes_and_keeps_out)
{
	static const uint32_t bad[] = {
		0, 1, 3, 1000, PP_RING_SLOTS_MAX + 1, PP_RING_SLOTS_MAX * 2, UINT32_MAX};
	struct pp_ring *ring = (struct pp_ring *)0x1;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(pp_ring_create(&ring, bad[i]), -EINVAL, "slots=%u", bad[i]);
	cr_expect_eq(ring, (struct pp_ring *)0x1, "out must be untouched on failure");
	pp_ring_destroy(NULL);
}

Test(ring, holds_as_many_as_it_has_slots)
{
	static const uint32_t sizes[] = {2, 4, 64, PP_RING_SLOTS_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pp_ring *ring = NULL;
		uint64_t value = 0, out;
		uint32_t n = 0;

		cr_assert_eq(pp_ring_create(&ring, sizes[i]), 0);
		while (pp_ring_push(ring, &value, 1) == 1) {
			value++;
			n++;
		}
		cr_expect_eq(n, sizes[i]);
		for (uint32_t j = 0; j < n; j++) {
			cr_assert_eq(pp_ring_pop(ring, &out, 1), 1);
			cr_assert_eq(out, j);
		}
		cr_expect_eq(pp_ring_pop(ring, &out, 1), 0);
		pp_ring_destroy(ring);
	}
}

Test(ring, full_ring_leaves_the_rest_with_the_caller)
{
	static const uint64_t in[] = {1, 2, 3, 4, 5};
	struct pp_ring *ring = NULL;
	uint64_t out[5] = {0};

	cr_assert_eq(pp_ring_create(&ring, 4), 0);
	cr_expect_eq(pp_ring_push(ring, in, 5), 4);
	cr_expect_eq(pp_ring_push(ring, &in[4], 1), 0, "full ring must refuse, not overwrite");
	cr_expect_eq(pp_ring_pop(ring, out, 5), 4);
	cr_expect_arr_eq(out, in, 4 * sizeof(in[0]), "oldest first");
	cr_expect_eq(out[4], 0, "no more than was there");
	pp_ring_destroy(ring);
}

Test(ring, empty_bursts_change_nothing)
{
	struct pp_ring *ring = NULL;
	uint64_t value = 7;

	cr_assert_eq(pp_ring_create(&ring, 2), 0);
	cr_expect_eq(pp_ring_push(ring, &value, 0), 0);
	cr_expect_eq(pp_ring_pop(ring, &value, 4), 0);
	cr_expect_eq(value, 7);
	pp_ring_destroy(ring);
}

// Bursts of all sizes against each other, many times around.
Test(ring, wraps_without_losing_or_repeating_a_value)
{
	struct pp_ring *ring = NULL;
	uint64_t pushed = 0, popped = 0, seed = 1;
	uint64_t burst[11];

	cr_assert_eq(pp_ring_create(&ring, 8), 0);
	while (popped < 100000) {
		uint32_t n;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		for (int i = 0; i < 11; i++)
			burst[i] = ~(pushed + (uint64_t)i);
		n = pp_ring_push(ring, burst, (uint32_t)(seed >> 33) % 12);
		pushed += n;
		n = pp_ring_pop(ring, burst, (uint32_t)(seed >> 48) % 12);
		for (uint32_t i = 0; i < n; i++)
			cr_assert_eq(burst[i], ~(popped + i));
		popped += n;
		cr_assert_leq(pushed - popped, 8);
	}
	pp_ring_destroy(ring);
}
