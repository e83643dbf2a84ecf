// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/histogram.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PPM 1000000u

int pp_histogram_create(struct pp_histogram **out, uint32_t digits)
{
	struct pp_histogram *histogram;
	uint32_t bits, buckets;

	if (digits != 2 && digits != 3)
		return -EINVAL;
	bits = digits == 2 ? 7 : 10; // 2^bits > 10^digits
	buckets = (65 - bits) << bits;
	histogram = malloc(sizeof(*histogram) + buckets * sizeof(histogram->count[0]));
	if (!histogram)
		return -ENOMEM;
	histogram->bits = bits;
	histogram->buckets = buckets;
	pp_histogram_clear(histogram);
	*out = histogram;
	return 0;
}

void pp_histogram_destroy(struct pp_histogram *histogram)
{
	free(histogram);
}

void pp_histogram_clear(struct pp_histogram *histogram)
{
	histogram->min = UINT64_MAX;
	histogram->max = 0;
	// This also puts the pages in place, which record() then does not wait for.
	memset(histogram->count, 0, histogram->buckets * sizeof(histogram->count[0]));
}

static uint64_t count_of(const struct pp_histogram *histogram, uint32_t bucket)
{
	return __atomic_load_n(&histogram->count[bucket], __ATOMIC_RELAXED);
}

int pp_histogram_merge(struct pp_histogram *histogram, const struct pp_histogram *other)
{
	uint64_t min = __atomic_load_n(&other->min, __ATOMIC_RELAXED);
	uint64_t max = __atomic_load_n(&other->max, __ATOMIC_RELAXED);

	if (other->bits != histogram->bits)
		return -EINVAL;
	for (uint32_t i = 0; i < histogram->buckets; i++) {
		uint64_t sum = histogram->count[i] + count_of(other, i);

		__atomic_store_n(&histogram->count[i], sum, __ATOMIC_RELAXED);
	}
	if (min < histogram->min)
		__atomic_store_n(&histogram->min, min, __ATOMIC_RELAXED);
	if (max > histogram->max)
		__atomic_store_n(&histogram->max, max, __ATOMIC_RELAXED);
	return 0;
}

uint64_t pp_histogram_count(const struct pp_histogram *histogram)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < histogram->buckets; i++)
		total += count_of(histogram, i);
	return total;
}

uint64_t pp_histogram_min(const struct pp_histogram *histogram)
{
	uint64_t min = __atomic_load_n(&histogram->min, __ATOMIC_RELAXED);

	return min == UINT64_MAX && !pp_histogram_count(histogram) ? 0 : min;
}

uint64_t pp_histogram_max(const struct pp_histogram *histogram)
{
	return __atomic_load_n(&histogram->max, __ATOMIC_RELAXED);
}

static uint32_t shift_of(const struct pp_histogram *histogram, uint32_t bucket)
{
	uint32_t doubling = bucket >> histogram->bits;

	return doubling > 1 ? doubling - 1 : 0;
}

bool pp_histogram_next(const struct pp_histogram *histogram, struct pp_histogram_step *step)
{
	uint64_t max = pp_histogram_max(histogram);

	for (uint32_t i = step->bucket; i < histogram->buckets; i++) {
		uint32_t shift = shift_of(histogram, i);
		uint64_t count = count_of(histogram, i);

		if (!count)
			continue;
		step->bucket = i + 1;
		step->lowest = (uint64_t)(i - (shift << histogram->bits)) << shift;
		step->highest = step->lowest + (1ull << shift) - 1;
		if (step->highest > max)
			step->highest = max;
		step->count = count;
		step->total += count;
		return true;
	}
	return false;
}

static double middle(const struct pp_histogram_step *step)
{
	return (double)step->lowest + (double)(step->highest - step->lowest) / 2;
}

double pp_histogram_mean(const struct pp_histogram *histogram)
{
	struct pp_histogram_step step = {0};
	double sum = 0;

	while (pp_histogram_next(histogram, &step))
		sum += middle(&step) * (double)step.count;
	return step.total ? sum / (double)step.total : 0;
}

double pp_histogram_deviation(const struct pp_histogram *histogram)
{
	struct pp_histogram_step step = {0};
	double mean = pp_histogram_mean(histogram), sum = 0;

	while (pp_histogram_next(histogram, &step))
		sum += (middle(&step) - mean) * (middle(&step) - mean) * (double)step.count;
	return step.total ? sqrt(sum / (double)step.total) : 0;
}

uint64_t pp_histogram_percentile(const struct pp_histogram *histogram, uint32_t ppm)
{
	unsigned __int128 product = (unsigned __int128)pp_histogram_count(histogram) * ppm;
	uint64_t rank = (uint64_t)((product + PPM - 1) / PPM);
	struct pp_histogram_step step = {0};

	while (pp_histogram_next(histogram, &step)) {
		if (step.total >= rank)
			break;
	}
	return step.highest;
}
