// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

#define EACH_SHIFT 8 // each header 256 times in a row
#define EACH_ROUNDS 5
#define POOL 1024u // headers of a generation of the search
#define PARENTS 64u
#define GENERATIONS 40
#define GENERATIONS_TIMED 12

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static struct classify_spread spread_of(const double value[], uint32_t count)
{
	double sorted[CLASSIFY_RUNS_MAX];

	memcpy(sorted, value, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_value);
	return (struct classify_spread){sorted[count / 2], sorted[0], sorted[count - 1]};
}

void classify_put_keys(struct classify_run *run, const struct oracle_packet *header, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		trace_key(&header[i], 0, &run->trace->key[i]);
}

int classify_measure_all(struct classify_run *run,
			 uint32_t runs,
			 uint32_t repeat,
			 struct classify_cost *out)
{
	double empty[CLASSIFY_RUNS_MAX], match[CLASSIFY_RUNS_MAX], cost[CLASSIFY_RUNS_MAX];
	// Once to warm up.
	int ret = classify_run_all(run, CLASSIFY_MATCH_ALL, 0, repeat, &match[0]);

	for (uint32_t i = 0; ret == 0 && i < runs; i++) {
		ret = classify_run_all(run, CLASSIFY_EMPTY_ALL, 0, repeat, &empty[i])
			      ?: classify_run_all(run, CLASSIFY_MATCH_ALL, 0, repeat, &match[i]);
		cost[i] = match[i] - empty[i];
	}
	if (ret == 0)
		*out = (struct classify_cost){spread_of(empty, runs), spread_of(match, runs),
					      spread_of(cost, runs)};
	return ret;
}

// The least of some rounds for each key.
static int least_each(struct classify_run *run,
		      enum classify_program program,
		      uint32_t count,
		      int rounds,
		      double *ns)
{
	double *round_ns = calloc(count, sizeof(*round_ns));
	int ret = round_ns != NULL ? 0 : -ENOMEM;

	for (int round = 0; ret == 0 && round < rounds; round++) {
		ret = classify_run_each(run, program, EACH_SHIFT, count, round_ns);
		for (uint32_t i = 0; ret == 0 && i < count; i++)
			if (round == 0 || round_ns[i] < ns[i])
				ns[i] = round_ns[i];
	}
	free(round_ns);
	return ret;
}

// What the empty program takes for a key: the median, as all keys are alike to it.
static int empty_each(struct classify_run *run, uint32_t count, double *ns)
{
	double *each = calloc(count, sizeof(*each));
	int ret = each == NULL ? -ENOMEM
			       : least_each(run, CLASSIFY_EMPTY_EACH, count, EACH_ROUNDS, each);

	if (ret == 0) {
		qsort(each, count, sizeof(*each), by_value);
		*ns = each[count / 2];
	}
	free(each);
	return ret;
}

int classify_measure_each(struct classify_run *run, uint32_t count, struct classify_each *out)
{
	double *ns = calloc(count, sizeof(*ns)), empty;
	int ret = ns == NULL ? -ENOMEM : empty_each(run, count, &empty);

	ret = ret ?: least_each(run, CLASSIFY_MATCH_EACH, count, EACH_ROUNDS, ns);
	if (ret == 0) {
		qsort(ns, count, sizeof(*ns), by_value);
		*out = (struct classify_each){.p50 = ns[count / 2] - empty,
					      .p90 = ns[count * 9 / 10] - empty,
					      .p99 = ns[count * 99 / 100] - empty,
					      .most = ns[count - 1] - empty,
					      .empty = empty};
	}
	free(ns);
	return ret;
}

struct candidate {
	double cost;
	struct oracle_packet header;
};

static int by_cost(const void *a, const void *b)
{
	const struct candidate *one = a, *other = b;

	return (one->cost < other->cost) - (one->cost > other->cost);
}

static void flip_bit(struct rule_gen *gen, struct oracle_packet *header)
{
	uint32_t bits = header->family == PP_FAMILY_IP4 ? 32 : 128;
	uint32_t bit = rule_gen_below(gen, bits);
	uint8_t *addr = rule_gen_below(gen, 2) ? header->src : header->dst;

	addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

// A child of two headers of one family.
static void
mix(struct rule_gen *gen, struct oracle_packet *header, const struct oracle_packet *other)
{
	if (other->family != header->family)
		return;
	switch (rule_gen_below(gen, 6)) {
	case 0:
		memcpy(header->src, other->src, sizeof(header->src));
		break;
	case 1:
		memcpy(header->dst, other->dst, sizeof(header->dst));
		break;
	case 2:
		if (header->has_ports && other->has_ports)
			header->sport = other->sport;
		break;
	case 3:
		if (header->has_ports && other->has_ports)
			header->dport = other->dport;
		break;
	case 4:
		header->proto = other->proto;
		header->has_ports = other->has_ports;
		header->sport = other->has_ports ? other->sport : 0;
		header->dport = other->has_ports ? other->dport : 0;
		break;
	default:
		flip_bit(gen, header);
	}
}

static struct engine_work work_of(const struct engine_case *c, const struct oracle_packet *header)
{
	struct engine_work work = {0};
	struct pp_key key;

	trace_key(header, 0, &key);
	c->lookup->match(c->body, &c->shape, &key, 0, &work);
	return work;
}

static int
rate(struct classify_run *run, const struct engine_case *c, struct candidate *pool, uint32_t count)
{
	double ns[POOL];
	int ret;

	if (c->lookup->counts) {
		for (uint32_t i = 0; i < count; i++) {
			struct engine_work work = work_of(c, &pool[i].header);

			pool[i].cost = work.probes + work.checks;
		}
		return 0;
	}
	for (uint32_t i = 0; i < count; i++)
		trace_key(&pool[i].header, 0, &run->trace->key[i]);
	ret = least_each(run, CLASSIFY_MATCH_EACH, count, 2, ns);
	for (uint32_t i = 0; ret == 0 && i < count; i++)
		pool[i].cost = ns[i];
	return ret;
}

// The worst stay, the others are replaced by children of theirs.
static int search(struct classify_run *run,
		  const struct engine_case *c,
		  const struct oracle_packet *header,
		  uint32_t count,
		  uint64_t seed,
		  struct candidate *pool)
{
	int ret, generations = c->lookup->counts ? GENERATIONS : GENERATIONS_TIMED;
	struct rule_gen gen;

	rule_gen_init(&gen, seed);
	for (uint32_t i = 0; i < POOL; i++)
		pool[i].header = header[rule_gen_below(&gen, count)];
	ret = rate(run, c, pool, POOL);
	for (int generation = 0; ret == 0 && generation < generations; generation++) {
		qsort(pool, POOL, sizeof(*pool), by_cost);
		for (uint32_t i = PARENTS; i < POOL; i++) {
			pool[i].header = pool[rule_gen_below(&gen, PARENTS)].header;
			for (uint32_t n = 1 + rule_gen_below(&gen, 3); n > 0; n--)
				mix(&gen, &pool[i].header, &header[rule_gen_below(&gen, count)]);
		}
		// By time the parents are measured again: a lucky value does not stay.
		ret = c->lookup->counts ? rate(run, c, pool + PARENTS, POOL - PARENTS)
					: rate(run, c, pool, POOL);
	}
	qsort(pool, POOL, sizeof(*pool), by_cost);
	return ret;
}

int classify_search(struct classify_run *run,
		    const struct engine_case *c,
		    const struct oracle_packet *header,
		    uint32_t count,
		    uint64_t seed,
		    struct classify_worst *out)
{
	struct candidate *pool = calloc(POOL, sizeof(*pool));
	int ret = pool == NULL ? -ENOMEM : search(run, c, header, count, seed, pool);
	double ns[PARENTS], empty;

	// The time of those that are left, with care.
	for (uint32_t i = 0; ret == 0 && i < PARENTS; i++)
		trace_key(&pool[i].header, 0, &run->trace->key[i]);
	ret = ret ?: least_each(run, CLASSIFY_MATCH_EACH, PARENTS, EACH_ROUNDS, ns);
	ret = ret ?: empty_each(run, PARENTS, &empty);
	for (uint32_t i = 0; ret == 0 && i < PARENTS; i++)
		if (i == 0 || ns[i] - empty > out->ns)
			*out = (struct classify_worst){.ns = ns[i] - empty,
						       .work = work_of(c, &pool[i].header),
						       .header = pool[i].header};
	free(pool);
	return ret;
}
