// SPDX-License-Identifier: MIT OR Apache-2.0
// An engine's answers, all of them, and the packet that costs it most; what it costs otherwise is for
// `push-packet bench classify`, which shares the code. Needs root.
//
//   classify [--engine linear] [--rules FILE|gen:acl:10000:1] [--flows N] [--seed 1] [--search]
//            [--lines]
//
// 65,536 headers, each a random packet of a random rule, all different, or --flows of them in random
// order. Every answer is compared with the naive matcher's and with the engine's twin in user space.
// --search looks for the worst header. --lines, for IPv4 in engine `tuple`: which parts of the image the
// headers read.
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/classify.h>

#include "classify_lines.h"
#include "classify_search.h"
#include "engine_tuple.h"
#include "flat_oracle.h"
#include "ruleset_open.h"

#define KEYS PP_CLASSIFY_KEYS_MAX

struct options {
	const struct engine_lookup *engine;
	const char *rules;
	uint32_t flows;
	uint64_t seed;
	bool search;
	bool lines;
};

struct subject {
	uint32_t rules;
	struct pp_rule *rule;
	struct pp_engine_rule *made;
	struct oracle_packet *header;
	struct engine_case c;
	struct pp_classify *run;
};

static const struct engine_lookup *find_engine(const char *name)
{
	static const struct engine_lookup *const engine[] = {&engine_linear_lookup,
							     &engine_tuple_lookup};

	for (size_t i = 0; i < sizeof(engine) / sizeof(engine[0]); i++)
		if (strcmp(engine[i]->ops->name, name) == 0)
			return engine[i];
	return NULL;
}

static int open_subject(struct subject *s, const struct options *options, struct pp_error *err)
{
	struct pp_trace_options trace = {PP_TRACE_INSIDE, KEYS, options->flows, options->seed,
					 NULL};
	int ret = ruleset_open(options->rules, &s->rule, &s->rules, err);

	if (ret < 0)
		return ret;
	s->made = calloc(s->rules + 1, sizeof(*s->made));
	s->header = calloc(KEYS, sizeof(*s->header));
	if (s->made == NULL || s->header == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->rules; i++)
		engine_rule_make(&s->rule[i], i + 1, i + 1, &s->made[i]);
	ret = pp_trace_make(&trace, s->rule, s->rules, s->header);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no trace can be made of these rules");
	return engine_case_open(&s->c, options->engine, s->made, s->rules, err)
		       ?: pp_classify_open(&s->run, options->engine->ops->name, s->rule, s->rules,
					   err);
}

// Every answer of the program, and of its twin in user space, whose work is counted.
static int check(struct subject *s, struct engine_work *work, struct pp_error *err)
{
	struct flat_oracle *oracle;
	struct pp_key key;
	double ns;
	int ret;

	pp_classify_put(s->run, s->header, KEYS);
	ret = pp_classify_run(s->run, PP_CLASSIFY_MATCH_EACH, 0, KEYS, &ns)
		      ?: flat_oracle_create(&oracle, s->rule, s->rules);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "test run: %s", strerror(-ret));
	for (uint32_t i = 0; ret == 0 && i < KEYS; i++) {
		uint32_t right = flat_oracle_match(oracle, &s->header[i], 0, 0) + 1;
		uint32_t got = pp_classify_answer(s->run, i), twin;

		pp_trace_key(&s->header[i], 0, &key);
		twin = s->c.lookup->match(s->c.body, &s->c.shape, &key, 0, work);
		if (right != got || right != twin)
			ret = pp_error_set(err, -EPROTO, 0, 0,
					   "header %u: slot %u, in user space %u, right is %u", i,
					   got, twin, right);
	}
	flat_oracle_destroy(oracle);
	return ret;
}

static void close_subject(struct subject *s)
{
	pp_classify_close(s->run);
	if (s->c.lookup != NULL)
		engine_case_close(&s->c);
	free(s->header);
	free(s->made);
	free(s->rule);
}

static int run(struct subject *s, const struct options *options, struct pp_error *err)
{
	struct classify_worst worst;
	struct engine_work work = {0};
	int ret = check(s, &work, err);

	if (ret < 0)
		return ret;
	printf("engine %s, %u rules of %s: %u answers are right\n", options->engine->ops->name,
	       s->rules, options->rules, KEYS);
	if (options->engine->counts)
		printf("a packet: %.2f probes, %.2f checks\n", (double)work.probes / KEYS,
		       (double)work.checks / KEYS);
	if (options->lines && options->engine->ops == &pp_engine_tuple)
		ret = classify_lines(&s->c, s->header, KEYS);
	if (ret < 0 || !options->search)
		return ret;
	ret = classify_search(s->run, &s->c, s->header, KEYS, options->seed, &worst);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "test run: %s", strerror(-ret));
	printf("worst header found: %.1f ns, %u probes, %u checks\n", worst.ns, worst.work.probes,
	       worst.work.checks);
	return 0;
}

static const struct option long_options[] = {
	{"engine", required_argument, NULL, 'e'},
	{"rules", required_argument, NULL, 'r'},
	{"flows", required_argument, NULL, 'f'},
	{"seed", required_argument, NULL, 's'},
	{"search", no_argument, NULL, 'w'},
	{"lines", no_argument, NULL, 'l'},
	{0},
};

static bool take_option(struct options *options, int which)
{
	switch (which) {
	case 'e':
		options->engine = find_engine(optarg);
		return options->engine != NULL;
	case 'r':
		options->rules = optarg;
		return true;
	case 'f':
		options->flows = (uint32_t)strtoul(optarg, NULL, 10);
		return options->flows > 0 && options->flows <= KEYS;
	case 's':
		options->seed = strtoull(optarg, NULL, 10);
		return true;
	case 'l':
		options->lines = true;
		return true;
	case 'w':
		options->search = true;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	struct options options = {
		.engine = &engine_linear_lookup, .rules = "gen:acl:64:1", .seed = 1};
	struct pp_error err = {0};
	struct subject s = {0};
	int which, ret;

	while ((which = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!take_option(&options, which)) {
			fprintf(stderr, "classify: see the head of tests/bpf/classify.c\n");
			return 2;
		}
	ret = open_subject(&s, &options, &err) ?: run(&s, &options, &err);
	close_subject(&s);
	if (ret == 0)
		return 0;
	fprintf(stderr, "classify: %s: %s\n", options.rules,
		err.text[0] != '\0' ? err.text : strerror(-ret));
	return 1;
}
