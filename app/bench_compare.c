// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_compare.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bench_priv.h"
#include "bench_stats.h"

#define SIGMA95 1.96 // of a normal distribution

int pp_bench_load(const char *path, json_t **out, struct pp_error *err)
{
	json_error_t fault;
	json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);

	if (!document)
		return pp_error_set(err, -EINVAL, fault.line > 0 ? (uint32_t)fault.line : 0,
				    fault.column > 0 ? (uint32_t)fault.column : 0, "%s",
				    fault.text);
	if (strcmp(pp_bench_text(document, "tool"), "push-packet") != 0 ||
	    !pp_bench_text(document, "kind")[0] ||
	    !json_is_array(json_object_get(document, "results"))) {
		json_decref(document);
		return pp_error_set(err, -EINVAL, 1, 1,
				    "expected what 'push-packet bench ... --json' writes: an "
				    "object with tool \"push-packet\", kind and results");
	}
	*out = document;
	return 0;
}

static void warn(json_t *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void warn(json_t *out, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(json_object_get(out, "warnings"), json_string(text));
}

static void
compare_value(json_t *out, const char *what, const char *key, const json_t *a, const json_t *b)
{
	char *one, *other;

	if (a == b || (a && b && json_equal(a, b)))
		return;
	one = a ? json_dumps(a, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("nothing");
	other = b ? json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("nothing");
	warn(out, "%s %s differs: %.160s and %.160s", what, key, one ?: "?", other ?: "?");
	free(one);
	free(other);
}

// Members of either object.
static void compare_members(json_t *out, const char *what, json_t *a, json_t *b)
{
	const char *key;
	json_t *value;

	json_object_foreach(a, key, value)
		compare_value(out, what, key, value, json_object_get(b, key));
	json_object_foreach(b, key, value)
	{
		if (!json_object_get(a, key))
			compare_value(out, what, key, NULL, value);
	}
}

static void compare_machines(json_t *out, const json_t *a, const json_t *b)
{
	static const char *const key[] = {
		"kernel", "kernel_build", "cpu_model",	    "cpus",	   "governor",
		"smt",	  "isolated",	  "virtualization", "clocksource", "mitigations"};

	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++)
		compare_value(out, "machine:", key[i], json_object_get(a, key[i]),
			      json_object_get(b, key[i]));
}

static void compare_warnings(json_t *out, const char *which, const json_t *document)
{
	size_t n = json_array_size(json_object_get(document, "warnings"));

	if (n)
		warn(out, "%s was measured with %zu warning%s: %s", which, n, n == 1 ? "" : "s",
		     json_string_value(json_array_get(json_object_get(document, "warnings"), 0))
			     ?: "");
}

static void compare_settings(json_t *out, const json_t *a, const json_t *b)
{
	const json_t *ifaces = json_object_get(a, "interfaces");
	const json_t *others = json_object_get(b, "interfaces");

	compare_value(out, "the", "version", json_object_get(a, "version"),
		      json_object_get(b, "version"));
	compare_machines(out, json_object_get(a, "machine"), json_object_get(b, "machine"));
	compare_members(out, "setting", json_object_get(a, "settings"),
			json_object_get(b, "settings"));
	compare_members(out, "CPU of", json_object_get(a, "cpus_used"),
			json_object_get(b, "cpus_used"));
	for (size_t i = 0; i < json_array_size(ifaces) || i < json_array_size(others); i++)
		compare_members(out, "interface:", json_array_get(ifaces, i),
				json_array_get(others, i));
	compare_warnings(out, "A", a);
	compare_warnings(out, "B", b);
}

static void add(json_t *out,
		const json_t *result,
		const char *of,
		double a,
		double b,
		const struct pp_bench_estimate *e)
{
	bool lower = !strcmp(pp_bench_text(result, "better"), "lower");
	const char *says = "no difference shown";

	if (e->lo > 1)
		says = lower ? "worse" : "better";
	if (e->hi < 1)
		says = lower ? "better" : "worse";
	json_array_append_new(json_object_get(out, "results"),
			      json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:s}", "name",
					pp_bench_text(result, "name"), "unit",
					pp_bench_text(result, "unit"), "of", of, "a", a, "b", b,
					"ratio", e->median, "lo", e->lo, "hi", e->hi, "says",
					says));
}

static uint32_t read_numbers(const json_t *array, double value[PP_BENCH_SAMPLES_MAX])
{
	size_t n = json_array_size(array);

	if (n > PP_BENCH_SAMPLES_MAX)
		n = PP_BENCH_SAMPLES_MAX;
	for (size_t i = 0; i < n; i++)
		value[i] = json_number_value(json_array_get(array, i));
	return (uint32_t)n;
}

static void compare_samples(
	json_t *out, const json_t *result, const char *key, const json_t *a, const json_t *b)
{
	double one[PP_BENCH_SAMPLES_MAX], other[PP_BENCH_SAMPLES_MAX];
	uint32_t n = read_numbers(json_object_get(a, key), one);
	uint32_t m = read_numbers(json_object_get(b, key), other);
	struct pp_bench_estimate e;

	if (pp_bench_estimate_ratio(other, m, one, n, &e))
		warn(out, "%s: no ratio: there are no samples, or some are 0",
		     pp_bench_text(result, "name"));
	else
		add(out, result, "median", pp_bench_median(one, n), pp_bench_median(other, m), &e);
}

// The value at a rank, from 1.
static double at_rank(const json_t *histogram, double rank)
{
	const json_t *buckets = json_object_get(histogram, "buckets"), *bucket;
	double total = 0, value = 0;
	size_t i;

	json_array_foreach(buckets, i, bucket)
	{
		value = json_number_value(json_array_get(bucket, 0));
		total += json_number_value(json_array_get(bucket, 1));
		if (total >= rank)
			break;
	}
	return value;
}

// A percentile's interval needs no assumption about the distribution: the number of values below it
// is binomial, here in its normal approximation.
static void quantile(const json_t *histogram, double part, struct pp_bench_estimate *out)
{
	double n = pp_bench_number(histogram, "count");
	double spread = SIGMA95 * sqrt(n * part * (1 - part));

	out->median = at_rank(histogram, ceil(n * part));
	out->lo = at_rank(histogram, floor(n * part - spread));
	out->hi = at_rank(histogram, ceil(n * part + spread));
}

static void compare_histograms(json_t *out, const json_t *result, const json_t *a, const json_t *b)
{
	static const struct {
		const char *name;
		double part;
	} row[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct pp_bench_estimate one, other, e;

		quantile(json_object_get(a, "histogram"), row[i].part, &one);
		quantile(json_object_get(b, "histogram"), row[i].part, &other);
		if (!(one.lo > 0)) {
			warn(out, "%s: no ratio of %s, which is 0 in A",
			     pp_bench_text(result, "name"), row[i].name);
			continue;
		}
		e = (struct pp_bench_estimate){.median = other.median / one.median,
					       .lo = other.lo / one.hi,
					       .hi = other.hi / one.lo};
		add(out, result, row[i].name, one.median, other.median, &e);
	}
}

static json_t *find(const json_t *document, const json_t *result)
{
	json_t *other;
	size_t i;

	json_array_foreach(json_object_get(document, "results"), i, other)
	{
		if (!strcmp(pp_bench_text(other, "name"), pp_bench_text(result, "name")) &&
		    !strcmp(pp_bench_text(other, "unit"), pp_bench_text(result, "unit")))
			return other;
	}
	return NULL;
}

static void compare_result(json_t *out, const json_t *a, const json_t *b)
{
	if (pp_bench_has_samples(a) && pp_bench_has_samples(b))
		compare_samples(out, a, "samples", a, b);
	else if (pp_bench_has_claim(a) && pp_bench_has_claim(b))
		compare_samples(out, a, "ratios", a, b);
	else if (pp_bench_has_histogram(a) && pp_bench_has_histogram(b))
		compare_histograms(out, a, a, b);
	else
		warn(out, "%s: a distribution in one run and not in the other",
		     pp_bench_text(a, "name"));
}

static void compare_results(json_t *out, const json_t *a, const json_t *b)
{
	const json_t *result, *other;
	size_t i;

	json_array_foreach(json_object_get(a, "results"), i, result)
	{
		other = find(b, result);
		if (other)
			compare_result(out, result, other);
		else
			warn(out, "%s: only in A", pp_bench_text(result, "name"));
	}
	json_array_foreach(json_object_get(b, "results"), i, result)
	{
		if (!find(a, result))
			warn(out, "%s: only in B", pp_bench_text(result, "name"));
	}
}

int pp_bench_compare(const json_t *a, const json_t *b, json_t **out, struct pp_error *err)
{
	const char *kind = pp_bench_text(a, "kind"), *other = pp_bench_text(b, "kind");
	json_t *comparison;

	if (strcmp(kind, other) != 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "the runs are of different kinds, '%s' and '%s'", kind, other);
	comparison = json_pack("{s:s, s:[], s:[]}", "kind", kind, "warnings", "results");
	if (!comparison)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	compare_settings(comparison, a, b);
	compare_results(comparison, a, b);
	*out = comparison;
	return 0;
}
