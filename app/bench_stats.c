// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/random.h>

#define DRAWS 10000u
#define SEED 1u

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

double pp_bench_quantile(const double sorted[], uint32_t count, double part)
{
	double at = part * (count - 1);
	uint32_t low = (uint32_t)at;
	uint32_t high = low + 1 < count ? low + 1 : low;

	return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

double pp_bench_median(const double value[], uint32_t count)
{
	double sorted[PP_BENCH_SAMPLES_MAX];

	memcpy(sorted, value, count * sizeof(sorted[0]));
	qsort(sorted, count, sizeof(sorted[0]), by_value);
	return pp_bench_quantile(sorted, count, 0.5);
}

static double draw_median(uint64_t *state, const double value[], uint32_t count)
{
	double drawn[PP_BENCH_SAMPLES_MAX];

	for (uint32_t i = 0; i < count; i++)
		drawn[i] = value[pp_random_below(state, count)];
	qsort(drawn, count, sizeof(drawn[0]), by_value);
	return pp_bench_quantile(drawn, count, 0.5);
}

static void set_interval(double draw[DRAWS], struct pp_bench_estimate *out)
{
	qsort(draw, DRAWS, sizeof(draw[0]), by_value);
	out->lo = pp_bench_quantile(draw, DRAWS, 0.025);
	out->hi = pp_bench_quantile(draw, DRAWS, 0.975);
}

int pp_bench_estimate(const double value[], uint32_t count, struct pp_bench_estimate *out)
{
	double draw[DRAWS];
	uint64_t state = SEED;

	if (count == 0 || count > PP_BENCH_SAMPLES_MAX)
		return -EINVAL;
	*out = (struct pp_bench_estimate){pp_bench_median(value, count), .count = count};
	for (uint32_t i = 0; i < DRAWS; i++)
		draw[i] = draw_median(&state, value, count);
	set_interval(draw, out);
	return 0;
}

int pp_bench_estimate_pairs(const double ours[],
			    const double peer[],
			    uint32_t count,
			    struct pp_bench_estimate *out)
{
	double ratio[PP_BENCH_SAMPLES_MAX];

	if (count == 0 || count > PP_BENCH_SAMPLES_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (!(peer[i] > 0))
			return -EINVAL;
		ratio[i] = ours[i] / peer[i];
	}
	return pp_bench_estimate(ratio, count, out);
}

int pp_bench_estimate_ratio(const double a[],
			    uint32_t a_count,
			    const double b[],
			    uint32_t b_count,
			    struct pp_bench_estimate *out)
{
	uint32_t count = a_count < b_count ? a_count : b_count;
	double draw[DRAWS];
	uint64_t state = SEED;

	if (count == 0 || a_count > PP_BENCH_SAMPLES_MAX || b_count > PP_BENCH_SAMPLES_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < b_count; i++) {
		if (!(b[i] > 0))
			return -EINVAL;
	}
	*out = (struct pp_bench_estimate){pp_bench_median(a, a_count) / pp_bench_median(b, b_count),
					  .count = count};
	for (uint32_t i = 0; i < DRAWS; i++) {
		double divisor = draw_median(&state, b, b_count);

		draw[i] = draw_median(&state, a, a_count) / divisor;
	}
	set_interval(draw, out);
	return 0;
}

enum pp_bench_verdict
pp_bench_judge(const struct pp_bench_estimate *estimate, double target, bool at_most)
{
	double width = (estimate->hi - estimate->lo) / fabs(estimate->median);

	// Written so that a ratio that is no number is inconclusive.
	if (estimate->count < PP_BENCH_PAIRS_MIN || !(width < PP_BENCH_WIDTH_MAX))
		return PP_BENCH_INCONCLUSIVE;
	if (at_most ? estimate->median <= target : estimate->median >= target)
		return PP_BENCH_MET;
	return PP_BENCH_NOT_MET;
}

const char *pp_bench_verdict_name(enum pp_bench_verdict verdict)
{
	static const char *const name[] = {
		[PP_BENCH_MET] = "met",
		[PP_BENCH_NOT_MET] = "not met",
		[PP_BENCH_INCONCLUSIVE] = "inconclusive",
	};

	return name[verdict];
}
