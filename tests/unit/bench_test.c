// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_compare.h"
#include "bench_priv.h"
#include "command.h"

#define PAIRS 11u

static struct pp_bench_run *create(const struct pp_bench_options *o)
{
	char *argv[] = {(char[]){"push-packet bench try"}, (char[]){"--size"}, (char[]){"64"}};
	struct pp_bench_run *run;

	cr_assert_eq(pp_bench_run_create(&run, "try", o, 3, argv, NULL), 0);
	return run;
}

static void add_results(struct pp_bench_run *run, uint64_t scale)
{
	double ours[PAIRS], peer[PAIRS];
	struct pp_histogram *histogram;

	cr_assert_eq(pp_histogram_create(&histogram, 3), 0);
	for (uint64_t i = 1; i <= 10000; i++)
		pp_histogram_record(histogram, i * scale);
	for (uint32_t i = 0; i < PAIRS; i++) {
		ours[i] = (double)scale * (100 + i % 3);
		peer[i] = (double)(50 + i % 2);
	}
	pp_bench_add_histogram(run, "round trip", "ns", PP_BENCH_LOWER, histogram);
	pp_bench_add_samples(run, "delivered", "Mpps", PP_BENCH_HIGHER, ours, PAIRS);
	pp_bench_add_claim(run, "beside a peer", ours, peer, PAIRS, 1.5, false);
	pp_histogram_destroy(histogram);
}

// A document as a file would bring it.
static json_t *document(uint64_t scale, uint32_t cpu)
{
	struct pp_bench_options o = {0};
	struct pp_bench_run *run = create(&o);
	json_t *copy;

	pp_bench_set_integer(run, "size_bytes", 64);
	pp_bench_use_cpu(run, "source", cpu);
	add_results(run, scale);
	copy = json_deep_copy(run->document);
	pp_bench_run_destroy(run);
	return copy;
}

static const json_t *result(const json_t *document, size_t i)
{
	return json_array_get(json_object_get(document, "results"), i);
}

Test(bench, document_says_what_where_and_how)
{
	json_t *d = document(1, 0), *machine = json_object_get(d, "machine");

	cr_assert_str_eq(pp_bench_text(d, "tool"), "push-packet");
	cr_assert_str_eq(pp_bench_text(d, "version"), PP_VERSION);
	cr_assert_str_eq(pp_bench_text(d, "kind"), "try");
	cr_assert_str_eq(pp_bench_text(d, "command"), "push-packet bench try --size 64");
	cr_assert_eq(strlen(pp_bench_text(d, "began")), strlen("2026-01-01T00:00:00Z"));
	cr_assert_neq(pp_bench_text(machine, "kernel")[0], '\0');
	cr_assert_neq(pp_bench_text(machine, "virtualization")[0], '\0');
	cr_assert_eq(pp_bench_number(machine, "cpus"), sysconf(_SC_NPROCESSORS_ONLN));
	cr_assert_not_null(json_object_get(machine, "governor"));
	cr_assert(json_is_object(json_object_get(machine, "mitigations")));
	cr_assert_eq(pp_bench_number(json_object_get(d, "settings"), "size_bytes"), 64);
	json_decref(d);
}

Test(bench, results_hold_figures_and_what_is_made_of_them)
{
	json_t *d = document(1, 0);
	const json_t *h = json_object_get(result(d, 0), "histogram");
	const json_t *p = json_object_get(h, "percentiles");

	cr_assert_eq(pp_bench_number(h, "count"), 10000);
	cr_assert_eq(pp_bench_number(h, "min"), 1);
	cr_assert_eq(pp_bench_number(h, "max"), 10000);
	cr_assert_float_eq(pp_bench_number(p, "p50"), 5000, 5);
	cr_assert_float_eq(pp_bench_number(p, "p99.99"), 9999, 10);
	cr_assert_str_eq(pp_bench_text(result(d, 0), "better"), "lower");
	cr_assert_eq(json_array_size(json_object_get(result(d, 1), "samples")), PAIRS);
	cr_assert_eq(pp_bench_number(result(d, 1), "median"), 101);
	cr_assert_str_eq(pp_bench_text(result(d, 2), "verdict"), "met");
	cr_assert_eq(json_array_size(json_object_get(result(d, 2), "ratios")), PAIRS);
	json_decref(d);
}

Test(bench, strict_refuses_a_shared_cpu)
{
	struct pp_bench_options o = {.strict = true};
	struct pp_bench_run *run = create(&o);
	struct pp_error err;

	pp_bench_use_cpu(run, "source", 0);
	cr_assert_eq(json_array_size(pp_bench_get(run, "warnings")), 0);
	pp_bench_use_cpu(run, "worker", 0);
	cr_assert_eq(pp_bench_begin(run, &err), -EPERM);
	cr_assert(strstr(err.text, "source and worker share CPU 0"), "%s", err.text);
	pp_bench_run_destroy(run);
}

Test(bench, warns_of_generic_mode_and_missing_interfaces)
{
	struct pp_bench_options o = {0};
	struct pp_bench_run *run = create(&o);
	struct pp_error err;

	cr_assert_eq(pp_bench_use_interface(run, "lo", "skb", &err), 0);
	cr_assert_eq(pp_bench_use_interface(run, "no-such", NULL, &err), -ENODEV);
	cr_assert_eq(pp_bench_use_interface(run, "a-name-that-is-too-long", NULL, &err), -ENODEV);
	cr_assert_eq(pp_bench_begin(run, &err), 0);
	pp_bench_end(run);
	cr_assert(strstr(json_string_value(json_array_get(pp_bench_get(run, "warnings"), 0)),
			 "generic (skb)"));
	cr_assert(json_is_integer(
		json_object_get(json_array_get(pp_bench_get(run, "interfaces"), 0), "mtu")));
	pp_bench_run_destroy(run);
}

static char *read_file(const char *path)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "re");

	cr_assert_not_null(file, "%s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void check_hgrm_lines(char *text, uint64_t count)
{
	double value = 0, part = 0, total = 0, before = 0;
	uint32_t lines = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		double inverse = 0;
		int n = sscanf(line, "%lf %lf %lf %lf", &value, &part, &total, &inverse);

		if (n < 3)
			continue;
		lines++;
		cr_assert(value >= before && part <= total / (double)count + 1e-12, "%s", line);
		// Values are 1 to count, so that a value's rank is itself, to three digits.
		cr_assert(value * 1.001 + 1 >= part * (double)count, "%s", line);
		cr_assert(n == 3 || (inverse - 1 / (1 - part)) / inverse < 0.01, "%s", line);
		before = value;
	}
	cr_assert_gt(lines, 40);
	cr_assert(value == (double)count && part == 1 && total == (double)count);
}

Test(bench, writes_percentiles_as_hdrhistogram_does)
{
	char folder[] = "/tmp/pp-bench-XXXXXX", prefix[64], path[96];
	json_t *d = document(1, 0);
	struct pp_error err;
	char *text;

	cr_assert_not_null(mkdtemp(folder));
	snprintf(prefix, sizeof(prefix), "%s/run", folder);
	snprintf(path, sizeof(path), "%s/run-round-trip.hgrm", folder);
	cr_assert_eq(pp_bench_write_hgrm(d, prefix, &err), 0);
	text = read_file(path);
	cr_assert(
		!strncmp(text, "       Value     Percentile   TotalCount 1/(1-Percentile)\n\n", 58),
		"%s", text);
	cr_assert(strstr(text, "#[Max     =    10000.000, Total count    =        10000]\n"));
	cr_assert(strstr(text, "#[Buckets =           54, SubBuckets     =         2048]\n"));
	check_hgrm_lines(text, 10000);
	unlink(path);
	rmdir(folder);
	cr_assert_eq(pp_bench_write_hgrm(d, "/no-such-folder/run", &err), -ENOENT);
	json_decref(d);
}

static const char *says(const json_t *comparison, const char *name, const char *of)
{
	const json_t *r;
	size_t i;

	json_array_foreach(json_object_get(comparison, "results"), i, r)
	{
		if (!strcmp(pp_bench_text(r, "name"), name) && !strcmp(pp_bench_text(r, "of"), of))
			return pp_bench_text(r, "says");
	}
	return "";
}

Test(bench, compare_knows_which_way_is_better)
{
	json_t *a = document(1, 0), *b = document(2, 0), *c;

	cr_assert_eq(pp_bench_compare(a, b, &c, NULL), 0);
	cr_assert_str_eq(says(c, "round trip", "p50"), "worse");
	cr_assert_str_eq(says(c, "round trip", "p99"), "worse");
	cr_assert_str_eq(says(c, "delivered", "median"), "better");
	cr_assert_eq(json_array_size(json_object_get(c, "warnings")), 0);
	json_decref(c);
	cr_assert_eq(pp_bench_compare(a, a, &c, NULL), 0);
	cr_assert_str_eq(says(c, "round trip", "p50"), "no difference shown");
	cr_assert_str_eq(says(c, "delivered", "median"), "no difference shown");
	json_decref(c);
	json_decref(a);
	json_decref(b);
}

Test(bench, compare_warns_of_what_differs_and_refuses_other_kinds)
{
	json_t *a = document(1, 0), *b = document(1, 1), *c, *warnings;
	struct pp_error err;

	json_object_set_new(json_object_get(b, "machine"), "kernel", json_string("6.1.0"));
	json_object_set_new(json_object_get(b, "settings"), "size_bytes", json_integer(128));
	json_array_remove(json_object_get(b, "results"), 1);
	cr_assert_eq(pp_bench_compare(a, b, &c, NULL), 0);
	warnings = json_object_get(c, "warnings");
	cr_assert_eq(json_array_size(warnings), 4);
	cr_assert(strstr(json_string_value(json_array_get(warnings, 0)), "kernel differs"));
	cr_assert(
		strstr(json_string_value(json_array_get(warnings, 1)), "size_bytes differs: 64 "));
	cr_assert(strstr(json_string_value(json_array_get(warnings, 2)), "CPU of source"));
	cr_assert_str_eq(json_string_value(json_array_get(warnings, 3)), "delivered: only in A");
	json_decref(c);
	json_object_set_new(b, "kind", json_string("other"));
	cr_assert_eq(pp_bench_compare(a, b, &c, &err), -EINVAL);
	cr_assert(strstr(err.text, "different kinds, 'try' and 'other'"));
	json_decref(a);
	json_decref(b);
}
