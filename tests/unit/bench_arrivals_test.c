// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_arrivals.h"

#include <criterion/criterion.h>

#define DRIVER_AT 1700000000000000000u // a clock that has nothing to do with CLOCK_MONOTONIC

static struct pp_bench_arrivals arrivals;

static void init(void)
{
	cr_assert_eq(pp_bench_arrivals_init(&arrivals), 0);
}

static void fini(void)
{
	pp_bench_arrivals_fini(&arrivals);
}

TestSuite(bench_arrivals, .init = init, .fini = fini, .timeout = 30);

static uint64_t stretches(enum pp_bench_clock clock)
{
	return pp_histogram_count(arrivals.spacing[clock]);
}

static uint64_t most(enum pp_bench_clock clock)
{
	return pp_histogram_max(arrivals.spacing[clock]);
}

Test(bench_arrivals, first_reply_makes_no_stretch)
{
	pp_bench_arrivals_take(&arrivals, 1000, 0, 5000);
	cr_expect_eq(arrivals.count[PP_BENCH_CLOCK_ENTRY], 1);
	cr_expect_eq(stretches(PP_BENCH_CLOCK_ENTRY), 0);
}

Test(bench_arrivals, even_replies_are_off_by_nothing_whatever_the_clock_says)
{
	for (uint64_t i = 0; i < 10; i++)
		pp_bench_arrivals_take(&arrivals, 1000 * i, DRIVER_AT + 1000 * i, 77 * i);
	cr_expect_eq(arrivals.count[PP_BENCH_CLOCK_DRIVER], 10);
	cr_expect_eq(arrivals.count[PP_BENCH_CLOCK_ENTRY], 0);
	cr_expect_eq(stretches(PP_BENCH_CLOCK_DRIVER), 9);
	cr_expect_eq(most(PP_BENCH_CLOCK_DRIVER), 0);
}

Test(bench_arrivals, late_and_early_count_alike)
{
	pp_bench_arrivals_take(&arrivals, 0, 0, 10000);
	pp_bench_arrivals_take(&arrivals, 1000, 0, 11300);
	cr_expect_eq(most(PP_BENCH_CLOCK_ENTRY), 300);
	pp_bench_arrivals_clear(&arrivals);
	pp_bench_arrivals_take(&arrivals, 0, 0, 10000);
	pp_bench_arrivals_take(&arrivals, 1000, 0, 10700);
	cr_expect_eq(most(PP_BENCH_CLOCK_ENTRY), 300);
}

Test(bench_arrivals, replies_may_overtake_each_other)
{
	pp_bench_arrivals_take(&arrivals, 2000, 0, 10000);
	pp_bench_arrivals_take(&arrivals, 1000, 0, 10100);
	cr_expect_eq(stretches(PP_BENCH_CLOCK_ENTRY), 1);
	cr_expect_eq(most(PP_BENCH_CLOCK_ENTRY), 1100);
}

// A driver that gives a time for some packets only.
Test(bench_arrivals, no_stretch_is_between_two_clocks)
{
	pp_bench_arrivals_take(&arrivals, 0, DRIVER_AT, 10000);
	pp_bench_arrivals_take(&arrivals, 1000, 0, 11000);
	cr_expect_eq(stretches(PP_BENCH_CLOCK_DRIVER) + stretches(PP_BENCH_CLOCK_ENTRY), 0);
	pp_bench_arrivals_take(&arrivals, 2000, DRIVER_AT + 2004, 12000);
	pp_bench_arrivals_take(&arrivals, 3000, 0, 13007);
	cr_expect_eq(most(PP_BENCH_CLOCK_DRIVER), 4);
	cr_expect_eq(most(PP_BENCH_CLOCK_ENTRY), 7);
	cr_expect_eq(arrivals.count[PP_BENCH_CLOCK_DRIVER], 2);
	cr_expect_eq(arrivals.count[PP_BENCH_CLOCK_ENTRY], 2);
}

Test(bench_arrivals, no_stretch_is_between_two_rounds)
{
	pp_bench_arrivals_take(&arrivals, 0, 0, 10000);
	pp_bench_arrivals_begin(&arrivals);
	pp_bench_arrivals_take(&arrivals, 900000, 0, 20000);
	cr_expect_eq(stretches(PP_BENCH_CLOCK_ENTRY), 0);
	cr_expect_eq(arrivals.count[PP_BENCH_CLOCK_ENTRY], 2);
}
