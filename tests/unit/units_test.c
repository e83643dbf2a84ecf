// SPDX-License-Identifier: MIT OR Apache-2.0
#include <criterion/criterion.h>

#include "units.h"

#include <errno.h>
#include <stddef.h>

Test(units, durations_have_a_unit)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"1ns", 1},
		{"7us", 7000},
		{"500ms", 500000000},
		{"60s", 60000000000},
		{"10m", 600000000000},
		{"0s", 0},
		{"2h", 7200000000000},
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_expect_eq(pp_units_parse_duration(good[i].text, &ns), 0, "%s", good[i].text);
		cr_expect_eq(ns, good[i].ns, "%s", good[i].text);
	}
}

Test(units, a_duration_that_is_none_is_refused_and_leaves_out_alone)
{
	static const char *const bad[] = {"",	 "60",	 "s",	 "-1s", "+1s",	" 1s",	"1 s",
					  "1s ", "1.5s", "0x1s", "1S",	"1sec", "1m30s"};
	uint64_t ns = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(pp_units_parse_duration(bad[i], &ns), -EINVAL, "'%s'", bad[i]);
	cr_expect_eq(pp_units_parse_duration("99999999999999999999s", &ns), -ERANGE);
	cr_expect_eq(pp_units_parse_duration("18446744074s", &ns), -ERANGE);
	cr_expect_eq(ns, 42);
}

Test(units, counts_and_rates_take_decimal_multiples)
{
	uint64_t n;

	cr_expect_eq(pp_units_parse_count("18446744073709551615", &n), 0);
	cr_expect_eq(n, UINT64_MAX);
	cr_expect_eq(pp_units_parse_count("10k", &n), 0);
	cr_expect_eq(n, 10000);
	cr_expect_eq(pp_units_parse_count("3M", &n), 0);
	cr_expect_eq(n, 3000000);
	cr_expect_eq(pp_units_parse_rate("250kpps", &n), 0);
	cr_expect_eq(n, 250000);
	cr_expect_eq(pp_units_parse_rate("2M", &n), 0);
	cr_expect_eq(n, 2000000);
	cr_expect_eq(pp_units_parse_count("18446744073709551616", &n), -ERANGE);
	cr_expect_eq(pp_units_parse_count("18446744073710M", &n), -ERANGE);
	cr_expect_eq(pp_units_parse_count("1pps", &n), -EINVAL);
	cr_expect_eq(pp_units_parse_count("-1", &n), -EINVAL);
	cr_expect_eq(pp_units_parse_count("", &n), -EINVAL);
}

Test(units, numbers_are_decimal_or_hexadecimal_and_in_range)
{
	uint64_t n = 42;

	cr_expect_eq(pp_units_parse_number("0", 0, 9, &n), 0);
	cr_expect_eq(n, 0);
	cr_expect_eq(pp_units_parse_number("0x88a8", 0, 65535, &n), 0);
	cr_expect_eq(n, 0x88a8);
	cr_expect_eq(pp_units_parse_number("010", 0, 65535, &n), 0);
	cr_expect_eq(n, 10, "a leading zero means nothing");
	cr_expect_eq(pp_units_parse_number("10", 0, 9, &n), -ERANGE);
	cr_expect_eq(pp_units_parse_number("0", 1, 9, &n), -ERANGE);
	cr_expect_eq(pp_units_parse_number("0x", 0, 9, &n), -EINVAL);
	cr_expect_eq(pp_units_parse_number("0x-1", 0, 9, &n), -EINVAL);
	cr_expect_eq(pp_units_parse_number("1k", 0, 9999, &n), -EINVAL);
	cr_expect_eq(n, 10);
}
