// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <push-packet/clock.h>

#include "bench_stats.h"
#include "command.h"

#define NS_PER_S 1e9

static json_t *command_line(int argc, char **argv)
{
	char text[1024] = "";
	size_t len = 0;

	for (int i = 0; i < argc && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
					argv[i]);
	return json_string(text) ?: json_string("");
}

static json_t *now(void)
{
	char text[32];
	struct tm utc;
	time_t t = time(NULL);

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
	return json_string(text);
}

int pp_bench_run_create(struct pp_bench_run **out,
			const char *kind,
			const struct pp_bench_options *options,
			int argc,
			char **argv,
			struct pp_error *err)
{
	struct pp_bench_run *run = calloc(1, sizeof(*run));

	if (run)
		run->document = json_pack(
			"{s:s, s:s, s:o, s:s, s:o, s:f, s:o, s:[], s:{}, s:{}, s:[], s:[]}", "tool",
			"push-packet", "version", PP_VERSION, "command", command_line(argc, argv),
			"kind", kind, "began", now(), "seconds", 0.0, "machine", pp_bench_machine(),
			"interfaces", "cpus_used", "settings", "warnings", "results");
	if (!run || !run->document) {
		free(run);
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	}
	run->options = options;
	*out = run;
	return 0;
}

void pp_bench_run_destroy(struct pp_bench_run *run)
{
	if (!run)
		return;
	json_decref(run->document);
	free(run);
}

void pp_bench_put(struct pp_bench_run *run, const char *key, json_t *value)
{
	json_object_set_new(run->document, key, value);
}

json_t *pp_bench_get(const struct pp_bench_run *run, const char *key)
{
	return json_object_get(run->document, key);
}

void pp_bench_set_integer(struct pp_bench_run *run, const char *key, int64_t value)
{
	json_object_set_new(pp_bench_get(run, "settings"), key, json_integer(value));
}

void pp_bench_set_text(struct pp_bench_run *run, const char *key, const char *value)
{
	json_object_set_new(pp_bench_get(run, "settings"), key, json_string(value));
}

void pp_bench_use_cpu(struct pp_bench_run *run, const char *role, uint32_t cpu)
{
	json_object_set_new(pp_bench_get(run, "cpus_used"), role, json_integer(cpu));
}

void pp_bench_warn(struct pp_bench_run *run, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(pp_bench_get(run, "warnings"), json_string(text));
}

int pp_bench_begin(struct pp_bench_run *run, struct pp_error *err)
{
	const json_t *warnings = pp_bench_get(run, "warnings");

	if (!run->checked)
		pp_bench_check(run);
	run->checked = true;
	if (run->options->strict && json_array_size(warnings))
		return pp_error_set(err, -EPERM, 0, 0, "--strict: %s",
				    json_string_value(json_array_get(warnings, 0)));
	pp_bench_watch_begin(run);
	run->began_ns = pp_clock_ns(CLOCK_MONOTONIC);
	return 0;
}

void pp_bench_end(struct pp_bench_run *run)
{
	run->measured_ns += pp_clock_ns(CLOCK_MONOTONIC) - run->began_ns;
	pp_bench_watch_end(run);
}

static json_t *new_result(struct pp_bench_run *run, const char *name, const char *unit)
{
	json_t *result = json_pack("{s:s, s:s}", "name", name, "unit", unit);

	json_array_append(pp_bench_get(run, "results"), result);
	json_decref(result); // the array has it
	return result;
}

static void set_better(json_t *result, enum pp_bench_better better)
{
	json_object_set_new(result, "better",
			    json_string(better == PP_BENCH_LOWER ? "lower" : "higher"));
}

static json_t *numbers(const double value[], uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, json_real(value[i]));
	return array;
}

void pp_bench_add_samples(struct pp_bench_run *run,
			  const char *name,
			  const char *unit,
			  enum pp_bench_better better,
			  const double sample[],
			  uint32_t count)
{
	json_t *result = new_result(run, name, unit);
	struct pp_bench_estimate e = {0};

	set_better(result, better);
	pp_bench_estimate(sample, count, &e);
	json_object_set_new(result, "median", json_real(e.median));
	json_object_set_new(result, "lo", json_real(e.lo));
	json_object_set_new(result, "hi", json_real(e.hi));
	json_object_set_new(result, "samples", numbers(sample, count));
}

static json_t *percentiles(const struct pp_histogram *histogram)
{
	static const struct {
		const char *name;
		uint32_t ppm;
	} row[] = {{"p50", 500000},
		   {"p90", 900000},
		   {"p99", 990000},
		   {"p99.9", 999000},
		   {"p99.99", 999900}};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t value = pp_histogram_percentile(histogram, row[i].ppm);

		json_object_set_new(object, row[i].name, json_integer((json_int_t)value));
	}
	return object;
}

static json_t *buckets(const struct pp_histogram *histogram)
{
	struct pp_histogram_step step = {0};
	json_t *array = json_array();

	while (pp_histogram_next(histogram, &step))
		json_array_append_new(array, json_pack("[I, I]", (json_int_t)step.highest,
						       (json_int_t)step.count));
	return array;
}

void pp_bench_add_histogram(struct pp_bench_run *run,
			    const char *name,
			    const char *unit,
			    enum pp_bench_better better,
			    const struct pp_histogram *histogram)
{
	json_t *result = new_result(run, name, unit);
	json_t *object = json_pack(
		"{s:i, s:I, s:I, s:f, s:f, s:I, s:o, s:o}", "digits", histogram->bits == 7 ? 2 : 3,
		"count", (json_int_t)pp_histogram_count(histogram), "min",
		(json_int_t)pp_histogram_min(histogram), "mean", pp_histogram_mean(histogram),
		"deviation", pp_histogram_deviation(histogram), "max",
		(json_int_t)pp_histogram_max(histogram), "percentiles", percentiles(histogram),
		"buckets", buckets(histogram));

	set_better(result, better);
	json_object_set_new(result, "histogram", object);
}

void pp_bench_add_claim(struct pp_bench_run *run,
			const char *name,
			const double ours[],
			const double peer[],
			uint32_t count,
			double target,
			bool at_most)
{
	struct pp_bench_estimate e = {0};
	enum pp_bench_verdict verdict = PP_BENCH_INCONCLUSIVE;
	json_t *result = new_result(run, name, "ratio");
	json_t *ratios = json_array();

	set_better(result, at_most ? PP_BENCH_LOWER : PP_BENCH_HIGHER);
	if (!pp_bench_estimate_pairs(ours, peer, count, &e))
		verdict = pp_bench_judge(&e, target, at_most);
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(ratios, json_real(ours[i] / peer[i]));
	json_object_set_new(result, "target", json_real(target));
	json_object_set_new(result, "at_most", json_boolean(at_most));
	json_object_set_new(result, "ratios", ratios);
	json_object_set_new(
		result, "ratio",
		json_pack("{s:f, s:f, s:f}", "median", e.median, "lo", e.lo, "hi", e.hi));
	json_object_set_new(result, "verdict", json_string(pp_bench_verdict_name(verdict)));
}

static int write_json(const json_t *document, const char *path, struct pp_error *err)
{
	size_t flags = JSON_INDENT(1) | JSON_REAL_PRECISION(9);

	if (path) {
		if (json_dump_file(document, path, flags))
			return pp_error_set(err, -EIO, 0, 0, "cannot write %s: %m", path);
		return 0;
	}
	if (json_dumpf(document, stdout, flags) || putchar('\n') == EOF || fflush(stdout))
		return pp_error_set(err, -EIO, 0, 0, "cannot write: %m");
	return 0;
}

static void print(const struct pp_bench_run *run, const char *command)
{
	const json_t *warning;
	size_t i;

	if (!run->options->json || run->options->json_file) {
		pp_bench_print(run->document, stdout);
		return;
	}
	json_array_foreach(pp_bench_get(run, "warnings"), i, warning)
		fprintf(stderr, "%s: warning: %s\n", command, json_string_value(warning));
}

static int complain(const char *command, int status, const struct pp_error *err)
{
	if (!status)
		return PP_EXIT_OK;
	fflush(stdout);
	fprintf(stderr, "%s: error: %s\n", command, err->text);
	return PP_EXIT_FAILED;
}

int pp_bench_finish(struct pp_bench_run *run, const char *command)
{
	const struct pp_bench_options *o = run->options;
	struct pp_error err;
	int status = 0;

	pp_bench_watch_report(run);
	pp_bench_put(run, "seconds", json_real((double)run->measured_ns / NS_PER_S));
	print(run, command);
	if (o->json)
		status |= complain(command, write_json(run->document, o->json_file, &err), &err);
	if (o->hgrm)
		status |=
			complain(command, pp_bench_write_hgrm(run->document, o->hgrm, &err), &err);
	if (o->chart)
		status |= complain(command, pp_bench_write_chart(run->document, o->chart, &err),
				   &err);
	if (o->strict && json_array_size(pp_bench_get(run, "warnings"))) {
		fprintf(stderr, "%s: error: --strict: there are warnings\n", command);
		status = PP_EXIT_FAILED;
	}
	pp_bench_run_destroy(run);
	return status;
}

int pp_bench_conclude(struct pp_bench_run *run,
		      const char *command,
		      int status,
		      const struct pp_error *err)
{
	if (!status)
		return pp_bench_finish(run, command);
	pp_bench_run_destroy(run);
	return complain(command, status, err);
}

int pp_bench_read_json(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err)
{
	struct pp_bench_options *o = (void *)((char *)values + option->offset);

	if (text && !*text)
		return pp_error_set(err, -EINVAL, 0, 0, "expected the name of a file");
	o->json = true;
	o->json_file = text;
	return 0;
}

bool pp_bench_has_samples(const json_t *result)
{
	return json_is_array(json_object_get(result, "samples"));
}

bool pp_bench_has_histogram(const json_t *result)
{
	return json_is_object(json_object_get(result, "histogram"));
}

bool pp_bench_has_claim(const json_t *result)
{
	return json_is_array(json_object_get(result, "ratios"));
}

const char *pp_bench_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

double pp_bench_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}
