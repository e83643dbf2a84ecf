// SPDX-License-Identifier: MIT OR Apache-2.0
#include "reflect.h"

#include <criterion/criterion.h>

#include <string.h>

#include <push-packet/abi.h>
#include <push-packet/clock.h>
#include <push-packet/plane.h>

#define ROOM 256

// A packet as a worker has it: metadata in front, every byte 0xee.
struct frame {
	_Alignas(8) uint8_t bytes[sizeof(struct pp_meta) + ROOM];
};

static uint8_t *init(struct frame *frame, uint64_t time_ns)
{
	struct pp_meta meta = {.time_ns = time_ns};

	memset(frame, 0xee, sizeof(*frame));
	memcpy(frame->bytes, &meta, sizeof(meta));
	return frame->bytes + sizeof(meta);
}

static void check_untouched(const uint8_t *data, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		cr_assert_eq(data[i], 0xee, "byte %u was written", i);
}

Test(reflect, a_stamp_stands_at_the_end_and_nowhere_else)
{
	// Lengths that leave it unaligned.
	for (uint32_t bytes = PP_REFLECT_STAMP_BYTES_MIN; bytes < 120; bytes++) {
		uint32_t at = bytes - (uint32_t)sizeof(struct pp_reflect_stamp);
		uint64_t before = pp_clock_ns(CLOCK_MONOTONIC);
		struct pp_reflect_stamp stamp;
		struct frame frame;
		uint8_t *data = init(&frame, 17);

		pp_reflect_stamp(data, bytes, 23);
		memcpy(&stamp, data + at, sizeof(stamp));
		cr_assert_eq(stamp.xdp_ns, 17);
		cr_assert_eq(stamp.received_ns, 23);
		cr_assert(stamp.sent_ns >= before);
		cr_assert(stamp.sent_ns <= pp_clock_ns(CLOCK_MONOTONIC));
		check_untouched(data, 0, at);
		check_untouched(data, bytes, ROOM);
	}
}

Test(reflect, a_packet_without_room_is_left_alone)
{
	for (uint32_t bytes = 0; bytes < PP_REFLECT_STAMP_BYTES_MIN; bytes++) {
		struct frame frame;
		uint8_t *data = init(&frame, 17);

		pp_reflect_stamp(data, bytes, 23);
		check_untouched(data, 0, ROOM);
	}
}
