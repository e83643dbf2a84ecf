// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdio.h>

#include "bench_compare.h"
#include "bench_priv.h"
#include "cmd_bench.h"
#include "table_text.h"

struct compare_options {
	bool json;
};

static void put_number(struct pp_table *table, const char *format, double value)
{
	char text[64];

	snprintf(text, sizeof(text), format, value);
	pp_table_put(table, text);
}

static void print_table(const json_t *results)
{
	static const struct pp_table_column column[] = {
		{"result", false}, {"of", false},	{"A", true},  {"B", true},
		{"B/A", true},	   {"95 % from", true}, {"to", true}, {"B is", false}};
	struct pp_table table;
	const json_t *result;
	char name[128];
	size_t i;

	pp_table_init(&table, column, sizeof(column) / sizeof(column[0]));
	json_array_foreach(results, i, result)
	{
		snprintf(name, sizeof(name), "%s (%s)", pp_bench_text(result, "name"),
			 pp_bench_text(result, "unit"));
		pp_table_put(&table, name);
		pp_table_put(&table, pp_bench_text(result, "of"));
		put_number(&table, "%.5g", pp_bench_number(result, "a"));
		put_number(&table, "%.5g", pp_bench_number(result, "b"));
		put_number(&table, "%.3f", pp_bench_number(result, "ratio"));
		put_number(&table, "%.3f", pp_bench_number(result, "lo"));
		put_number(&table, "%.3f", pp_bench_number(result, "hi"));
		pp_table_put(&table, pp_bench_text(result, "says"));
	}
	pp_table_print(&table, stdout);
	pp_table_fini(&table);
}

static void print(const json_t *comparison, char **path, bool json)
{
	const json_t *warning;
	size_t i;

	if (json) {
		json_dumpf(comparison, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		putchar('\n');
		return;
	}
	printf("bench %s: A is %s, B is %s\n", pp_bench_text(comparison, "kind"), path[0], path[1]);
	json_array_foreach(json_object_get(comparison, "warnings"), i, warning)
		printf("warning: %s\n", json_string_value(warning));
	putchar('\n');
	print_table(json_object_get(comparison, "results"));
}

static int load(const char *path, json_t **out)
{
	struct pp_error err;

	if (!pp_bench_load(path, out, &err))
		return 0;
	if (err.line)
		fprintf(stderr, "%s:%u:%u: error: %s\n", path, err.line, err.col, err.text);
	else
		fprintf(stderr, "push-packet bench compare: error: %s\n", err.text);
	return PP_EXIT_FAILED;
}

static int run_compare(const struct pp_command *command, int argc, char **argv)
{
	json_t *a = NULL, *b = NULL, *comparison = NULL;
	struct compare_options o = {0};
	struct pp_error err;
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	status = load(words[0], &a) ?: load(words[1], &b);
	if (!status && pp_bench_compare(a, b, &comparison, &err)) {
		fprintf(stderr, "%s: error: %s\n", argv[0], err.text);
		status = PP_EXIT_FAILED;
	}
	if (!status)
		print(comparison, words, o.json);
	json_decref(comparison);
	json_decref(b);
	json_decref(a);
	return status;
}

static const struct pp_option options[] = {{.name = "json",
					    .letter = 'j',
					    .help = "for programs: one JSON document",
					    .read = pp_option_flag,
					    .offset = offsetof(struct compare_options, json)},
					   {0}};

static const struct pp_argument arguments[] = {
	{.name = "A.json", .complete = PP_COMPLETE_FILE},
	{.name = "B.json", .complete = PP_COMPLETE_FILE},
	{0},
};

const struct pp_command pp_command_bench_compare = {
	.name = "compare",
	.summary = "compare two runs, result by result, with their spread",
	.synopsis = "[--json] A.json B.json",
	.description =
		"Compare two documents that the same measurement wrote with --json: each result's "
		"ratio of B to A with its 95 % interval. Where machine, kernel, interface or "
		"settings differ, and where a run was made under warnings, it says so. Runs of "
		"different kinds are refused. Single runs on shared machines differ by 30 %: what "
		"counts is measured in interleaved pairs, in one run.",
	.options = options,
	.arguments = arguments,
	.exit_status = "0 compared, 1 a file cannot be read or the kinds differ, 2 usage",
	.examples = "push-packet bench compare before.json after.json",
	.run = run_compare,
};
