// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/histogram.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

#define VALUES 100000u

static const uint32_t ppms[] = {0,	1,	10000,	250000, 500000, 900000,
				990000, 999000, 999900, 999990, 999999, 1000000};

static struct pp_histogram *create(uint32_t digits)
{
	struct pp_histogram *histogram;

	cr_assert_eq(pp_histogram_create(&histogram, digits), 0);
	return histogram;
}

static int by_value(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

	return (one > other) - (one < other);
}

// The nearest rank, by counting.
static uint64_t exact(const uint64_t sorted[], uint32_t count, uint32_t ppm)
{
	uint64_t rank = ((uint64_t)count * ppm + 999999) / 1000000;

	return sorted[rank ? rank - 1 : 0];
}

// Every percentile of the distribution is within the stated precision of the exact one: never
// below, and above by less than one part in 10^digits.
static void check_distribution(uint64_t value[VALUES], const char *name)
{
	for (uint32_t digits = 2; digits <= 3; digits++) {
		struct pp_histogram *histogram = create(digits);
		double precision = pow(10, -(double)digits);

		for (uint32_t i = 0; i < VALUES; i++)
			pp_histogram_record(histogram, value[i]);
		qsort(value, VALUES, sizeof(value[0]), by_value);
		cr_assert_eq(pp_histogram_count(histogram), VALUES);
		cr_assert_eq(pp_histogram_min(histogram), value[0], "%s", name);
		cr_assert_eq(pp_histogram_max(histogram), value[VALUES - 1], "%s", name);
		for (size_t i = 0; i < sizeof(ppms) / sizeof(ppms[0]); i++) {
			uint64_t right = exact(value, VALUES, ppms[i]);
			uint64_t found = pp_histogram_percentile(histogram, ppms[i]);

			cr_assert_geq(found, right, "%s, %u ppm", name, ppms[i]);
			cr_assert_leq((long double)(found - right), precision * (long double)right,
				      "%s, %u ppm: %lu for %lu", name, ppms[i], found, right);
		}
		pp_histogram_destroy(histogram);
	}
}

static uint64_t value[VALUES];

Test(histogram, is_precise_on_a_constant)
{
	static const uint64_t constant[] = {0, 1, 4100, 123456789, UINT64_MAX};

	for (size_t c = 0; c < sizeof(constant) / sizeof(constant[0]); c++) {
		for (uint32_t i = 0; i < VALUES; i++)
			value[i] = constant[c];
		check_distribution(value, "constant");
	}
}

Test(histogram, is_precise_on_two_points)
{
	for (uint32_t rare = 1; rare < VALUES; rare *= 10) {
		for (uint32_t i = 0; i < VALUES; i++)
			value[i] = i < rare ? 1000000007 : 4099;
		check_distribution(value, "two points");
	}
}

// Pareto with an exponent of 0.5: it has neither mean nor variance.
Test(histogram, is_precise_on_a_heavy_tail)
{
	struct rule_gen gen;

	rule_gen_init(&gen, 1);
	for (uint32_t i = 0; i < VALUES; i++) {
		double u = (rule_gen_below(&gen, 1u << 30) + 1.0) / (double)(1u << 30);

		value[i] = (uint64_t)(1000 / (u * u));
	}
	check_distribution(value, "heavy tail");
}

Test(histogram, is_precise_around_powers_of_two)
{
	for (uint32_t i = 0; i < VALUES; i++)
		value[i] = (1ull << i % 64) + i / 64 % 3 - 1;
	check_distribution(value, "powers of two");
}

Test(histogram, is_precise_over_all_of_64_bits)
{
	struct rule_gen gen;

	rule_gen_init(&gen, 2);
	for (uint32_t i = 0; i < VALUES; i++) {
		value[i] = (uint64_t)rule_gen_below(&gen, UINT32_MAX) << 32 |
			   rule_gen_below(&gen, UINT32_MAX);
		value[i] >>= rule_gen_below(&gen, 64);
	}
	value[0] = UINT64_MAX;
	value[1] = 0;
	check_distribution(value, "all lengths");
}

Test(histogram, has_a_bucket_for_each_small_value)
{
	struct pp_histogram *histogram = create(3);
	struct pp_histogram_step step = {0};

	for (uint64_t v = 0; v < 2048; v++)
		pp_histogram_record(histogram, v);
	for (uint64_t v = 0; v < 2048; v++) {
		cr_assert(pp_histogram_next(histogram, &step));
		cr_assert(step.lowest == v && step.highest == v && step.count == 1 &&
			  step.total == v + 1);
	}
	cr_assert(!pp_histogram_next(histogram, &step));
	pp_histogram_destroy(histogram);
}

// Each bucket begins where the one before ended, up to the last value of all.
Test(histogram, leaves_no_value_without_a_bucket)
{
	for (uint32_t digits = 2; digits <= 3; digits++) {
		struct pp_histogram *histogram = create(digits);
		struct pp_histogram_step step = {0};
		uint64_t expected = 0;

		histogram->max = UINT64_MAX;
		for (uint32_t i = 0; i < histogram->buckets; i++)
			histogram->count[i] = 1;
		while (pp_histogram_next(histogram, &step)) {
			cr_assert_eq(step.lowest, expected);
			cr_assert_eq(pp_histogram_bucket(histogram, step.lowest), step.bucket - 1);
			cr_assert_eq(pp_histogram_bucket(histogram, step.highest), step.bucket - 1);
			expected = step.highest + 1;
		}
		cr_assert_eq(step.total, histogram->buckets);
		cr_assert_eq(step.highest, UINT64_MAX);
		pp_histogram_destroy(histogram);
	}
}

Test(histogram, says_zero_of_nothing)
{
	struct pp_histogram *histogram = create(2);
	struct pp_histogram_step step = {0};

	cr_assert_eq(pp_histogram_count(histogram), 0);
	cr_assert_eq(pp_histogram_min(histogram), 0);
	cr_assert_eq(pp_histogram_max(histogram), 0);
	cr_assert_eq(pp_histogram_percentile(histogram, 500000), 0);
	cr_assert_eq(pp_histogram_mean(histogram), 0);
	cr_assert_eq(pp_histogram_deviation(histogram), 0);
	cr_assert(!pp_histogram_next(histogram, &step));
	pp_histogram_destroy(histogram);
}

Test(histogram, has_mean_and_deviation)
{
	struct pp_histogram *histogram = create(3);

	pp_histogram_record_many(histogram, 2, 4);
	pp_histogram_record_many(histogram, 4, 4);
	cr_assert_float_eq(pp_histogram_mean(histogram), 3, 1e-9);
	cr_assert_float_eq(pp_histogram_deviation(histogram), 1, 1e-9);
	pp_histogram_record_many(histogram, 1000003, 92);
	cr_assert_float_eq(pp_histogram_mean(histogram), 920003, 920);
	pp_histogram_destroy(histogram);
}

// Two halves merged are the whole, bucket by bucket.
Test(histogram, merges)
{
	struct pp_histogram *all = create(3), *half[2] = {create(3), create(3)};
	struct pp_histogram *coarse = create(2);
	struct rule_gen gen;

	rule_gen_init(&gen, 3);
	for (uint32_t i = 0; i < VALUES; i++) {
		uint64_t v = rule_gen_below(&gen, 1u << 31);

		pp_histogram_record(all, v);
		pp_histogram_record(half[i % 2], v);
	}
	cr_assert_eq(pp_histogram_merge(half[0], half[1]), 0);
	cr_assert_eq(memcmp(half[0], all, sizeof(*all) + all->buckets * sizeof(all->count[0])), 0);
	cr_assert_eq(pp_histogram_merge(all, coarse), -EINVAL);
	cr_assert_eq(pp_histogram_count(all), VALUES);
	pp_histogram_clear(all);
	cr_assert_eq(pp_histogram_merge(all, half[1]), 0);
	cr_assert_eq(memcmp(half[1], all, sizeof(*all) + all->buckets * sizeof(all->count[0])), 0);
	pp_histogram_destroy(coarse);
	pp_histogram_destroy(half[0]);
	pp_histogram_destroy(half[1]);
	pp_histogram_destroy(all);
}

Test(histogram, has_two_or_three_digits)
{
	struct pp_histogram *histogram = NULL;

	cr_assert_eq(pp_histogram_create(&histogram, 1), -EINVAL);
	cr_assert_eq(pp_histogram_create(&histogram, 4), -EINVAL);
	cr_assert_null(histogram);
	pp_histogram_destroy(NULL);
}
