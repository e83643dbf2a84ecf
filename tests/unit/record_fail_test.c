// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_run.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(record_fail, .init = record_run_init, .fini = record_run_fini, .timeout = 20);

Test(record_fail, losses_while_the_folder_is_gone_are_counted_and_told)
{
	struct record_run_seen seen = {.gaps = true};
	const uint32_t many = 2000;
	struct pcapng_sum sum;

	record_run_set("buffer", "512KiB");
	record_run_start();
	cr_assert_eq(rmdir(record_run_folder), 0);
	for (uint32_t id = 0; id < many; id++)
		record_run_put(0, id, RECORD_RUN_DATA_BYTES);
	record_run_wait_number("write_errors", 1);
	cr_expect_gt(record_run_number("lost"), many / 2);
	cr_expect_eq(record_run_number("write_failing"), 1);
	cr_expect(record_run_news_has("No such file or directory"));
	cr_assert_eq(mkdir(record_run_folder, 0700), 0);
	record_run_wait_number("written", 300);
	for (uint32_t id = many; id < many + 100; id++)
		record_run_put(0, id, RECORD_RUN_DATA_BYTES);
	record_run_end();
	cr_expect_eq(record_run_number("write_failing"), 0);
	cr_expect(record_run_news_has("again"));
	sum = record_run_read_all(&seen);
	cr_expect_eq(seen.next[0], many + 100);
	cr_expect_eq(sum.pkts, record_run_number("written"));
	cr_expect_eq(sum.pkts + record_run_number("lost"), many + 100);
	cr_expect_eq(sum.drops, record_run_number("lost"), "what packets tell");
	cr_expect_eq(sum.dropped, record_run_number("lost"), "what the statistics block tells");
}

Test(record_fail, losses_on_the_way_to_the_capture_are_told_as_well)
{
	struct pcapng_sum sum;

	record_run_start();
	record_run_put(0, 0, 60);
	record_run_lost_before = 7;
	record_run_put(0, 1, 60);
	record_run_put(0, 2, 60);
	record_run_lost_before = 9;
	record_run_tick(0, 0);
	record_run_end();
	sum = record_run_read_all(NULL);
	cr_expect_eq(sum.pkts, 3);
	cr_expect_eq(sum.drops, 7, "the last two were lost after the last packet");
	cr_expect_eq(sum.dropped, 9);
	cr_expect_eq(record_run_number("lost"), 0);
}

Test(record_fail, a_file_that_somebody_deletes_is_noticed)
{
	record_run_start();
	record_run_put(0, 0, 60);
	record_run_tick(0, 10000000000);
	record_run_wait_number("written", 1);
	record_run_remove_folder();
	cr_assert_eq(mkdir(record_run_folder, 0700), 0);
	record_run_put(0, 1, 60);
	record_run_end();
	cr_expect(record_run_news_has("was deleted"));
	cr_expect_eq(record_run_read_all(NULL).pkts, 1);
}

// The limit on file sizes stands for a disk that takes half a write.
Test(record_fail, a_write_that_ends_half_way_leaves_whole_blocks)
{
	const struct rlimit small = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY};
	struct record_run_seen seen = {0};

	signal(SIGXFSZ, SIG_IGN);
	record_run_start();
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint32_t id = 0; id < 50; id++)
		record_run_put(0, id, RECORD_RUN_DATA_BYTES);
	record_run_tick(0, 10000000000);
	record_run_wait_number("written", 50);
	for (uint32_t id = 50; id < 150; id++)
		record_run_put(0, id, RECORD_RUN_DATA_BYTES);
	record_run_tick(0, 10000000000);
	record_run_wait_number("write_errors", 2);
	cr_expect_eq(record_run_read_all(&seen).pkts, 50, "the first file is whole");
	record_run_end();
	cr_expect_eq(record_run_number("written") + record_run_number("unwritten"), 150);
	cr_expect_eq(record_run_number("unwritten"), 100);
}

Test(record_fail, what_cannot_be_written_at_the_end_is_given_up_and_counted)
{
	record_run_start();
	cr_assert_eq(rmdir(record_run_folder), 0);
	for (uint32_t id = 0; id < 10; id++)
		record_run_put(0, id, 60);
	record_run_end();
	cr_expect_eq(record_run_number("unwritten"), 10);
	cr_expect_eq(record_run_number("written"), 0);
}

Test(record_fail, a_folder_that_cannot_be_written_to_is_an_error_at_once)
{
	struct pp_error err;

	record_run_option[0].value = "/proc/self/fd/none";
	cr_expect_eq(pp_record_ops.create(&record_run_state, &record_run_env, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "/proc/self/fd/none"));
	record_run_option[0].value = "/dev/null";
	cr_expect_eq(pp_record_ops.create(&record_run_state, &record_run_env, &err), -ENOTDIR);
	record_run_state = NULL;
}

Test(record_fail, a_buffer_is_shared_by_all_threads)
{
	struct pp_error err;

	record_run_set("buffer", "1MiB");
	record_run_env.thread_count = 3;
	cr_expect_eq(pp_record_ops.create(&record_run_state, &record_run_env, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "3 threads"));
	record_run_state = NULL;
}
