// SPDX-License-Identifier: MIT OR Apache-2.0
// The reader of copy rings, on a real ring written by the source of the real writer. Needs root.
#include "copy_ring.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "copy_ring_write.h"

#define RING_BYTES 4096u

static struct pp_copy_ring ring;
static uint32_t number;

static void open_ring(void)
{
	struct pp_error err = {0};

	cr_assert_eq(pp_copy_ring_open(&ring, 3, RING_BYTES, &err), 0, "%s", err.text);
	cr_expect_eq(ring.cpu, 3);
}

static void fini(void)
{
	pp_copy_ring_close(&ring);
}

TestSuite(copy_ring, .fini = fini, .timeout = 60);

// Numbered, and every byte says which one it is of.
static bool write_record(uint32_t bytes)
{
	uint64_t record_bytes = PP_COPY_RECORD_BYTES(bytes);
	struct pp_meta *meta = pp_copy_ring_reserve(ring.front, record_bytes, RING_BYTES);

	if (meta == NULL)
		return false;
	*meta = (struct pp_meta){.slot = number, .cap_bytes = bytes};
	memset(meta + 1, (int)number, bytes);
	number++;
	pp_copy_ring_commit(ring.front, record_bytes, 1);
	return true;
}

static void check_record(const struct pp_meta *record, uint32_t expected)
{
	const uint8_t *data = (const uint8_t *)(record + 1);

	cr_assert_eq(record->slot, expected);
	for (uint32_t i = 0; i < record->cap_bytes; i++)
		cr_assert_eq(data[i], (uint8_t)expected, "byte %u of record %u", i, expected);
}

Test(copy_ring, open_refuses_bad_sizes_and_leaves_it_closed)
{
	static const uint32_t bad[] = {0, 1, 100, 2048, 4095, 5000, 12288, 512u << 20};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pp_error err = {0};

		cr_expect_eq(pp_copy_ring_open(&ring, 0, bad[i], &err), -EINVAL, "%u", bad[i]);
		cr_expect_neq(err.text[0], '\0');
		cr_expect_eq(ring.map_fd, -1);
	}
}

Test(copy_ring, empty_ring_gives_nothing)
{
	struct pollfd fd = {.events = POLLIN};
	const struct pp_meta *record;

	open_ring();
	fd.fd = pp_copy_ring_fd(&ring);
	cr_expect_not(pp_copy_ring_ready(&ring));
	cr_expect_eq(pp_copy_ring_burst(&ring, &record, 1), 0);
	pp_copy_ring_release(&ring);
	pp_copy_ring_hear(&ring);
	cr_expect_eq(pp_copy_ring_burst(&ring, &record, 1), 0);
	cr_expect_eq(poll(&fd, 1, 0), 0);
}

Test(copy_ring, records_come_oldest_first_and_no_more_than_asked_for)
{
	const struct pp_meta *record[8];

	open_ring();
	for (uint32_t i = 0; i < 5; i++)
		cr_assert(write_record(64));
	cr_expect(pp_copy_ring_ready(&ring));
	cr_assert_eq(pp_copy_ring_burst(&ring, record, 2), 2);
	check_record(record[0], 0);
	check_record(record[1], 1);
	cr_assert_eq(pp_copy_ring_burst(&ring, record, 8), 3);
	check_record(record[2], 4);
	cr_expect_eq(pp_copy_ring_burst(&ring, record, 8), 0);
}

Test(copy_ring, room_comes_back_with_release_and_not_before)
{
	const struct pp_meta *record[64];
	uint32_t n = 0;

	open_ring();
	while (write_record(64 - sizeof(struct pp_meta)))
		n++;
	cr_expect_eq(n, RING_BYTES / 64, "not a byte stays empty");
	cr_assert_eq(pp_copy_ring_burst(&ring, record, 2), 2);
	cr_expect_not(write_record(8), "two are borrowed, not given back");
	cr_expect(pp_copy_ring_ready(&ring));
	pp_copy_ring_release(&ring);
	cr_expect(write_record(8));
	cr_expect_not(write_record(88), "88 bytes are free");
	cr_expect(write_record(56));
	cr_expect_not(write_record(0));
	// A burst may end where the one before had looked.
	cr_expect_eq(pp_copy_ring_burst(&ring, record, 64), n - 2);
	cr_expect_eq(pp_copy_ring_burst(&ring, record, 64), 2);
	check_record(record[1], n + 1);
	pp_copy_ring_release(&ring);
	cr_expect_not(pp_copy_ring_ready(&ring));
}

// A record over the end of the ring lies in one piece: there is room behind it.
Test(copy_ring, records_of_every_size_are_in_one_piece)
{
	const struct pp_meta *record[64];
	uint32_t written = 0, read = 0, n;

	open_ring();
	for (uint32_t i = 0; i < 20000; i++) {
		written += write_record(i * 37 % 1500);
		if (i % 3 == 0)
			continue;
		n = pp_copy_ring_burst(&ring, record, 64);
		for (uint32_t j = 0; j < n; j++)
			check_record(record[j], read++);
		pp_copy_ring_release(&ring);
	}
	while (pp_copy_ring_burst(&ring, record, 1) == 1)
		check_record(record[0], read++);
	cr_expect_eq(read, written);
	cr_expect_eq(written, 20000);
}

Test(copy_ring, what_is_longer_than_the_ring_is_refused)
{
	open_ring();
	cr_expect_not(write_record(RING_BYTES));
	cr_expect(write_record(RING_BYTES - sizeof(struct pp_meta)));
	cr_expect_not(pp_copy_ring_reserve(ring.front, 8, RING_BYTES) != NULL);
}

// As the XDP program writes: 64 bytes whatever the rule wants, 256 the tc program.
Test(copy_ring, what_is_written_behind_a_record_is_in_nobodys_way)
{
	static const uint32_t room[] = {64, 256};
	const struct pp_meta *record[64], *borrowed;
	uint32_t read = 0, refused = 0, n;

	open_ring();
	cr_assert(write_record(8));
	cr_assert_eq(pp_copy_ring_burst(&ring, &borrowed, 1), 1);
	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t bytes = i * 7 % 64, written = room[i % 2] + sizeof(struct pp_meta);
		struct pp_meta *meta = pp_copy_ring_reserve(ring.front, written, RING_BYTES);

		if (meta == NULL) {
			refused++;
			check_record(borrowed, read++);
			n = pp_copy_ring_burst(&ring, record, 63);
			for (uint32_t j = 0; j < n; j++)
				check_record(record[j], read++);
			pp_copy_ring_release(&ring);
			cr_assert(write_record(8));
			while (pp_copy_ring_burst(&ring, &borrowed, 1) == 1 &&
			       borrowed->slot != number - 1) {
				check_record(borrowed, read++);
				pp_copy_ring_release(&ring);
			}
			continue;
		}
		memset(meta, 0xee, written);
		*meta = (struct pp_meta){.slot = number, .cap_bytes = (uint32_t)bytes};
		memset(meta + 1, (int)number, bytes);
		number++;
		pp_copy_ring_commit(ring.front, PP_COPY_RECORD_BYTES(bytes), 1);
	}
	cr_expect_gt(refused, 100);
	cr_expect_gt(read, 10000);
}

Test(copy_ring, what_is_no_record_is_left_behind)
{
	const struct pp_meta *record[4];

	open_ring();
	cr_assert(write_record(8));
	cr_assert(write_record(8));
	((struct pp_meta *)(ring.front + 1))[0].cap_bytes = 1u << 31;
	cr_expect_eq(pp_copy_ring_burst(&ring, record, 4), 0);
	pp_copy_ring_release(&ring);
	cr_expect_not(pp_copy_ring_ready(&ring));
	cr_assert(write_record(8));
	cr_assert_eq(pp_copy_ring_burst(&ring, record, 4), 1);
	check_record(record[0], 2);
}

// A reader that claims what was never written gets no more room for it.
Test(copy_ring, position_of_a_reader_gone_mad_lets_nothing_in)
{
	open_ring();
	__atomic_store_n(&ring.front->consumed, 1ull << 40, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < RING_BYTES / 64; i++)
		cr_assert(write_record(32));
	cr_expect_not(write_record(32));
	cr_expect_not(write_record(32));
}
