// SPDX-License-Identifier: MIT OR Apache-2.0
#include "count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "counter.h"
#include "parse.h"
#include "rule_table.h"
#include "window.h"

#define PROBES 16 // slots looked at before a source is "other"

// used is written last, so that a reader who sees it sees the address.
struct source {
	uint64_t addr[2];
	uint32_t used;
	uint32_t family;
	struct pp_count_stats count;
};

struct pp_count_table {
	const uint8_t *frame_kind;
	uint64_t seed; // so that nobody can aim at one slot
	struct pp_count_stats rule[PP_SLOTS_MAX + 1]; // the last one: PP_SLOT_FORMER
	struct pp_count_stats other;
	struct source source[PP_COUNT_SOURCES];
};

int pp_count_create(struct pp_count_table **out, const uint8_t *frame_kind)
{
	struct pp_count_table *table;

	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (table == MAP_FAILED)
		return -ENOMEM;
	table->frame_kind = frame_kind;
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uint64_t)(uintptr_t)table;
	*out = table;
	return 0;
}

void pp_count_destroy(struct pp_count_table *table)
{
	if (table != NULL)
		munmap(table, sizeof(*table));
}

static void count(struct pp_count_stats *stats, uint32_t bytes)
{
	pp_counter_add(&stats->pkts, 1);
	pp_counter_add(&stats->bytes, bytes);
	pp_counter_add(&stats->size_pkts[pp_size_bucket(bytes)], 1);
}

// The finalizer of MurmurHash3, twice.
static uint64_t hash(uint64_t seed, const uint64_t addr[2])
{
	uint64_t h = seed;

	for (int i = 0; i < 2; i++) {
		h ^= addr[i];
		h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
		h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
		h ^= h >> 33;
	}
	return h;
}

// The source's counters, a new entry's, or those of the rest.
static struct pp_count_stats *
find_source(struct pp_count_table *table, uint32_t family, const uint64_t addr[2])
{
	uint64_t at = hash(table->seed ^ family, addr);

	for (int i = 0; i < PROBES; i++, at++) {
		struct source *source = &table->source[at % PP_COUNT_SOURCES];

		if (!source->used) {
			source->addr[0] = addr[0];
			source->addr[1] = addr[1];
			source->family = family;
			// release: pairs with the acquire in pp_count_each_source()
			__atomic_store_n(&source->used, 1, __ATOMIC_RELEASE);
			return &source->count;
		}
		if (source->addr[0] == addr[0] && source->addr[1] == addr[1] &&
		    source->family == family)
			return &source->count;
	}
	return &table->other;
}

void pp_count_packet(struct pp_count_table *table,
		     const struct pp_rule_table *rules,
		     const struct pp_meta *meta,
		     const uint8_t *data)
{
	uint64_t addr[2] = {0, 0};
	uint32_t family = PP_FAMILY_NONE;
	struct pp_key key;

	count(&table->rule[pp_rule_table_slot(rules, meta)], meta->len_bytes);
	// Addresses are there even when the copy ends before the ports.
	key.word = 0;
	pp_parse_captured(table->frame_kind[meta->iface % PP_IFACES_MAX], meta->iface, data,
			  meta->cap_bytes, meta->len_bytes, &key);
	family = (uint8_t)key.word;
	if (family == PP_FAMILY_IP4) {
		addr[0] = key.addr[0] >> 32;
	} else if (family == PP_FAMILY_IP6) {
		addr[0] = key.addr[0];
		addr[1] = key.addr[1];
	}
	count(find_source(table, family, addr), meta->len_bytes);
}

static void add(struct pp_count_stats *sum, const struct pp_count_stats *stats)
{
	sum->pkts += __atomic_load_n(&stats->pkts, __ATOMIC_RELAXED);
	sum->bytes += __atomic_load_n(&stats->bytes, __ATOMIC_RELAXED);
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		sum->size_pkts[i] += __atomic_load_n(&stats->size_pkts[i], __ATOMIC_RELAXED);
}

void pp_count_rule(const struct pp_count_table *table, uint32_t slot, struct pp_count_stats *sum)
{
	add(sum, &table->rule[slot]);
}

void pp_count_other(const struct pp_count_table *table, struct pp_count_stats *sum)
{
	add(sum, &table->other);
}

static void format_source(const struct source *source, struct pp_source_stats *out)
{
	*out = (struct pp_source_stats){.family = (uint8_t)source->family};
	if (source->family == PP_FAMILY_IP4)
		for (int i = 0; i < 4; i++)
			out->addr[i] = (uint8_t)(source->addr[0] >> (24 - 8 * i));
	else if (source->family == PP_FAMILY_IP6)
		memcpy(out->addr, source->addr, sizeof(out->addr));
	add(&out->count, &source->count);
}

void pp_count_each_source(const struct pp_count_table *table,
			  void (*see)(void *arg, const struct pp_source_stats *source),
			  void *arg)
{
	for (uint32_t i = 0; i < PP_COUNT_SOURCES; i++) {
		struct pp_source_stats stats;

		// acquire: the address was written before
		if (!__atomic_load_n(&table->source[i].used, __ATOMIC_ACQUIRE))
			continue;
		format_source(&table->source[i], &stats);
		see(arg, &stats);
	}
}
