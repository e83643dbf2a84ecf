// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_read.h"

#include <criterion/criterion.h>

#include <errno.h>

static const struct pp_option option = {.name = "x", .words = "one two three"};

// The value that stands before: a failure leaves it.
static void
check_list(int (*read)(const struct pp_option *, const char *, void *, struct pp_error *),
	   const char *text,
	   uint32_t count,
	   uint64_t first,
	   uint64_t last)
{
	struct pp_bench_list list = {.count = 99};
	struct pp_error err;
	int ret = read(&option, text, &list, &err);

	cr_assert_eq(ret, count > 0 ? 0 : -EINVAL, "%s: %d", text, ret);
	cr_assert_eq(list.count, count > 0 ? count : 99, "%s", text);
	if (count == 0)
		return;
	cr_assert_eq(list.value[0], first, "%s", text);
	cr_assert_eq(list.value[count - 1], last, "%s", text);
}

Test(bench_read, rates)
{
	check_list(pp_bench_read_rates, "1", 1, 1, 1);
	check_list(pp_bench_read_rates, "10k,1Mpps", 2, 10000, 1000000);
	check_list(pp_bench_read_rates, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", 16, 1, 16);
	check_list(pp_bench_read_rates, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", 0, 0, 0);
	check_list(pp_bench_read_rates, "", 0, 0, 0);
	check_list(pp_bench_read_rates, ",", 0, 0, 0);
	check_list(pp_bench_read_rates, "1,", 0, 0, 0);
	check_list(pp_bench_read_rates, ",1", 0, 0, 0);
	check_list(pp_bench_read_rates, "1,,2", 0, 0, 0);
	check_list(pp_bench_read_rates, "0", 0, 0, 0);
	check_list(pp_bench_read_rates, "-1", 0, 0, 0);
	check_list(pp_bench_read_rates, "1.5k", 0, 0, 0);
	check_list(pp_bench_read_rates, "99999999999999999999999999999999999999", 0, 0, 0);
}

Test(bench_read, sizes)
{
	check_list(pp_bench_read_sizes, "60,1792", 2, 60, 1792);
	check_list(pp_bench_read_sizes, "59", 0, 0, 0);
	check_list(pp_bench_read_sizes, "1793", 0, 0, 0);
}

Test(bench_read, words)
{
	struct pp_error err;
	uint8_t value = 99;

	cr_assert_eq(pp_bench_read_word(&option, "one", &value, &err), 0);
	cr_assert_eq(value, 0);
	cr_assert_eq(pp_bench_read_word(&option, "three", &value, &err), 0);
	cr_assert_eq(value, 2);
	cr_assert_eq(pp_bench_read_word(&option, "thre", &value, &err), -EINVAL);
	cr_assert_eq(pp_bench_read_word(&option, "one two", &value, &err), -EINVAL);
	cr_assert_eq(pp_bench_read_word(&option, "", &value, &err), -EINVAL);
	cr_assert_eq(value, 2);
	cr_assert_str_eq(err.text, "expected one of: one two three");
}

Test(bench_read, fractions)
{
	static const char *const bad[] = {"",	  "%",	 "1%%", "-0.1", "1.1",
					  "101%", "nan", "0x1", "1e0"};
	struct pp_error err;
	double value = 99;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(pp_bench_read_fraction(&option, bad[i], &value, &err), -EINVAL, "%s",
			     bad[i]);
	cr_assert_eq(value, 99);
	cr_assert_eq(pp_bench_read_fraction(&option, "0", &value, &err), 0);
	cr_assert_eq(value, 0);
	cr_assert_eq(pp_bench_read_fraction(&option, "0.1%", &value, &err), 0);
	cr_assert_float_eq(value, 0.001, 1e-12);
	cr_assert_eq(pp_bench_read_fraction(&option, "1", &value, &err), 0);
	cr_assert_eq(value, 1);
}

Test(bench_read, addresses)
{
	struct pp_bench_address address = {0};
	struct pp_bench_mac mac = {0};
	struct pp_error err;

	cr_assert_eq(pp_bench_read_address(&option, "192.0.2.1", &address, &err), 0);
	cr_assert_eq(address.family, 4);
	cr_assert_eq(pp_bench_read_address(&option, "2001:db8::1", &address, &err), 0);
	cr_assert_eq(address.family, 6);
	cr_assert_eq(pp_bench_read_address(&option, "192.0.2.1/24", &address, &err), -EINVAL);
	cr_assert_eq(pp_bench_read_mac(&option, "2:0:0:0:0:1", &mac, &err), -EINVAL);
	cr_assert_eq(pp_bench_read_mac(&option, "02:00:00:00:00:0g", &mac, &err), -EINVAL);
	cr_assert(!mac.given);
	cr_assert_eq(pp_bench_read_mac(&option, "02:00:00:00:00:01", &mac, &err), 0);
	cr_assert(mac.given && mac.byte[0] == 2 && mac.byte[5] == 1);
}
