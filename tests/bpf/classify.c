// SPDX-License-Identifier: MIT OR Apache-2.0
// What classification alone costs: nanoseconds a packet in the kernel, over a program that reads the
// same keys and asks no engine. By BPF_PROG_TEST_RUN on one CPU. Needs root.
//
//   classify [--engine linear] [--rules FILE|gen:acl:10000:1] [--flows N] [--runs 11] [--seed 1]
//            [--search] [--json]
//
// 65,536 headers, each a random packet of a random rule, all different, or --flows of them in random
// order. Every answer is compared with the naive matcher's. --search looks for the worst header.
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "classify_engines.h"
#include "classify_measure.h"
#include "flat_oracle.h"
#include "ruleset_open.h"

#define REPEAT (1u << 20) // packets a run
#define EACH_KEYS 4096u
#define DEFAULT_RUNS 11u

struct options {
	const struct classify_engine *engine;
	const char *rules;
	uint32_t flows;
	uint32_t runs;
	uint64_t seed;
	bool search;
	bool json;
};

struct report {
	uint32_t rules;
	double compile_ms, emit_ms;
	struct pp_engine_stats stats;
	struct classify_cost cost;
	struct classify_each each;
	struct classify_worst worst;
	uint64_t probes, checks; // of all headers
	uint32_t insns;
	double load_ms;
};

struct measured {
	struct pp_rule *rule;
	struct pp_engine_rule *made;
	struct oracle_packet *header;
	struct engine_case c;
	struct classify_run run;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int open_rules(struct measured *m,
		      const struct options *options,
		      struct report *report,
		      struct pp_error *err)
{
	struct trace_options trace = {TRACE_INSIDE, CLASSIFY_KEYS, options->flows, options->seed};
	int ret = ruleset_open(options->rules, &m->rule, &report->rules, err);

	if (ret < 0)
		return ret;
	m->made = calloc(report->rules + 1, sizeof(*m->made));
	m->header = calloc(CLASSIFY_KEYS, sizeof(*m->header));
	if (m->made == NULL || m->header == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < report->rules; i++)
		engine_rule_make(&m->rule[i], i + 1, i + 1, &m->made[i]);
	ret = trace_make(&trace, m->rule, report->rules, m->header);
	return ret == 0 ? 0 : pp_error_set(err, ret, 0, 0, "no trace can be made of these rules");
}

static int open_engine(struct measured *m,
		       const struct options *options,
		       struct report *report,
		       struct pp_error *err)
{
	const struct pp_engine_ops *ops = options->engine->lookup->ops;
	double begin_ms = now_ms();
	int ret = engine_case_open(&m->c, options->engine->lookup, m->made, report->rules, err);

	if (ret < 0)
		return ret;
	report->compile_ms = now_ms() - begin_ms;
	begin_ms = now_ms();
	ops->emit(m->c.state, m->c.body);
	report->emit_ms = now_ms() - begin_ms;
	report->compile_ms -= report->emit_ms;
	if (ops->stats != NULL)
		ops->stats(m->c.state, &report->stats);
	return classify_run_open(&m->run, options->engine, &m->c, err);
}

// Every answer of the program, and of its twin in user space, whose work is counted.
static int check(struct measured *m, struct report *report, struct pp_error *err)
{
	struct engine_work work = {0};
	struct flat_oracle *oracle;
	double ns;
	int ret = classify_run_all(&m->run, CLASSIFY_MATCH_EACH, 0, CLASSIFY_KEYS, &ns)
			  ?: flat_oracle_create(&oracle, m->rule, report->rules);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "test run: %s", strerror(-ret));
	for (uint32_t i = 0; ret == 0 && i < CLASSIFY_KEYS; i++) {
		uint32_t right = flat_oracle_match(oracle, &m->header[i], 0, 0) + 1;
		uint32_t twin =
			m->c.lookup->match(m->c.body, &m->c.shape, &m->run.trace->key[i], 0, &work);

		if (right != m->run.trace->slot[i] || right != twin)
			ret = pp_error_set(err, -EPROTO, 0, 0,
					   "header %u: slot %u, in user space %u, right is %u", i,
					   m->run.trace->slot[i], twin, right);
	}
	report->probes = work.probes;
	report->checks = work.checks;
	flat_oracle_destroy(oracle);
	return ret;
}

static int measure(struct measured *m,
		   const struct options *options,
		   struct report *report,
		   struct pp_error *err)
{
	int ret;

	classify_put_keys(&m->run, m->header, CLASSIFY_KEYS);
	ret = check(m, report, err);
	if (ret < 0)
		return ret;
	report->insns = m->run.insns[CLASSIFY_MATCH_ALL];
	report->load_ms = m->run.load_ms;
	ret = classify_measure_all(&m->run, options->runs, REPEAT, &report->cost)
		      ?: classify_measure_each(&m->run, EACH_KEYS, &report->each);
	if (ret == 0 && options->search)
		ret = classify_search(&m->run, &m->c, m->header, CLASSIFY_KEYS, options->seed,
				      &report->worst);
	return ret == 0 ? 0 : pp_error_set(err, ret, 0, 0, "test run: %s", strerror(-ret));
}

static void close_measured(struct measured *m)
{
	if (m->run.object != NULL)
		classify_run_close(&m->run);
	if (m->c.lookup != NULL)
		engine_case_close(&m->c);
	free(m->header);
	free(m->made);
	free(m->rule);
}

static void print_text(const struct options *options, const struct report *r)
{
	const struct classify_cost *cost = &r->cost;

	printf("engine %s, %u rules of %s, %u headers%s\n", options->engine->lookup->ops->name,
	       r->rules, options->rules, options->flows != 0 ? options->flows : CLASSIFY_KEYS,
	       options->flows != 0 ? " in random order" : "");
	printf("compile %.1f ms, emit %.1f ms, %.0f KB used, %u tables, at most %u steps; "
	       "%u instructions verified, 4 programs loaded in %.0f ms\n",
	       r->compile_ms, r->emit_ms, (double)r->stats.used_bytes / 1024, r->stats.tables,
	       r->stats.steps_max, r->insns, r->load_ms);
	printf("%-34s %8s %8s %8s   (%u runs of %u packets)\n", "ns a packet", "median", "least",
	       "most", options->runs, REPEAT);
	printf("%-34s %8.1f %8.1f %8.1f\n", "program without engine", cost->empty.median,
	       cost->empty.least, cost->empty.most);
	printf("%-34s %8.1f %8.1f %8.1f\n", "program with engine", cost->match.median,
	       cost->match.least, cost->match.most);
	printf("%-34s %8.1f %8.1f %8.1f\n", "classification", cost->cost.median, cost->cost.least,
	       cost->cost.most);
	printf("one header again and again, %u headers: p50 %.1f, p90 %.1f, p99 %.1f, most %.1f\n",
	       EACH_KEYS, r->each.p50, r->each.p90, r->each.p99, r->each.most);
	if (options->engine->lookup->counts)
		printf("a packet: %.2f probes, %.2f checks\n", (double)r->probes / CLASSIFY_KEYS,
		       (double)r->checks / CLASSIFY_KEYS);
	if (options->search)
		printf("worst header found: %.1f ns, %u probes, %u checks\n", r->worst.ns,
		       r->worst.work.probes, r->worst.work.checks);
}

static void print_spread(const char *name, const struct classify_spread *spread)
{
	printf(", \"%s\": {\"median\": %.1f, \"least\": %.1f, \"most\": %.1f}", name,
	       spread->median, spread->least, spread->most);
}

static void print_json(const struct options *options, const struct report *r)
{
	printf("{\"engine\": \"%s\", \"set\": \"%s\", \"rules\": %u, \"flows\": %u, \"runs\": %u",
	       options->engine->lookup->ops->name, options->rules, r->rules,
	       options->flows != 0 ? options->flows : CLASSIFY_KEYS, options->runs);
	printf(", \"compile_ms\": %.2f, \"emit_ms\": %.2f, \"used_bytes\": %llu, \"tables\": %u"
	       ", \"steps_max\": %u, \"insns\": %u, \"load_ms\": %.1f",
	       r->compile_ms, r->emit_ms, (unsigned long long)r->stats.used_bytes, r->stats.tables,
	       r->stats.steps_max, r->insns, r->load_ms);
	print_spread("empty_ns", &r->cost.empty);
	print_spread("match_ns", &r->cost.match);
	print_spread("cost_ns", &r->cost.cost);
	printf(", \"header_ns\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"most\": %.1f}",
	       r->each.p50, r->each.p90, r->each.p99, r->each.most);
	if (options->engine->lookup->counts)
		printf(", \"probes\": %.3f, \"checks\": %.3f", (double)r->probes / CLASSIFY_KEYS,
		       (double)r->checks / CLASSIFY_KEYS);
	if (options->search)
		printf(", \"worst\": {\"ns\": %.1f, \"probes\": %u, \"checks\": %u}", r->worst.ns,
		       r->worst.work.probes, r->worst.work.checks);
	printf("}\n");
}

static const struct option long_options[] = {
	{"engine", required_argument, NULL, 'e'}, {"rules", required_argument, NULL, 'r'},
	{"flows", required_argument, NULL, 'f'},  {"runs", required_argument, NULL, 'n'},
	{"seed", required_argument, NULL, 's'},	  {"search", no_argument, NULL, 'w'},
	{"json", no_argument, NULL, 'j'},	  {0},
};

static bool take_option(struct options *options, int which)
{
	switch (which) {
	case 'e':
		options->engine = classify_engine_find(optarg);
		return options->engine != NULL;
	case 'r':
		options->rules = optarg;
		return true;
	case 'f':
		options->flows = (uint32_t)strtoul(optarg, NULL, 10);
		return options->flows > 0 && options->flows <= CLASSIFY_KEYS;
	case 'n':
		options->runs = (uint32_t)strtoul(optarg, NULL, 10);
		return options->runs > 0 && options->runs <= CLASSIFY_RUNS_MAX;
	case 's':
		options->seed = strtoull(optarg, NULL, 10);
		return true;
	case 'w':
		options->search = true;
		return true;
	case 'j':
		options->json = true;
		return true;
	default:
		return false;
	}
}

// Away from a CPU to another would show as cost.
static void pin(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : (unsigned int)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	struct options options = {.engine = classify_engine_find("linear"),
				  .rules = "gen:acl:64:1",
				  .runs = DEFAULT_RUNS,
				  .seed = 1};
	struct pp_error err = {0};
	struct report report = {0};
	struct measured m = {0};
	int which, ret;

	while ((which = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!take_option(&options, which)) {
			fprintf(stderr, "classify: see the head of tests/bpf/classify.c\n");
			return 2;
		}
	pin();
	ret = open_rules(&m, &options, &report, &err)
		      ?: open_engine(&m, &options, &report, &err)
		      ?: measure(&m, &options, &report, &err);
	close_measured(&m);
	if (ret < 0) {
		fprintf(stderr, "classify: %s: %s\n", options.rules,
			err.text[0] != '\0' ? err.text : strerror(-ret));
		return 1;
	}
	if (options.json)
		print_json(&options, &report);
	else
		print_text(&options, &report);
	return 0;
}
