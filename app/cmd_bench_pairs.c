// SPDX-License-Identifier: MIT OR Apache-2.0
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "bench_stats.h"
#include "cmd_bench.h"

struct pairs_options {
	struct pp_bench_options bench;
};

// Take a list of numbers.
//
// @return  How many; 0: it is none, or there are too many.
static uint32_t read_samples(const json_t *list, double out[PP_BENCH_SAMPLES_MAX])
{
	size_t n = json_array_size(list);

	if (n > PP_BENCH_SAMPLES_MAX)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_array_get(list, i);

		if (!json_is_number(value))
			return 0;
		out[i] = json_number_value(value);
	}
	return (uint32_t)n;
}

// One side of a comparison: a result of its own.
static uint32_t add_side(struct pp_bench_run *run,
			 const json_t *row,
			 const char *side,
			 double sample[PP_BENCH_SAMPLES_MAX])
{
	const char *unit = json_string_value(json_object_get(row, "unit"));
	const char *of = json_string_value(json_object_get(row, "name"));
	const char *name = json_string_value(json_object_get(json_object_get(row, side), "name"));
	bool lower = json_is_true(json_object_get(row, "lower_is_better"));
	uint32_t n = read_samples(json_object_get(json_object_get(row, side), "samples"), sample);
	char text[160];

	if (name == NULL || n == 0)
		return 0;
	// Who that is stands under measured: names of programs would fill the charts.
	snprintf(text, sizeof(text), "%s %s", of, side);
	pp_bench_add_samples(run, text, unit, lower ? PP_BENCH_LOWER : PP_BENCH_HIGHER, sample, n);
	return n;
}

// @return  What was expected; NULL: all is well.
static const char *add_row(struct pp_bench_run *run, const json_t *row)
{
	static double ours[PP_BENCH_SAMPLES_MAX], peer[PP_BENCH_SAMPLES_MAX];
	const char *name = json_string_value(json_object_get(row, "name"));
	const json_t *target = json_object_get(row, "target");
	uint32_t pairs;

	if (name == NULL || json_string_value(json_object_get(row, "unit")) == NULL)
		return "name and unit of a comparison";
	pairs = add_side(run, row, "ours", ours);
	if (pairs == 0)
		return "ours with name and samples, numbers of which there are 1 to 4096";
	if (json_object_get(row, "peer") == NULL)
		return NULL;
	if (add_side(run, row, "peer", peer) != pairs)
		return "peer with name and as many samples as ours";
	if (target == NULL)
		return NULL;
	for (uint32_t i = 0; i < pairs; i++)
		if (!(peer[i] > 0))
			return "samples of the peer above 0, to make ratios";
	if (!json_is_number(target))
		return "a number as target";
	pp_bench_add_claim(run, name, ours, peer, pairs, json_number_value(target),
			   json_is_true(json_object_get(row, "at_most")));
	return NULL;
}

// What was set, and what was missing.
static void add_context(struct pp_bench_run *run, const json_t *pairs)
{
	json_t *settings = json_object_get(pairs, "settings"), *value;
	json_t *warnings = json_object_get(pairs, "warnings");
	const char *key;
	size_t i;

	json_object_foreach(settings, key, value)
	{
		if (json_is_integer(value))
			pp_bench_set_integer(run, key, json_integer_value(value));
		else if (json_is_string(value))
			pp_bench_set_text(run, key, json_string_value(value));
	}
	json_array_foreach(warnings, i, value)
	{
		if (json_is_string(value))
			pp_bench_warn(run, "%s", json_string_value(value));
	}
}

static const char *add_all(struct pp_bench_run *run, const json_t *pairs)
{
	const json_t *rows = json_object_get(pairs, "comparisons");
	const char *expected = NULL;

	if (!json_is_array(rows))
		return "an object with the list comparisons";
	add_context(run, pairs);
	for (size_t i = 0; expected == NULL && i < json_array_size(rows); i++)
		expected = add_row(run, json_array_get(rows, i));
	return expected;
}

static int run_pairs(const struct pp_command *command, int argc, char **argv)
{
	struct pairs_options o = {0};
	struct pp_bench_run *run;
	struct pp_error err;
	const char *expected;
	json_error_t where;
	json_t *pairs;
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	pairs = json_load_file(words[0], 0, &where);
	if (pairs == NULL) {
		fprintf(stderr, "%s:%d:%d: error: %s\n", words[0], where.line, where.column,
			where.text);
		return PP_EXIT_FAILED;
	}
	if (pp_bench_run_create(&run, "pairs", &o.bench, argc, argv, &err) < 0) {
		fprintf(stderr, "%s: error: %s\n", argv[0], err.text);
		json_decref(pairs);
		return PP_EXIT_FAILED;
	}
	expected = add_all(run, pairs);
	if (expected == NULL)
		pp_bench_put(run, "measured", pairs);
	else
		json_decref(pairs);
	if (expected == NULL)
		return pp_bench_finish(run, argv[0]);
	fprintf(stderr, "%s: error: expected %s\n", words[0], expected);
	pp_bench_run_destroy(run);
	return PP_EXIT_FAILED;
}

static const struct pp_option options[] = {PP_BENCH_OPTIONS(struct pairs_options, bench), {0}};

static const struct pp_argument arguments[] = {
	{.name = "FILE", .complete = PP_COMPLETE_FILE},
	{0},
};

const struct pp_command pp_command_bench_pairs = {
	.name = "pairs",
	.summary = "judge measurements that were made in pairs",
	.synopsis = "FILE " PP_BENCH_SYNOPSIS,
	.description =
		"Read what was measured of two programs in turn, one run of each after the other, and "
		"say of each claim whether it is met: the median of the paired ratios with its "
		"bootstrap 95 % interval. 'met' takes 11 pairs and an interval narrower than 10 %, "
		"else it is 'inconclusive'. scripts/bench-peers.sh measures and calls this.\n"
		"\n"
		"FILE is a JSON object: comparisons is a list of objects with name, unit, "
		"lower_is_better, ours and peer (each with name and samples; peer may be missing), "
		"target and at_most; settings and warnings are taken over.",
	.options = options,
	.arguments = arguments,
	.exit_status = "0 judged, whatever came out; 1 FILE is not of this form; 2 usage",
	.examples = "push-packet bench pairs measured.json --chart peers",
	.run = run_pairs,
};
