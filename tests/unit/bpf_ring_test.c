// SPDX-License-Identifier: MIT OR Apache-2.0
// The reader of BPF rings, on a real ring that a real program writes. Needs root.
#include "bpf_ring.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "ring_writer.skel.h"

#define RING_BYTES 4096u
#define HEADER_BYTES 8u

static struct pp_bpf_ring ring;
static struct ring_writer *writer;

static void open_ring(uint32_t bytes)
{
	struct pp_error err = {0};

	cr_assert_eq(pp_bpf_ring_open(&ring, bytes, &err), 0, "%s", err.text);
	writer = ring_writer__open();
	cr_assert_not_null(writer);
	cr_assert_eq(bpf_map__reuse_fd(writer->maps.ring, ring.map_fd), 0);
	cr_assert_eq(ring_writer__load(writer), 0);
}

static void fini(void)
{
	ring_writer__destroy(writer);
	pp_bpf_ring_close(&ring);
}

TestSuite(bpf_ring, .fini = fini, .timeout = 60);

// XDP_PASS: written; XDP_DROP: no room.
static uint32_t run(const struct bpf_program *prog)
{
	uint8_t packet[14] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 1);

	cr_assert_eq(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	return opts.retval;
}

static bool write_record(uint32_t bytes)
{
	writer->data->output_bytes = bytes;
	return run(writer->progs.write_record) == XDP_PASS;
}

static uint64_t number_of(const struct pp_meta *record)
{
	uint64_t number;

	memcpy(&number, record, sizeof(number));
	return number;
}

static uint32_t burst(const struct pp_meta **record, uint32_t max)
{
	uint32_t n = pp_bpf_ring_burst(&ring, record, max);

	return n;
}

Test(bpf_ring, open_refuses_bad_sizes_and_leaves_it_closed)
{
	static const uint32_t bad[] = {0, 1, 100, 4095, 5000, 12288};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pp_error err = {0};

		cr_expect_lt(pp_bpf_ring_open(&ring, bad[i], &err), 0, "%u bytes", bad[i]);
		cr_expect_neq(err.text[0], '\0');
		cr_expect_eq(ring.map_fd, -1);
	}
}

Test(bpf_ring, empty_ring_gives_nothing)
{
	const struct pp_meta *record;

	open_ring(RING_BYTES);
	cr_expect_not(pp_bpf_ring_ready(&ring));
	cr_expect_eq(burst(&record, 1), 0);
	pp_bpf_ring_release(&ring);
	cr_expect_eq(burst(&record, 1), 0);
}

Test(bpf_ring, records_come_oldest_first_and_no_more_than_asked_for)
{
	const struct pp_meta *record[8];

	open_ring(RING_BYTES);
	for (uint32_t i = 0; i < 5; i++)
		cr_assert(write_record(64));
	cr_expect(pp_bpf_ring_ready(&ring));
	cr_assert_eq(burst(record, 2), 2);
	cr_expect_eq(number_of(record[0]), 0);
	cr_expect_eq(number_of(record[1]), 1);
	cr_assert_eq(burst(record, 8), 3);
	cr_expect_eq(number_of(record[2]), 4);
	cr_expect_eq(burst(record, 8), 0);
}

// The kernel keeps a byte free: a ring of 4,096 bytes holds 56 records of 64 + 8.
Test(bpf_ring, room_comes_back_with_release_and_not_before)
{
	const struct pp_meta *record[64];
	uint32_t n = 0;

	open_ring(RING_BYTES);
	while (write_record(64))
		n++;
	cr_expect_eq(n, (RING_BYTES - 1) / (64 + HEADER_BYTES));
	cr_assert_eq(burst(record, 2), 2);
	cr_expect_not(write_record(64), "two are borrowed, not given back");
	cr_expect(pp_bpf_ring_ready(&ring));
	pp_bpf_ring_release(&ring);
	cr_expect(write_record(64));
	cr_expect(write_record(64));
	cr_expect_not(write_record(64));
	// A burst may end where the one before had looked.
	cr_expect_eq(burst(record, 64), n - 2);
	cr_expect_eq(burst(record, 64), 2);
	cr_expect_eq(number_of(record[1]), n + 1);
	cr_expect_eq(burst(record, 64), 0);
	pp_bpf_ring_release(&ring);
	cr_expect_not(pp_bpf_ring_ready(&ring));
}

// A record over the end of the ring lies in one piece, for the ring is mapped twice in a row.
Test(bpf_ring, records_of_every_size_wrap_unbroken)
{
	const struct pp_meta *record[64];
	uint64_t written = 0, read = 0;

	open_ring(RING_BYTES);
	memset(&writer->bss->record[1], 0xa5, 4096);
	for (uint32_t i = 0; i < 4000; i++) {
		uint32_t bytes = 8 + i * 37 % 1500, n;

		written += write_record(bytes);
		if (i % 3 == 0)
			continue;
		n = burst(record, 64);
		for (uint32_t j = 0; j < n; j++)
			cr_assert_eq(number_of(record[j]), read++, "in round %u", i);
		if (n > 0)
			cr_assert_eq(((const uint8_t *)record[n - 1])[bytes - 1],
				     bytes > 8 ? 0xa5 : (written - 1) >> 56);
		pp_bpf_ring_release(&ring);
	}
	while (burst(record, 1) == 1)
		cr_assert_eq(number_of(record[0]), read++);
	cr_expect_eq(read, written);
	cr_expect_eq(written, 4000);
}

Test(bpf_ring, discarded_records_are_stepped_over)
{
	const struct pp_meta *record[8];

	open_ring(RING_BYTES);
	cr_assert_eq(run(writer->progs.discard_record), XDP_PASS);
	cr_assert(write_record(8));
	cr_assert_eq(run(writer->progs.discard_record), XDP_PASS);
	cr_assert_eq(run(writer->progs.discard_record), XDP_PASS);
	cr_assert(write_record(8));
	cr_assert_eq(run(writer->progs.discard_record), XDP_PASS);
	cr_expect_eq(pp_bpf_ring_burst(&ring, record, 8), 2);
	cr_expect_eq(number_of(record[0]), 0);
	cr_expect_eq(number_of(record[1]), 1);
	pp_bpf_ring_release(&ring);
	cr_expect_not(pp_bpf_ring_ready(&ring));
}

Test(bpf_ring, ring_of_discarded_records_only_gives_all_its_room_back)
{
	const struct pp_meta *record;
	uint32_t n = 0;

	open_ring(RING_BYTES);
	for (int round = 0; round < 3; round++) {
		while (run(writer->progs.discard_record) == XDP_PASS)
			n++;
		cr_expect_eq(pp_bpf_ring_burst(&ring, &record, 1), 0);
		pp_bpf_ring_release(&ring);
	}
	cr_expect_geq(n, 3 * 56);
}

static void *hold_record(void *arg)
{
	uint32_t *verdict = arg;

	*verdict = run(writer->progs.hold_record);
	return NULL;
}

static void pause_ms(long ms)
{
	struct timespec ts = {.tv_nsec = ms * 1000000};

	nanosleep(&ts, NULL);
}

// A record that another CPU is still writing holds up those behind it, and is not read.
Test(bpf_ring, busy_record_is_waited_for)
{
	const struct pp_meta *record[4];
	uint32_t verdict = 0;
	pthread_t thread;

	open_ring(RING_BYTES);
	writer->bss->hold = 1;
	cr_assert(write_record(64));
	cr_assert_eq(pthread_create(&thread, NULL, hold_record, &verdict), 0);
	for (int i = 0; i < 1000 && *ring.producer == 64 + HEADER_BYTES; i++)
		pause_ms(1);
	cr_assert_eq(*ring.producer, 2 * (64 + HEADER_BYTES), "the record was never reserved");
	cr_expect_eq(burst(record, 4), 1, "what stands before it can be read");
	cr_expect_eq(burst(record, 4), 0);
	pp_bpf_ring_release(&ring);
	cr_expect(pp_bpf_ring_ready(&ring));
	__atomic_store_n(&writer->bss->hold, 0, __ATOMIC_RELEASE);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(verdict, XDP_PASS);
	cr_expect_eq(burst(record, 4), 1);
	cr_expect_eq(number_of(record[0]), 1);
}
