// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

#define POOL 1024u // headers of a generation of the search
#define PARENTS 64u
#define GENERATIONS 40
#define GENERATIONS_TIMED 12

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

	pp_trace_key(header, 0, &key);
	c->lookup->match(c->body, &c->shape, &key, 0, &work);
	return work;
}

// Nanoseconds of some candidates, over the empty program.
static int
time_of(struct pp_classify *run, const struct candidate *pool, uint32_t count, double ns[POOL])
{
	struct oracle_packet header[POOL];

	for (uint32_t i = 0; i < count; i++)
		header[i] = pool[i].header;
	pp_classify_put(run, header, count);
	return pp_classify_measure_each(run, count, ns);
}

static int
rate(struct pp_classify *run, const struct engine_case *c, struct candidate *pool, uint32_t count)
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
	ret = time_of(run, pool, count, ns);
	for (uint32_t i = 0; ret == 0 && i < count; i++)
		pool[i].cost = ns[i];
	return ret;
}

// The worst stay, the others are replaced by children of theirs.
static int search(struct pp_classify *run,
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

int classify_search(struct pp_classify *run,
		    const struct engine_case *c,
		    const struct oracle_packet *header,
		    uint32_t count,
		    uint64_t seed,
		    struct classify_worst *out)
{
	struct candidate *pool = calloc(POOL, sizeof(*pool));
	int ret = pool == NULL ? -ENOMEM : search(run, c, header, count, seed, pool);
	double ns[POOL];

	// The time of those that are left, with care.
	ret = ret ?: time_of(run, pool, PARENTS, ns);
	for (uint32_t i = 0; ret == 0 && i < PARENTS; i++)
		if (i == 0 || ns[i] > out->ns)
			*out = (struct classify_worst){.ns = ns[i],
						       .work = work_of(c, &pool[i].header),
						       .header = pool[i].header};
	free(pool);
	return ret;
}
