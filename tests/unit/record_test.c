// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_run.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <push-packet/clock.h>

TestSuite(record, .init = record_run_init, .fini = record_run_fini, .timeout = 20);

Test(record, every_packet_is_in_the_file_with_queue_rule_verdict_and_time)
{
	struct record_run_seen seen = {.before_ns = pp_clock_ns(CLOCK_REALTIME) - 1000000};
	struct pcapng_sum sum;

	record_run_env.thread_count = RECORD_RUN_THREADS;
	record_run_start();
	for (uint32_t id = 0; id < 20000; id++)
		for (uint32_t thread = 0; thread < RECORD_RUN_THREADS; thread++)
			record_run_put(thread, id, 60 + id % 40);
	record_run_end();
	sum = record_run_read_all(&seen);
	cr_expect_eq(record_run_list()->count, 1);
	cr_expect_eq(sum.pkts + record_run_number("lost"), 20000 * RECORD_RUN_THREADS);
	cr_expect_eq(sum.pkts, record_run_number("written"));
	cr_expect_eq(sum.ifaces, 2);
	cr_expect_eq(sum.stats, 2);
	cr_expect_eq(sum.delivered, sum.pkts);
	cr_expect_eq(sum.received, sum.delivered + sum.dropped);
	cr_expect_eq(record_run_number("lost"), 0);
	cr_expect_not_null(strstr(sum.comment, "CLOCK_REALTIME"));
}

Test(record, a_file_has_at_most_so_many_packets)
{
	struct record_run_seen seen = {0};
	const struct record_run_files *files;

	record_run_set("file-packets", "1000");
	record_run_start();
	for (uint32_t id = 0; id < 3500; id++)
		record_run_put(0, id, 60);
	record_run_end();
	cr_expect_eq(record_run_read_all(&seen).pkts, 3500);
	files = record_run_list();
	cr_assert_eq(files->count, 4);
	for (uint32_t i = 0; i < files->count; i++) {
		struct pcapng_sum sum = {0};

		cr_assert(pcapng_read(files->path[i], &sum, NULL, NULL));
		cr_expect_eq(sum.pkts, i < 3 ? 1000 : 500);
		cr_expect_eq(sum.stats, 2);
		cr_expect_eq(sum.delivered, sum.pkts);
	}
}

static void check_sizes(uint64_t most)
{
	const struct record_run_files *files = record_run_list();
	struct stat about;

	cr_assert_gt(files->count, 1);
	for (uint32_t i = 0; i < files->count; i++) {
		cr_assert_eq(stat(files->path[i], &about), 0);
		cr_expect_leq(about.st_size, most, "%s", files->path[i]);
		if (i + 1 < files->count)
			cr_expect_geq(about.st_size, most * 8 / 10, "%s", files->path[i]);
	}
}

Test(record, a_file_has_at_most_so_many_bytes)
{
	struct record_run_seen seen = {0};

	record_run_set("file-size", "1MiB");
	record_run_start();
	record_run_put_all(0, 4000, RECORD_RUN_DATA_BYTES);
	record_run_end();
	cr_expect_eq(record_run_read_all(&seen).pkts, 4000);
	check_sizes(1 << 20);
}

Test(record, a_compressed_file_has_at_most_so_many_bytes)
{
	uint32_t noise = 1;

	record_run_set("file-size", "1MiB");
	record_run_set("compress", "zstd");
	record_run_start();
	// What cannot be compressed, so that files do fill.
	for (uint32_t id = 0; id < 4000; id++) {
		for (size_t i = 4; i < RECORD_RUN_DATA_BYTES; i++) {
			noise = noise * 1664525 + 1013904223;
			record_run_data[i] = (uint8_t)(noise >> 24);
		}
		record_run_put_all(id, id + 1, RECORD_RUN_DATA_BYTES);
	}
	record_run_end();
	cr_expect_eq(record_run_number("written"), 4000);
	cr_expect_eq(record_run_read_all(NULL).pkts, 4000);
	cr_expect_not_null(strstr(record_run_list()->path[0], ".pcapng.zst"));
	check_sizes(1 << 20);
}

Test(record, a_file_gets_packets_for_so_long)
{
	record_run_set("file-time", "1s");
	record_run_start();
	record_run_put(0, 0, 60);
	record_run_tick(0, 10000000000);
	record_run_wait_number("files", 1);
	record_run_pause_ms(1200);
	cr_expect_eq(record_run_read_all(NULL).stats, 2, "ended though nothing came");
	record_run_put(0, 1, 60);
	record_run_end();
	cr_expect_eq(record_run_list()->count, 2);
	cr_expect_eq(record_run_read_all(NULL).pkts, 2);
}

static void make_file(const char *name, size_t bytes)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", record_run_folder, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
}

static bool exists(const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", record_run_folder, name);
	return access(path, F_OK) == 0;
}

Test(record, the_budget_deletes_the_oldest_of_its_own_files_only)
{
	static const char *const foreign[] = {
		"evidence.pcapng",
		"evidence-20200101T000000Z-000001.pcap",
		"evidence-20200101T000000Z-00001.pcapng",
		"evidence-20200101T000000Z-000001.pcapng.zst2",
		"evidence-20200101T00000Z-000001.pcapng",
		"evidence2-20200101T000000Z-000001.pcapng",
		"Evidence-20200101T000000Z-000001.pcapng",
		"evidence-20200101T000000Z-0000001a.pcapng",
	};
	uint64_t bytes = 0;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		make_file(foreign[i], 5 << 20);
	make_file("evidence-20200101T000000Z-000041.pcapng", 1 << 20);
	make_file("evidence-20190101T000000Z-000042.pcapng.zst", 100);
	record_run_set("file-size", "1MiB");
	record_run_set("budget", "3MiB");
	record_run_start();
	record_run_put_all(0, 8000, RECORD_RUN_DATA_BYTES);
	record_run_end();
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		cr_expect(exists(foreign[i]), "%s", foreign[i]);
	cr_expect_not(exists("evidence-20200101T000000Z-000041.pcapng"));
	cr_expect_not(exists("evidence-20190101T000000Z-000042.pcapng.zst"));
	for (uint32_t i = 0; i < record_run_list()->count; i++) {
		struct stat about;

		cr_assert_eq(stat(record_run_list()->path[i], &about), 0);
		if (about.st_size != 5 << 20)
			bytes += (uint64_t)about.st_size;
	}
	cr_expect_leq(bytes, 3 << 20);
	cr_expect_gt(bytes, 2 << 20);
	cr_expect_geq(record_run_number("files_deleted"), 2 + 5);
}

Test(record, what_somebody_writes_is_not_deleted)
{
	char path[400];
	int fd;

	make_file("evidence-20200101T000000Z-000001.pcapng", 5 << 20);
	make_file("evidence-20200101T000000Z-000002.pcapng", 5 << 20);
	snprintf(path, sizeof(path), "%s/evidence-20200101T000000Z-000001.pcapng",
		 record_run_folder);
	fd = open(path, O_WRONLY);
	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	record_run_set("file-size", "1MiB");
	record_run_set("budget", "2MiB");
	record_run_start();
	record_run_put(0, 0, 60);
	record_run_end();
	close(fd);
	cr_expect(exists("evidence-20200101T000000Z-000001.pcapng"));
	cr_expect_not(exists("evidence-20200101T000000Z-000002.pcapng"));
}

Test(record, numbers_go_on_after_a_restart)
{
	make_file("evidence-20200101T000000Z-000041.pcapng", 100);
	record_run_start();
	record_run_put(0, 0, 60);
	record_run_end();
	cr_assert_eq(record_run_list()->count, 2);
	cr_expect_not_null(strstr(record_run_list()->path[1], "Z-000042.pcapng"));
}

Test(record, without_packets_there_is_no_file)
{
	record_run_start();
	record_run_tick(0, 10000000000);
	record_run_end();
	cr_expect_eq(record_run_list()->count, 0);
}

Test(record, a_packet_waits_no_longer_than_told)
{
	record_run_set("flush", "200ms");
	record_run_start();
	record_run_put(0, 0, 60);
	record_run_tick(0, 0);
	record_run_pause_ms(50);
	cr_expect_eq(record_run_number("written"), 0);
	record_run_tick(0, 200000000);
	record_run_wait_number("written", 1);
	// Nobody ended it, and it is readable all the same.
	cr_expect_eq(record_run_read_all(NULL).pkts, 1);
	record_run_end();
}

static void see_snapped(void *arg, const struct pcapng_packet *packet)
{
	(void)arg;
	cr_assert_eq(packet->cap_bytes, 96);
	cr_assert_eq(packet->len_bytes, 500);
}

Test(record, snap_cuts_packets)
{
	struct pcapng_sum sum = {0};

	record_run_set("snap", "96");
	record_run_start();
	record_run_put(0, 0, 500);
	record_run_end();
	cr_assert_eq(record_run_list()->count, 1);
	cr_expect(pcapng_read(record_run_list()->path[0], &sum, see_snapped, NULL));
	cr_expect_eq(sum.pkts, 1);
}
