// SPDX-License-Identifier: MIT OR Apache-2.0
// Batches of frames in a handoff ring: as a run, or one by one where they are too far from each
// other. Addresses only: nobody looks at the frames.
#include "handoff.h"

#include <criterion/criterion.h>

static struct pp_handoff *handoff;

static void init(void)
{
	cr_assert_eq(pp_handoff_create(&handoff, 4096), 0);
}

static void fini(void)
{
	pp_handoff_destroy(handoff);
}

TestSuite(handoff_run, .init = init, .fini = fini, .timeout = 120);

static void frames_from(const uint8_t *data[], uint32_t n, uint64_t first, int64_t step)
{
	for (uint32_t i = 0; i < n; i++)
		data[i] = (const uint8_t *)(uintptr_t)(first + (uint64_t)((int64_t)i * step));
}

// All lengths, at all places of the ring, taken and given back in pieces.
static void check_batch(const uint8_t *const data[], uint32_t n, uint32_t piece)
{
	const uint8_t *got[256];
	uint32_t seen = 0, back = 0;
	uint16_t row = 0;

	cr_assert_eq(pp_handoff_push_frames(handoff, data, n, (uint16_t)n), n);
	while (seen < n) {
		uint32_t m = pp_handoff_burst(handoff, got, piece);

		cr_assert_eq(m, piece < n - seen ? piece : n - seen, "of %u by %u", n, piece);
		cr_assert_arr_eq(got, &data[seen], m * sizeof(*got), "of %u by %u", n, piece);
		pp_handoff_release(handoff);
		seen += m;
		while (back < seen) {
			m = pp_handoff_take_back(handoff, got, 1 + piece / 2, &row);
			cr_assert(m > 0 && m <= seen - back, "%u of %u by %u", m, n, piece);
			cr_assert_eq(row, n);
			cr_assert_arr_eq(got, &data[back], m * sizeof(*got));
			back += m;
		}
		cr_assert_eq(pp_handoff_take_back(handoff, got, 256, &row), 0, "not released");
	}
	cr_assert(pp_handoff_empty(handoff));
}

Test(handoff_run, batches_of_frames_go_and_come_in_pieces)
{
	const uint8_t *data[256];

	for (uint32_t n = 1; n <= 256; n += n < 20 ? 1 : 7) {
		frames_from(data, n, 0x7fff12345678, n % 2 ? -2112 : 2112);
		for (uint32_t piece = 1; piece <= n; piece += 1 + piece / 3)
			check_batch(data, n, piece);
	}
}

// Four bytes a frame, and two units.
Test(handoff_run, near_frames_take_half_the_room)
{
	const uint8_t *data[64];
	const uint8_t *got[1024];
	uint32_t n = 0;

	frames_from(data, 64, 1ul << 32, 4096);
	while (pp_handoff_push_frames(handoff, data, 64, 1) == 64)
		n += 64;
	cr_expect_geq(n, 64 * (512 / 34 - 1));
	cr_expect_geq(pp_handoff_burst(handoff, got, 1024), n);
}

Test(handoff_run, frames_at_the_limits_of_a_run)
{
	static const int64_t step[] = {
		INT32_MAX, (int64_t)INT32_MAX + 1, INT32_MIN, INT32_MIN - 1l, 1l << 45, 1};
	const uint8_t *data[9];

	for (uint32_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		for (uint32_t odd = 0; odd < 9; odd++) {
			frames_from(data, 9, 1ul << 46, 64);
			data[odd] = (const uint8_t *)(uintptr_t)((1ul << 46) + (uint64_t)step[i]);
			check_batch(data, 9, 4);
		}
	}
}

Test(handoff_run, frames_come_back_by_rows)
{
	const uint8_t *data[64], *back[64];
	uint16_t row = 0;

	frames_from(data, 64, 1ul << 32, 2048);
	cr_assert_eq(pp_handoff_push_frames(handoff, data, 20, 1), 20);
	cr_assert_eq(pp_handoff_push_frames(handoff, data + 20, 1, 1), 1);
	cr_assert_eq(pp_handoff_push_frames(handoff, data + 21, 20, 65535), 20);
	cr_assert_eq(pp_handoff_burst(handoff, back, 64), 41);
	cr_expect_not(pp_handoff_has_more(handoff));
	pp_handoff_release(handoff);
	cr_assert_eq(pp_handoff_take_back(handoff, back, 64, &row), 21);
	cr_expect_eq(row, 1);
	cr_expect(pp_handoff_has_more(handoff));
	cr_assert_eq(pp_handoff_take_back(handoff, back + 21, 64, &row), 20);
	cr_expect_eq(row, 65535);
	cr_expect_arr_eq(back, data, 41 * sizeof(*data));
	cr_expect_not(pp_handoff_has_more(handoff));
}
