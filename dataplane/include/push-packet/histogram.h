// SPDX-License-Identifier: MIT OR Apache-2.0
// How often each value came, to two or three significant digits, over all of 64 bits.
//
// Buckets are log-linear, as in Gil Tene's HdrHistogram: values below 2^(k+1) have a bucket each,
// and every doubling above has 2^k buckets, k being 7 for two digits and 10 for three. A bucket
// is thus never wider than 1/128 or 1/1024 of what is in it, and whatever is read from buckets
// lies at most that much above the exact value, and never below it.
//
// Threads    one writer (record, merge into, clear). Whoever reads meanwhile sees each bucket as
//            it was at some moment, not all of them at the same one.
// Cost       record: a few instructions and two cache lines; no lock, no allocation. Memory is
//            fixed: 58 KiB for two digits, 440 KiB for three. Everything else walks the buckets.
// Ownership  create/destroy; nothing is kept of what is given.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

struct pp_histogram {
	uint32_t bits; // k
	uint32_t buckets;
	uint64_t min; // UINT64_MAX: there is none
	uint64_t max;
	__extension__ uint64_t count[]; // by bucket
};

// @param digits  Significant digits: 2 or 3.
// @return        0; -EINVAL; -ENOMEM. out is untouched on failure.
int pp_histogram_create(struct pp_histogram **out, uint32_t digits);

// NULL is allowed.
void pp_histogram_destroy(struct pp_histogram *histogram);

// Forget everything.
void pp_histogram_clear(struct pp_histogram *histogram);

// Which bucket value falls into.
static inline uint32_t pp_histogram_bucket(const struct pp_histogram *histogram, uint64_t value)
{
	// The lowest bit makes 0 as long as 1, which changes no bucket.
	uint32_t top = 63u - (uint32_t)__builtin_clzll(value | 1);
	uint32_t shift = top > histogram->bits ? top - histogram->bits : 0;

	return (shift << histogram->bits) + (uint32_t)(value >> shift);
}

// Count value n times.
static inline void
pp_histogram_record_many(struct pp_histogram *histogram, uint64_t value, uint64_t n)
{
	uint64_t *count = &histogram->count[pp_histogram_bucket(histogram, value)];

	__atomic_store_n(count, *count + n, __ATOMIC_RELAXED);
	if (value < histogram->min)
		__atomic_store_n(&histogram->min, value, __ATOMIC_RELAXED);
	if (value > histogram->max)
		__atomic_store_n(&histogram->max, value, __ATOMIC_RELAXED);
}

// Count value.
static inline void pp_histogram_record(struct pp_histogram *histogram, uint64_t value)
{
	pp_histogram_record_many(histogram, value, 1);
}

// Add what another one counted.
//
// @return  0; -EINVAL: it has another number of digits.
int pp_histogram_merge(struct pp_histogram *histogram, const struct pp_histogram *other);

// @return  Values counted.
uint64_t pp_histogram_count(const struct pp_histogram *histogram);

// Exact. @return  0: nothing was counted.
uint64_t pp_histogram_min(const struct pp_histogram *histogram);
uint64_t pp_histogram_max(const struct pp_histogram *histogram);

// Mean and standard deviation of the buckets' middles: to the digits of the histogram.
//
// @return  0: nothing was counted.
double pp_histogram_mean(const struct pp_histogram *histogram);
double pp_histogram_deviation(const struct pp_histogram *histogram);

// The value that ppm millionths of all values do not exceed (the nearest rank), as the highest
// value of its bucket, at most the maximum.
//
// @param ppm  0 to 1,000,000; 990,000 is p99, 0 the bucket of the minimum.
// @return     0: nothing was counted.
uint64_t pp_histogram_percentile(const struct pp_histogram *histogram, uint32_t ppm);

// One bucket that something fell into.
struct pp_histogram_step {
	uint32_t bucket; // where to go on; 0 at first
	uint64_t lowest; // values of this bucket, at most the maximum
	uint64_t highest;
	uint64_t count; // in this bucket
	uint64_t total; // up to and with this bucket
};

// Go on to the next bucket that is not empty, from low to high; a step of zeros is the start.
//
// @return  false: there is none; step is left as it was.
bool pp_histogram_next(const struct pp_histogram *histogram, struct pp_histogram_step *step);

__END_DECLS
