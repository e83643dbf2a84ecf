// SPDX-License-Identifier: MIT OR Apache-2.0
// What can be said of a handful of measurements: medians, ratios of pairs, and how sure they are.
//
// Threads    any; nothing is shared.
// Cost       control path: an interval draws 10,000 samples of the size of what is given.
// Ownership  caller's storage. The same numbers give the same result: the seed is fixed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PP_BENCH_PAIRS_MIN 11u // fewer say nothing about a claim
#define PP_BENCH_WIDTH_MAX 0.10 // nor does an interval of this part of its median, or more
#define PP_BENCH_SAMPLES_MAX 4096u

// A median with its 95 % interval.
struct pp_bench_estimate {
	double median;
	double lo, hi; // of the interval
	uint32_t count; // what it was made of
};

enum pp_bench_verdict {
	PP_BENCH_MET,
	PP_BENCH_NOT_MET,
	PP_BENCH_INCONCLUSIVE,
};

// The value below which part of all values lie, between neighbours in proportion: numpy's default.
//
// @param sorted  count of them, ascending; at least one.
// @param part    0 to 1.
double pp_bench_quantile(const double sorted[], uint32_t count, double part);

// @param value  count of them in any order; at least one, at most PP_BENCH_SAMPLES_MAX.
double pp_bench_median(const double value[], uint32_t count);

// The median and its interval by percentile bootstrap (Efron 1979): the middle 95 % of the medians
// of 10,000 samples drawn with replacement.
//
// @param value  1 to PP_BENCH_SAMPLES_MAX of them.
// @return       0; -EINVAL: count.
int pp_bench_estimate(const double value[], uint32_t count, struct pp_bench_estimate *out);

// The same of ours[i] / peer[i], measured one after the other, so that what drifts drifts under
// both.
//
// @return  0; -EINVAL: count, or a peer's value is not above 0.
int pp_bench_estimate_pairs(const double ours[],
			    const double peer[],
			    uint32_t count,
			    struct pp_bench_estimate *out);

// The ratio of two medians whose samples belong to different runs: each side is drawn on its own.
//
// @return  0; -EINVAL: a count, or a divisor that is not above 0.
int pp_bench_estimate_ratio(const double a[],
			    uint32_t a_count,
			    const double b[],
			    uint32_t b_count,
			    struct pp_bench_estimate *out);

// Is a claim about a ratio met? When its median reaches the target and its interval is narrower
// than PP_BENCH_WIDTH_MAX of the median; a median that does not, in such an interval, says no.
// A wider interval or fewer than PP_BENCH_PAIRS_MIN pairs say nothing.
//
// @param at_most  The ratio is to be target or less; else target or more.
enum pp_bench_verdict
pp_bench_judge(const struct pp_bench_estimate *estimate, double target, bool at_most);

// @return  "met", "not met", "inconclusive".
const char *pp_bench_verdict_name(enum pp_bench_verdict verdict);
