// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/classify.h>
#include <push-packet/rules_read.h>

#include "bench.h"
#include "bench_stats.h"
#include "cmd_bench.h"
#include "text_file.h"
#include "units.h"

#define REPEAT (1u << 20) // packets a run
#define EACH_MAX 4096u // headers that are measured one by one
#define CHECKS_MAX 100000000u // comparisons of a header with a rule
#define RUNS_MAX 101u

struct classify_options {
	struct pp_bench_options bench;
	const char *rules;
	const char *engine;
	uint64_t headers;
	uint64_t runs;
	uint64_t seed;
};

struct classify_job {
	const struct classify_options *o;
	struct pp_bench_run *run;
	struct pp_rule *rule;
	uint32_t rules;
	struct pp_trace_header *header;
	struct pp_classify *classify;
	double *each;
	uint32_t each_count;
	double cost[RUNS_MAX], empty[RUNS_MAX];
};

// Going from a CPU to another would show as cost.
static void pin(struct pp_bench_run *run)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		pp_bench_use_cpu(run, "program", (uint32_t)cpu);
}

static int read_rules(struct classify_job *job, struct pp_error *err)
{
	size_t len;
	char *text;
	int ret = pp_text_file_read(job->o->rules, &text, &len);

	if (ret)
		return pp_error_set(err, ret, 0, 0, "%s", pp_text_file_why(ret));
	ret = pp_rules_read(text, &job->rule, &job->rules, err);
	free(text);
	return ret;
}

static int make_headers(struct classify_job *job, struct pp_error *err)
{
	struct pp_trace_options trace = {.count = PP_CLASSIFY_KEYS_MAX,
					 .flows = (uint32_t)job->o->headers,
					 .seed = job->o->seed};
	int ret;

	job->header = calloc(PP_CLASSIFY_KEYS_MAX, sizeof(*job->header));
	job->each_count = job->o->headers < EACH_MAX ? (uint32_t)job->o->headers : EACH_MAX;
	job->each = calloc(job->each_count, sizeof(*job->each));
	if (!job->header || !job->each)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = pp_trace_make(&trace, job->rule, job->rules, job->header);
	return ret ? pp_error_set(err, ret, 0, 0, "no headers can be made of these rules: %s",
				  strerror(-ret))
		   : 0;
}

// Figures of wrong answers are worth nothing.
static int check(struct classify_job *job, struct pp_error *err)
{
	uint32_t checked;
	double ns;
	int ret;

	pp_classify_put(job->classify, job->header, PP_CLASSIFY_KEYS_MAX);
	ret = pp_classify_run(job->classify, PP_CLASSIFY_MATCH_EACH, 0, PP_CLASSIFY_KEYS_MAX, &ns);
	if (ret)
		return pp_error_set(err, ret, 0, 0, "test run: %s", strerror(-ret));
	ret = pp_classify_check(job->classify, PP_CLASSIFY_KEYS_MAX, CHECKS_MAX, &checked, err);
	if (!ret)
		pp_bench_put(job->run, "answers_checked", json_integer(checked));
	return ret;
}

static int measure(struct classify_job *job, struct pp_error *err)
{
	int ret = pp_bench_begin(job->run, err);

	if (ret)
		return ret;
	ret = pp_classify_measure(job->classify, (uint32_t)job->o->runs, REPEAT, job->empty,
				  job->cost)
		      ?: pp_classify_measure_each(job->classify, job->each_count, job->each);
	pp_bench_end(job->run);
	return ret ? pp_error_set(err, ret, 0, 0, "test run: %s", strerror(-ret)) : 0;
}

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static void put_real(const struct classify_job *job, const char *key, double value)
{
	pp_bench_put(job->run, key, json_real(value));
}

// A header that costs less than the empty program did in the median, by the clock's noise, is 0.
static int add_distribution(struct classify_job *job, struct pp_error *err)
{
	struct pp_histogram *histogram;
	int ret = pp_histogram_create(&histogram, 3);

	if (ret)
		return pp_error_set(err, ret, 0, 0, "out of memory");
	for (uint32_t i = 0; i < job->each_count; i++)
		pp_histogram_record(histogram,
				    job->each[i] > 0 ? (uint64_t)(job->each[i] * 1000) : 0);
	pp_bench_add_histogram(job->run, "one header again and again", "ps", PP_BENCH_LOWER,
			       histogram);
	pp_histogram_destroy(histogram);
	return 0;
}

static int report(struct classify_job *job, struct pp_error *err)
{
	const struct pp_classify_info *info = pp_classify_info(job->classify);
	uint32_t n = job->each_count;

	qsort(job->each, n, sizeof(*job->each), by_value);
	pp_bench_set_text(job->run, "engine", info->engine);
	pp_bench_put(job->run, "engine", json_string(info->engine));
	pp_bench_put(job->run, "rules", json_integer(info->rules));
	put_real(job, "ns_mean", pp_bench_median(job->cost, (uint32_t)job->o->runs));
	put_real(job, "ns_p50", pp_bench_quantile(job->each, n, 0.5));
	put_real(job, "ns_p99", pp_bench_quantile(job->each, n, 0.99));
	put_real(job, "ns_max", job->each[n - 1]);
	pp_bench_put(job->run, "image_bytes", json_integer((json_int_t)info->image_bytes));
	pp_bench_put(job->run, "used_bytes", json_integer((json_int_t)info->stats.used_bytes));
	put_real(job, "build_ms", info->compile_ms + info->emit_ms);
	put_real(job, "load_ms", info->load_ms);
	pp_bench_put(job->run, "insns", json_integer(info->insns));
	pp_bench_put(job->run, "tables", json_integer(info->stats.tables));
	pp_bench_put(job->run, "steps_max", json_integer(info->stats.steps_max));
	pp_bench_add_samples(job->run, "all headers in turn", "ns a packet", PP_BENCH_LOWER,
			     job->cost, (uint32_t)job->o->runs);
	pp_bench_add_samples(job->run, "program without engine", "ns a packet", PP_BENCH_LOWER,
			     job->empty, (uint32_t)job->o->runs);
	return add_distribution(job, err);
}

static void complain(const char *command, const char *rules, const struct pp_error *err)
{
	if (err->line)
		fprintf(stderr, "%s:%u:%u: error: %s\n", rules, err->line, err->col, err->text);
	else
		fprintf(stderr, "%s: error: %s: %s\n", command, rules, err->text);
}

static void print_image(const struct classify_job *job)
{
	const struct pp_classify_info *info = pp_classify_info(job->classify);

	if (job->o->bench.json && !job->o->bench.json_file)
		return;
	printf("engine %s, %u rules: image of %.0f KiB in %.2f ms, %u tables, at most %u steps; "
	       "%u instructions verified, loaded in %.0f ms\n",
	       info->engine, info->rules, (double)info->image_bytes / 1024,
	       info->compile_ms + info->emit_ms, info->stats.tables, info->stats.steps_max,
	       info->insns, info->load_ms);
}

static int run_job(struct classify_job *job, const char *command)
{
	const struct classify_options *o = job->o;
	struct pp_error err = {0};
	int ret = read_rules(job, &err);

	ret = ret ?: make_headers(job, &err)
		      ?: pp_classify_open(&job->classify, o->engine, job->rule, job->rules, &err)
		      ?: check(job, &err)
		      ?: measure(job, &err)
		      ?: report(job, &err);
	if (!ret) {
		print_image(job);
		ret = pp_bench_finish(job->run, command);
	} else {
		complain(command, o->rules, &err);
		pp_bench_run_destroy(job->run);
		ret = PP_EXIT_FAILED;
	}
	pp_classify_close(job->classify);
	free(job->each);
	free(job->header);
	free(job->rule);
	return ret;
}

static int run_classify(const struct pp_command *command, int argc, char **argv)
{
	struct classify_options o = {.engine = "auto",
				     .headers = PP_CLASSIFY_KEYS_MAX,
				     .runs = PP_BENCH_PAIRS_MIN,
				     .seed = 1};
	struct classify_job job = {.o = &o};
	struct pp_error err;
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	if (status != PP_PARSED)
		return status;
	if (pp_bench_run_create(&job.run, "classify", &o.bench, argc, argv, &err)) {
		fprintf(stderr, "%s: error: %s\n", argv[0], err.text);
		return PP_EXIT_FAILED;
	}
	pin(job.run);
	pp_bench_set_text(job.run, "rules", o.rules);
	pp_bench_set_integer(job.run, "headers", (int64_t)o.headers);
	pp_bench_set_integer(job.run, "packets", REPEAT);
	pp_bench_set_integer(job.run, "runs", (int64_t)o.runs);
	pp_bench_set_integer(job.run, "seed", (int64_t)o.seed);
	return run_job(&job, argv[0]);
}

enum number {
	NUMBER_HEADERS,
	NUMBER_RUNS,
	NUMBER_SEED,
};

static int
read_number(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	static const uint64_t lo[] = {1, 1, 0};
	static const uint64_t hi[] = {PP_CLASSIFY_KEYS_MAX, RUNS_MAX, INT64_MAX};
	uint64_t n;

	if (pp_units_parse_count(text, &n) || n < lo[option->id] || n > hi[option->id])
		return pp_error_set(err, -EINVAL, 0, 0, "expected %llu to %llu",
				    (unsigned long long)lo[option->id],
				    (unsigned long long)hi[option->id]);
	*(uint64_t *)(void *)((char *)values + option->offset) = n;
	return 0;
}

static const struct pp_option options[] = {
	{.name = "rules",
	 .letter = 'r',
	 .arg = "FILE",
	 .required = true,
	 .help = "a rule file, as the configuration names them, or a ClassBench filter set",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct classify_options, rules)},
	{.name = "engine",
	 .letter = 'e',
	 .arg = "NAME",
	 .help = "auto (the default: as the daemon would), linear, tuple",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "auto linear tuple",
	 .read = pp_option_text,
	 .offset = offsetof(struct classify_options, engine)},
	{.name = "headers",
	 .letter = 'n',
	 .arg = "N",
	 .help = "different headers, 1 to 65536 (default: all); fewer come back in random order",
	 .read = read_number,
	 .id = NUMBER_HEADERS,
	 .offset = offsetof(struct classify_options, headers)},
	{.name = "runs",
	 .arg = "N",
	 .help = "of 1,048,576 packets each, 1 to 101 (default 11)",
	 .read = read_number,
	 .id = NUMBER_RUNS,
	 .offset = offsetof(struct classify_options, runs)},
	{.name = "seed",
	 .arg = "N",
	 .help = "other headers than those of seed 1",
	 .read = read_number,
	 .id = NUMBER_SEED,
	 .offset = offsetof(struct classify_options, seed)},
	PP_BENCH_OPTIONS(struct classify_options, bench),
	{0}};

const struct pp_command pp_command_bench_classify = {
	.name = "classify",
	.summary = "what an engine's matching alone costs, on a rule file",
	.synopsis = "--rules FILE [--engine NAME] [--headers N] [--runs N]\n"
		    "[OPTION...] " PP_BENCH_SYNOPSIS,
	.description =
		"Measure what matching costs in the kernel, over a program that reads the same "
		"headers and asks no engine, by BPF_PROG_TEST_RUN on one CPU; no interface is "
		"touched. Headers are random packets of random rules. First answers are checked "
		"against the rules one by one.\n"
		"In JSON engine, rules, ns_mean, ns_p50, ns_p99, ns_max, image_bytes and build_ms "
		"stand at the top. ns_mean is what a packet of the whole trace costs, caches "
		"missed and all: the median of the runs. The distribution (ns_p50, ns_p99, ns_max) "
		"is over up to 4,096 headers, each used 256 times in a row, the least of five "
		"rounds: what differs there is the work and not the cache.",
	.options = options,
	.exit_status = "0 measured, 1 it failed or was refused, 2 usage",
	.examples = "push-packet bench classify --rules acl10k.rules --engine tuple --json",
	.run = run_classify,
};
