// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_stats.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>

// Right values are those of numpy.quantile() and numpy.median().
Test(bench_stats, quantiles_lie_between_neighbours_in_proportion)
{
	static const double v[] = {1, 2, 4, 8, 16};

	cr_assert_float_eq(pp_bench_quantile(v, 5, 0), 1, 1e-12);
	cr_assert_float_eq(pp_bench_quantile(v, 5, 0.1), 1.4, 1e-12);
	cr_assert_float_eq(pp_bench_quantile(v, 5, 0.5), 4, 1e-12);
	cr_assert_float_eq(pp_bench_quantile(v, 5, 0.9), 12.8, 1e-12);
	cr_assert_float_eq(pp_bench_quantile(v, 5, 1), 16, 1e-12);
	cr_assert_float_eq(pp_bench_quantile(v, 1, 0.7), 1, 1e-12);
	cr_assert_float_eq(pp_bench_quantile(v, 2, 0.25), 1.25, 1e-12);
}

Test(bench_stats, median_needs_no_order)
{
	static const double odd[] = {3, -1, 7}, even[] = {10, 1, 3, 2};

	cr_assert_float_eq(pp_bench_median(odd, 3), 3, 1e-12);
	cr_assert_float_eq(pp_bench_median(even, 4), 2.5, 1e-12);
	cr_assert_float_eq(pp_bench_median(odd, 1), 3, 1e-12);
}

Test(bench_stats, equal_values_have_an_interval_of_no_width)
{
	static const double v[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
	struct pp_bench_estimate e;

	cr_assert_eq(pp_bench_estimate(v, 11, &e), 0);
	cr_assert(e.median == 2 && e.lo == 2 && e.hi == 2 && e.count == 11);
}

// The median of n distinct values drawn from themselves is the k-th smallest with a probability
// that can be counted: for n = 11 the 2.5 % and 97.5 % points are the 3rd and the 9th value, as
// P(median <= 3rd) = P(binomial(11, 3/11) >= 6) = 0.0512 and P(median <= 2nd) = 0.0072.
Test(bench_stats, interval_of_eleven_values_is_the_one_that_can_be_counted)
{
	double v[11];
	struct pp_bench_estimate e, again;

	for (int i = 0; i < 11; i++)
		v[i] = 100 + (i * 7) % 11;
	cr_assert_eq(pp_bench_estimate(v, 11, &e), 0);
	cr_assert_float_eq(e.median, 105, 1e-12);
	cr_assert_float_eq(e.lo, 102, 1e-12);
	cr_assert_float_eq(e.hi, 108, 1e-12);
	cr_assert_eq(pp_bench_estimate(v, 11, &again), 0);
	cr_assert(e.lo == again.lo && e.hi == again.hi);
}

Test(bench_stats, pairs_cancel_what_drifts_under_both)
{
	double ours[11], peer[11];
	struct pp_bench_estimate e;

	for (int i = 0; i < 11; i++) {
		peer[i] = 100 * (1 + i); // slower and slower
		ours[i] = 1.6 * peer[i];
	}
	cr_assert_eq(pp_bench_estimate_pairs(ours, peer, 11, &e), 0);
	cr_assert_float_eq(e.median, 1.6, 1e-9);
	cr_assert_float_eq(e.hi - e.lo, 0, 1e-9);
	cr_assert_eq(pp_bench_estimate_ratio(ours, 11, peer, 11, &e), 0);
	cr_assert_float_eq(e.median, 1.6, 1e-9);
	cr_assert_gt(e.hi - e.lo, 0.5);
}

Test(bench_stats, what_cannot_be_divided_is_refused)
{
	static const double good[] = {1, 2}, zero[] = {1, 0}, nan[] = {1, NAN};
	struct pp_bench_estimate e;

	cr_assert_eq(pp_bench_estimate(good, 0, &e), -EINVAL);
	cr_assert_eq(pp_bench_estimate(good, PP_BENCH_SAMPLES_MAX + 1, &e), -EINVAL);
	cr_assert_eq(pp_bench_estimate_pairs(good, zero, 2, &e), -EINVAL);
	cr_assert_eq(pp_bench_estimate_pairs(good, nan, 2, &e), -EINVAL);
	cr_assert_eq(pp_bench_estimate_ratio(good, 2, zero, 2, &e), -EINVAL);
	cr_assert_eq(pp_bench_estimate_ratio(good, 2, good, 0, &e), -EINVAL);
}

static enum pp_bench_verdict judge(double median, double lo, double hi, uint32_t n, bool at_most)
{
	struct pp_bench_estimate e = {median, lo, hi, n};

	return pp_bench_judge(&e, 1.5, at_most);
}

Test(bench_stats, a_claim_is_met_by_the_median_in_a_narrow_interval)
{
	cr_assert_eq(judge(1.5, 1.45, 1.55, 11, false), PP_BENCH_MET);
	cr_assert_eq(judge(1.49, 1.45, 1.55, 11, false), PP_BENCH_NOT_MET);
	cr_assert_eq(judge(1.6, 1.52, 1.69, 11, false), PP_BENCH_INCONCLUSIVE);
	cr_assert_eq(judge(1.2, 1.1, 1.3, 11, false), PP_BENCH_INCONCLUSIVE);
	cr_assert_eq(judge(1.6, 1.59, 1.61, 10, false), PP_BENCH_INCONCLUSIVE);
	cr_assert_eq(judge(1.5, 1.45, 1.55, 11, true), PP_BENCH_MET);
	cr_assert_eq(judge(1.51, 1.45, 1.55, 11, true), PP_BENCH_NOT_MET);
	cr_assert_eq(judge(NAN, NAN, NAN, 11, true), PP_BENCH_INCONCLUSIVE);
	// Exactly a tenth is not narrower than a tenth.
	cr_assert_eq(judge(2, 1.9375, 2.1375, 11, false), PP_BENCH_INCONCLUSIVE);
}
