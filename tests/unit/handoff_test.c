// SPDX-License-Identifier: MIT OR Apache-2.0
#include "handoff.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_BYTES 8u

// A packet behind its metadata, as it lies in a frame and in a BPF ring.
struct framed {
	struct pp_meta meta;
	uint8_t data[PP_COPY_BYTES_MAX];
};

static struct pp_handoff *handoff;

static bool push_frame(const uint8_t *data, uint16_t row)
{
	return pp_handoff_push_frames(handoff, &data, 1, row) == 1;
}

static uint32_t burst(struct pp_handoff_item item[], uint32_t max)
{
	const uint8_t *name[1024];
	uint32_t n = pp_handoff_burst(handoff, name, max);

	for (uint32_t i = 0; i < n; i++)
		item[i] = pp_handoff_item_of(name[i]);
	return n;
}

// One frame comes back.
static void take_one(const uint8_t *data, uint16_t row)
{
	const uint8_t *back;
	uint16_t back_row = 0;

	cr_assert_eq(pp_handoff_take_back(handoff, &back, 1, &back_row), 1);
	cr_expect_eq(back, data);
	cr_expect_eq(back_row, row);
}

static void open_handoff(uint32_t bytes)
{
	cr_assert_eq(pp_handoff_create(&handoff, bytes), 0);
}

static void fini(void)
{
	pp_handoff_destroy(handoff);
}

TestSuite(handoff, .fini = fini, .timeout = 120);

// Packet number id: its bytes tell it from every other.
static void fill(struct framed *framed, uint32_t id, uint32_t bytes)
{
	framed->meta = (struct pp_meta){.rule_id = id, .len_bytes = bytes + 1, .cap_bytes = bytes};
	for (uint32_t i = 0; i < bytes; i++)
		framed->data[i] = (uint8_t)(id * 31 + i + (i >> 8));
}

static void check_copy(const struct pp_handoff_item *item, uint32_t id, uint32_t bytes)
{
	static struct framed want;

	fill(&want, id, bytes);
	cr_assert_not(item->lent);
	cr_assert_eq(memcmp(item->meta, &want.meta, sizeof(want.meta)), 0, "packet %u", id);
	cr_assert_eq(memcmp(item->data, want.data, bytes), 0, "packet %u", id);
}

Test(handoff, create_refuses_bad_sizes_and_keeps_out)
{
	static const uint32_t bad[] = {0, 16, 2048, 4095, 5000, (1u << 30) + 1, 1u << 31};
	struct pp_handoff *out = (struct pp_handoff *)0x1;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(pp_handoff_create(&out, bad[i]), -EINVAL, "%u bytes", bad[i]);
	cr_expect_eq(out, (struct pp_handoff *)0x1, "out must be untouched on failure");
	pp_handoff_destroy(NULL);
}

Test(handoff, both_kinds_come_in_the_order_they_went)
{
	static struct framed a, b, c;
	struct pp_handoff_item item[4];

	open_handoff(4096);
	fill(&a, 1, 60);
	fill(&b, 2, 1);
	fill(&c, 3, 77);
	cr_assert(push_frame(a.data, 9));
	cr_assert(pp_handoff_push_copy(handoff, &b.meta, false));
	cr_assert(pp_handoff_push_copy(handoff, &c.meta, true));
	cr_assert(push_frame(a.data, 65535));
	pp_handoff_flush(handoff);
	cr_assert_eq(burst(item, 4), 4);
	cr_expect(item[0].routed && item[0].lent);
	cr_expect_eq(item[0].data, a.data);
	cr_expect_eq(item[0].meta, &a.meta);
	check_copy(&item[1], 2, 1);
	cr_expect_not(item[1].routed);
	check_copy(&item[2], 3, 77);
	cr_expect(item[2].routed);
	pp_handoff_release(handoff);
	take_one(a.data, 9);
	take_one(a.data, 65535);
}

Test(handoff, copies_do_not_hang_on_the_original)
{
	static struct framed packet;
	struct pp_handoff_item item;

	open_handoff(4096);
	fill(&packet, 1, 100);
	cr_assert(pp_handoff_push_copy(handoff, &packet.meta, false));
	memset(&packet, 0, sizeof(packet));
	pp_handoff_flush(handoff);
	cr_assert_eq(burst(&item, 1), 1);
	check_copy(&item, 1, 100);
}

Test(handoff, frames_are_seen_at_once)
{
	static struct framed packet;
	struct pp_handoff_item item[2];

	open_handoff(4096);
	cr_expect(pp_handoff_empty(handoff));
	cr_assert(push_frame(packet.data, 3));
	cr_expect_not(pp_handoff_empty(handoff));
	cr_expect_eq(burst(item, 2), 1);
	cr_expect(pp_handoff_empty(handoff));
}

Test(handoff, copies_and_what_lies_behind_them_are_seen_after_flush)
{
	static struct framed packet;
	struct pp_handoff_item item[4];

	open_handoff(4096);
	fill(&packet, 1, 20);
	cr_assert(pp_handoff_push_copy(handoff, &packet.meta, false));
	cr_assert(push_frame(packet.data, 3));
	cr_assert(pp_handoff_push_copy(handoff, &packet.meta, false));
	cr_expect(pp_handoff_empty(handoff));
	cr_expect_eq(burst(item, 4), 0);
	pp_handoff_flush(handoff);
	cr_expect_not(pp_handoff_empty(handoff));
	cr_expect_eq(burst(item, 4), 3);
	check_copy(&item[0], 1, 20);
	cr_expect(item[1].lent && item[1].data == packet.data);
	check_copy(&item[2], 1, 20);
	cr_expect(pp_handoff_empty(handoff));
}

// A unit of 8 bytes each, and one for the end.
Test(handoff, holds_as_many_frames_as_it_has_units_but_one)
{
	static struct framed packet;
	struct pp_handoff_item item[600];
	uint32_t n = 0;

	open_handoff(4096);
	while (push_frame(packet.data, (uint16_t)n))
		n++;
	cr_expect_eq(n, 4096 / UNIT_BYTES - 1);
	cr_expect_not(push_frame(packet.data, 0));
	cr_expect_not(pp_handoff_push_copy(handoff, &packet.meta, false));
	pp_handoff_flush(handoff);
	cr_expect_eq(burst(item, 600), n);
	pp_handoff_release(handoff);
	for (uint32_t i = 0; i < n; i++)
		take_one(packet.data, (uint16_t)i);
}

Test(handoff, room_and_frames_come_back_after_release_and_not_before)
{
	static struct framed packet;
	struct pp_handoff_item item[256];
	const uint8_t *back[8];
	uint16_t row = 0, back_row;

	open_handoff(4096);
	while (push_frame(packet.data, row))
		row++;
	pp_handoff_flush(handoff);
	cr_assert_eq(burst(item, 3), 3);
	cr_expect_eq(pp_handoff_take_back(handoff, back, 8, &back_row), 0,
		     "they are still borrowed");
	pp_handoff_release(handoff);
	cr_expect_not(push_frame(packet.data, 0), "a frame that was not taken is not overwritten");
	for (uint32_t i = 0; i < 3; i++)
		take_one(packet.data, (uint16_t)i);
	for (uint32_t i = 0; i < 3; i++)
		cr_expect(push_frame(packet.data, 0));
	cr_expect_not(push_frame(packet.data, 0));
	cr_expect_eq(pp_handoff_take_back(handoff, back, 8, &back_row), 0);
}

// Too far from each other to be a run.
Test(handoff, burst_of_frames_is_taken_as_far_as_there_is_room)
{
	const uint8_t *data[40];
	struct pp_handoff_item item[600];
	uint32_t n = 0, got;

	for (uint32_t i = 0; i < 40; i++)
		data[i] = (const uint8_t *)((i + 1ul) << 32);
	open_handoff(4096);
	while ((got = pp_handoff_push_frames(handoff, data, 40, 7)) == 40)
		n += got;
	cr_expect_eq(n + got, 511);
	cr_expect_eq(got, 511 % 40);
	pp_handoff_flush(handoff);
	cr_assert_eq(burst(item, 600), 511);
	for (uint32_t i = 0; i < 511; i++)
		cr_expect(item[i].data == data[i % 40] && item[i].lent);
}

// Copies before and behind a frame: the room of those before it needs no take_back.
Test(handoff, copies_make_room_by_themselves_up_to_the_first_frame)
{
	static struct framed large, packet;
	struct pp_handoff_item item[3];

	open_handoff(4096);
	fill(&large, 1, 1400);
	fill(&packet, 2, 1000);
	cr_assert(pp_handoff_push_copy(handoff, &large.meta, false));
	cr_assert(push_frame(packet.data, 5));
	cr_assert(pp_handoff_push_copy(handoff, &packet.meta, false));
	cr_assert(pp_handoff_push_copy(handoff, &packet.meta, false));
	cr_assert_not(pp_handoff_push_copy(handoff, &packet.meta, false));
	pp_handoff_flush(handoff);
	cr_assert_eq(burst(item, 3), 3);
	pp_handoff_release(handoff);
	cr_expect(pp_handoff_push_copy(handoff, &packet.meta, false));
	cr_expect_not(pp_handoff_push_copy(handoff, &packet.meta, false), "behind the frame");
	take_one(packet.data, 5);
	cr_expect(pp_handoff_push_copy(handoff, &packet.meta, false));
}

Test(handoff, refused_copy_takes_nothing)
{
	static struct framed small, large;
	struct pp_handoff_item item[8];

	open_handoff(4096);
	fill(&small, 1, 10);
	fill(&large, 2, 1800);
	cr_assert(pp_handoff_push_copy(handoff, &large.meta, false));
	cr_assert(pp_handoff_push_copy(handoff, &large.meta, false));
	cr_expect_not(pp_handoff_push_copy(handoff, &large.meta, false));
	cr_expect(pp_handoff_push_copy(handoff, &small.meta, false), "what is smaller still fits");
	pp_handoff_flush(handoff);
	cr_assert_eq(burst(item, 8), 3);
	check_copy(&item[0], 2, 1800);
	check_copy(&item[1], 2, 1800);
	check_copy(&item[2], 1, 10);
}

// One item lies in one piece, so at the end of the ring the rest of it is skipped.
Test(handoff, copy_that_does_not_fit_before_the_end_begins_at_the_front)
{
	static struct framed large, tiny;
	struct pp_handoff_item item[2];
	const uint8_t *front;

	open_handoff(4096);
	fill(&large, 1, 1500);
	fill(&tiny, 2, 0);
	for (uint32_t i = 0; i < 2; i++) {
		cr_assert(pp_handoff_push_copy(handoff, &large.meta, false));
		pp_handoff_flush(handoff);
		cr_assert_eq(burst(item, 2), 1);
		front = i == 0 ? item[0].data : front;
		pp_handoff_release(handoff);
	}
	cr_assert(pp_handoff_push_copy(handoff, &large.meta, true));
	cr_assert(pp_handoff_push_copy(handoff, &tiny.meta, false));
	pp_handoff_flush(handoff);
	cr_assert_eq(burst(item, 2), 2);
	cr_expect_eq(item[0].data, front);
	check_copy(&item[0], 1, 1500);
	check_copy(&item[1], 2, 0);
	pp_handoff_release(handoff);
	cr_expect(pp_handoff_empty(handoff), "the skip is not an item that is left");
}

Test(handoff, item_of_half_the_ring_always_fits_into_an_empty_one)
{
	static struct framed half, one;
	struct pp_handoff_item item;

	open_handoff(4096);
	fill(&half, 1, 2048 - UNIT_BYTES - sizeof(struct pp_meta));
	for (uint32_t at = 0; at < 4096 / UNIT_BYTES; at++) {
		cr_assert(pp_handoff_push_copy(handoff, &half.meta, false), "at unit %u", at);
		pp_handoff_flush(handoff);
		cr_assert_eq(burst(&item, 1), 1);
		check_copy(&item, 1, half.meta.cap_bytes);
		pp_handoff_release(handoff);
		cr_assert(push_frame(one.data, 0));
		pp_handoff_flush(handoff);
		cr_assert_eq(burst(&item, 1), 1);
		pp_handoff_release(handoff);
		take_one(one.data, 0);
	}
}

Test(handoff, item_larger_than_the_ring_is_refused)
{
	static struct framed packet;

	open_handoff(4096);
	fill(&packet, 1, 4096 - 2 * UNIT_BYTES - sizeof(struct pp_meta) + 1);
	cr_expect_not(pp_handoff_push_copy(handoff, &packet.meta, false));
	fill(&packet, 1, PP_COPY_BYTES_MAX);
	cr_expect_not(pp_handoff_push_copy(handoff, &packet.meta, false));
	fill(&packet, 1, 4096 - 2 * UNIT_BYTES - sizeof(struct pp_meta));
	cr_expect(pp_handoff_push_copy(handoff, &packet.meta, false));
	cr_expect(pp_handoff_empty(handoff));
}

Test(handoff, longest_copies_go_through_whole)
{
	static struct framed packet;
	struct pp_handoff_item item[2];

	open_handoff(1u << 18);
	for (uint32_t id = 0; id < 50; id++) {
		uint32_t bytes = PP_COPY_BYTES_MAX - id % 17;

		fill(&packet, id, bytes);
		cr_assert(pp_handoff_push_copy(handoff, &packet.meta, false));
		pp_handoff_flush(handoff);
		cr_assert_eq(burst(item, 2), 1);
		check_copy(&item[0], id, bytes);
		pp_handoff_release(handoff);
	}
}

static uint32_t random_below(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % below);
}

// How packet id is pushed, for the reader to know.
static uint32_t bytes_of(uint32_t id)
{
	return id * 2654435761u % 700;
}

static bool is_frame(uint32_t id)
{
	return id * 2654435761u >> 31;
}

static bool push(uint32_t id, const struct framed *frame)
{
	static struct framed packet;

	if (is_frame(id))
		return push_frame(frame->data, (uint16_t)id);
	fill(&packet, id, bytes_of(id));
	return pp_handoff_push_copy(handoff, &packet.meta, id & 1);
}

static void check_item(const struct pp_handoff_item *item, uint32_t id, const struct framed *frame)
{
	cr_assert_eq(item->lent, is_frame(id), "packet %u", id);
	if (!item->lent) {
		check_copy(item, id, bytes_of(id));
		cr_assert_eq(item->routed, id & 1);
		return;
	}
	cr_assert_eq(item->data, frame->data);
}

// @return  How many frames came back: in the order in which they went, *next on.
static uint32_t take_back(uint64_t *seed, uint32_t *next)
{
	const uint8_t *data[8];
	uint32_t n = 0, max = random_below(seed, 8), got;
	uint16_t row;

	// All have different rows.
	while (n < max && (got = pp_handoff_take_back(handoff, data, max - n, &row)) > 0) {
		cr_assert_eq(got, 1);
		while (!is_frame(*next))
			++*next;
		cr_assert_eq(row, (uint16_t)*next);
		++*next;
		n++;
	}
	return n;
}

Test(handoff, random_mix_wraps_without_losing_or_changing_a_packet)
{
	static struct framed frame;
	struct pp_handoff_item item[9];
	uint32_t pushed = 0, taken = 0, back = 0, refused = 0, lent = 0;
	uint64_t seed = 5;

	open_handoff(4096);
	while (taken < 50000) {
		for (uint32_t n = random_below(&seed, 10); n > 0; n--) {
			if (!push(pushed, &frame)) {
				refused++;
				break;
			}
			lent += is_frame(pushed++);
		}
		pp_handoff_flush(handoff);
		for (uint32_t n = random_below(&seed, 4); n > 0; n--) {
			uint32_t got = burst(item, random_below(&seed, 10));

			for (uint32_t i = 0; i < got; i++)
				check_item(&item[i], taken++, &frame);
		}
		pp_handoff_release(handoff);
		lent -= take_back(&seed, &back);
		cr_assert_leq(back, taken, "a frame came back before it was released");
	}
	cr_expect_gt(refused, 100, "the ring must have been full");
	while (burst(item, 9) > 0)
		pp_handoff_release(handoff);
	for (uint32_t i = 0; i < 1000; i++)
		lent -= take_back(&seed, &back);
	cr_expect_eq(lent, 0, "each frame once");
}
