// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_options.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

static struct pp_record_options out;
static struct pp_error err;
static uint32_t at;

static int read_two(const char *key, const char *value)
{
	const struct pp_analyser_option option[] = {{"directory", "/var/log/pp"}, {key, value}};

	err = (struct pp_error){0};
	return pp_record_options_read(&out, option, key != NULL ? 2 : 1, &at, &err);
}

Test(record_options, the_buffer_is_shared_by_all_threads)
{
	const struct pp_analyser_option option[] = {{"directory", "/tmp"}, {"buffer", "1MiB"}};

	cr_expect_eq(pp_record_options_check(option, 2, 0, &at, &err), 0);
	cr_expect_eq(pp_record_options_check(option, 2, 2, &at, &err), 0);
	cr_expect_eq(pp_record_options_check(option, 2, 3, &at, &err), -EINVAL);
	cr_expect_eq(at, 1);
	cr_expect_eq(pp_record_options_check(option, 1, PP_ANALYSER_THREADS_MAX, &at, &err), 0);
}

Test(record_options, a_directory_is_enough)
{
	cr_assert_eq(read_two(NULL, NULL), 0);
	cr_expect_str_eq(out.directory, "/var/log/pp");
	cr_expect_eq(out.file_bytes, 100ull << 20);
	cr_expect_eq(out.file_ns, 0);
	cr_expect_eq(out.file_pkts, 0);
	cr_expect_eq(out.budget_bytes, 1ull << 30);
	cr_expect_eq(out.flush_ns, 1000000000);
	cr_expect_eq(out.buffer_bytes, 8ull << 20);
	cr_expect_eq(out.snap_bytes, 262144);
	cr_expect_not(out.zstd);
}

Test(record_options, good_values)
{
	cr_expect_eq(read_two("file-size", "1MiB"), 0);
	cr_expect_eq(out.file_bytes, 1 << 20);
	cr_expect_eq(read_two("file-size", "1048577"), 0);
	cr_expect_eq(out.file_bytes, (1 << 20) + 1);
	cr_expect_eq(read_two("file-time", "90s"), 0);
	cr_expect_eq(out.file_ns, 90000000000);
	cr_expect_eq(read_two("file-time", "none"), 0);
	cr_expect_eq(out.file_ns, 0);
	cr_expect_eq(read_two("file-packets", "1"), 0);
	cr_expect_eq(out.file_pkts, 1);
	cr_expect_eq(read_two("budget", "none"), 0);
	cr_expect_eq(out.budget_bytes, 0);
	cr_expect_eq(read_two("budget", "2048GiB"), 0);
	cr_expect_eq(out.budget_bytes, 2ull << 40);
	cr_expect_eq(read_two("flush", "100ms"), 0);
	cr_expect_eq(out.flush_ns, 100000000);
	cr_expect_eq(read_two("buffer", "512KiB"), 0);
	cr_expect_eq(read_two("snap", "1"), 0);
	cr_expect_eq(out.snap_bytes, 1);
	cr_expect_eq(read_two("compress", "zstd"), 0);
	cr_expect(out.zstd);
	cr_expect_eq(read_two("compress", "none"), 0);
	cr_expect_not(out.zstd);
}

Test(record_options, bad_values_are_refused_with_what_was_expected)
{
	static const char *const bad[][2] = {
		{"file-size", "1023KiB"},
		{"file-size", "none"},
		{"file-size", "1MB"},
		{"file-size", "1 MiB"},
		{"file-size", "-1"},
		{"file-size", "18446744073709551616"},
		{"file-size", "17179869184GiB"},
		{"file-size", ""},
		{"file-time", "0"},
		{"file-time", "60"},
		{"file-time", "500ms"},
		{"file-time", "2d"},
		{"file-packets", "0"},
		{"file-packets", "1k"},
		{"file-packets", "1.5"},
		{"budget", "1MiB"},
		{"flush", "99ms"},
		{"flush", "none"},
		{"flush", "61s"},
		{"buffer", "511KiB"},
		{"buffer", "65GiB"},
		{"snap", "0"},
		{"snap", "262145"},
		{"compress", "gzip"},
		{"compress", ""},
		{"directory", "relative/path"},
		{"directory", ""},
		{"colour", "blue"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(read_two(bad[i][0], bad[i][1]), -EINVAL, "%s: %s", bad[i][0],
			     bad[i][1]);
		cr_expect_eq(at, 1, "%s: %s", bad[i][0], bad[i][1]);
		cr_expect(strstr(err.text, "expected") || strstr(err.text, "has directory"),
			  "%s: %s: %s", bad[i][0], bad[i][1], err.text);
	}
}

Test(record_options, a_capture_needs_a_directory)
{
	cr_expect_eq(pp_record_options_read(&out, NULL, 0, &at, &err), -EINVAL);
	cr_expect_eq(at, 0);
	cr_expect_not_null(strstr(err.text, "directory"));
}

// Else the file that is written could be over the budget by itself.
Test(record_options, the_budget_holds_two_files)
{
	const struct pp_analyser_option option[] = {
		{"file-size", "10MiB"}, {"budget", "20MiB"}, {"directory", "/tmp"}};

	cr_expect_eq(pp_record_options_read(&out, option, 3, &at, &err), 0);
	cr_expect_eq(read_two("budget", "199MiB"), -EINVAL);
	cr_expect_eq(at, 1);
	cr_expect_eq(read_two("file-size", "1GiB"), -EINVAL, "the budget is 1 GiB unless told");
	cr_expect_eq(at, 1, "the place of file-size, for want of the other");
}
