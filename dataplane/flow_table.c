// SPDX-License-Identifier: MIT OR Apache-2.0
#include "flow_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cache_line.h"
#include "counter.h"
#include "window.h"

#define PROBES 16
#define AHEAD 16 // records that a reader has fetched before it comes to them
#define READS 4 // tries to read a record that is written
#define KEY_WORDS (sizeof(struct pp_analyser_key) / sizeof(uint64_t))

// What goes on in this window, and went on in the one before.
struct rate {
	uint64_t epoch;
	uint64_t pkts, bytes;
	uint64_t pkts_before, bytes_before;
};

// All of 64 bits: each is read as a whole. seq is odd while the record changes hands, or its rate
// goes to the next window; 0: never used.
struct record {
	uint64_t seq;
	uint64_t key[KEY_WORDS];
	uint64_t first_ns, last_ns;
	uint64_t turned;
	uint64_t way_pkts[2], way_bytes[2], way_flags[2];
	struct rate rate;
	uint64_t size_pkts[PP_SIZE_BUCKETS];
} __attribute__((aligned(PP_CACHE_LINE)));
_Static_assert(sizeof(struct record) == 256, "as the header says");

struct pp_flow_table {
	struct pp_top_seed seed;
	uint64_t idle_ns;
	uint64_t window_ns;
	uint32_t mask;
	struct pp_flow_counters counters;
	uint32_t *tag; // by record: 0: never used; else some bits of the hash
	struct record *record;
};

int pp_flow_table_create(struct pp_flow_table **out,
			 uint32_t records,
			 uint64_t idle_ns,
			 uint64_t window_ns)
{
	struct pp_flow_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	pp_top_seed_init(&table->seed);
	table->idle_ns = idle_ns;
	table->window_ns = window_ns;
	table->mask = records - 1;
	table->tag = calloc(records, sizeof(*table->tag));
	table->record = mmap(NULL, records * sizeof(*table->record), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table->record == MAP_FAILED)
		table->record = NULL;
	if (table->tag != NULL && table->record != NULL) {
		*out = table;
		return 0;
	}
	pp_flow_table_destroy(table);
	return -ENOMEM;
}

void pp_flow_table_destroy(struct pp_flow_table *table)
{
	if (table == NULL)
		return;
	if (table->record != NULL)
		munmap(table->record, ((size_t)table->mask + 1) * sizeof(*table->record));
	free(table->tag);
	free(table);
}

// release: who reads a part of what is new sees that seq moved
static void put(uint64_t *at, uint64_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static void add(uint64_t *at, uint64_t by)
{
	put(at, *at + by);
}

static uint64_t get(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void begin(struct record *record, const struct pp_flow_packet *packet)
{
	uint64_t seq = record->seq, word[KEY_WORDS], *field = (uint64_t *)record;

	memcpy(word, packet->key, sizeof(word));
	__atomic_store_n(&record->seq, seq + 1, __ATOMIC_RELAXED);
	for (size_t i = 1; i < sizeof(*record) / sizeof(*field); i++)
		put(&field[i], 0);
	for (size_t i = 0; i < KEY_WORDS; i++)
		put(&record->key[i], word[i]);
	put(&record->first_ns, packet->time_ns);
	put(&record->turned, packet->second);
	put(&record->seq, seq + 2);
}

// Where a flow can have its record: a place never used, or that of whom was idle for longest.
//
// @return  UINT32_MAX: nowhere.
static uint32_t free_place(const struct pp_flow_table *table, uint64_t hash, uint64_t now_ns)
{
	uint64_t oldest_ns = UINT64_MAX;
	uint32_t place = UINT32_MAX;

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t at = (uint32_t)(hash + i) & table->mask;

		if (table->tag[at] == 0)
			return at;
		if (table->record[at].last_ns < oldest_ns) {
			oldest_ns = table->record[at].last_ns;
			place = at;
		}
	}
	return oldest_ns + table->idle_ns < now_ns ? place : UINT32_MAX;
}

static struct record *
take(struct pp_flow_table *table, uint64_t hash, const struct pp_flow_packet *packet)
{
	uint32_t at = free_place(table, hash, packet->now_ns);
	bool used;

	if (at == UINT32_MAX)
		return NULL;
	used = table->tag[at] != 0;
	__atomic_store_n(&table->tag[at], (uint32_t)(hash >> 32) | 1, __ATOMIC_RELAXED);
	begin(&table->record[at], packet);
	pp_counter_add(&table->counters.begun, 1);
	pp_counter_add(used ? &table->counters.evicted : &table->counters.records, 1);
	return &table->record[at];
}

static struct record *
find(const struct pp_flow_table *table, uint64_t hash, const struct pp_analyser_key *key)
{
	uint32_t tag = (uint32_t)(hash >> 32) | 1;

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t at = (uint32_t)(hash + i) & table->mask;

		if (table->tag[at] == tag && memcmp(table->record[at].key, key, sizeof(*key)) == 0)
			return &table->record[at];
		if (table->tag[at] == 0)
			return NULL;
	}
	return NULL;
}

static void next_window(struct record *record, uint64_t epoch)
{
	struct rate *rate = &record->rate;
	bool next = rate->epoch + 1 == epoch;
	uint64_t seq = record->seq;

	__atomic_store_n(&record->seq, seq + 1, __ATOMIC_RELAXED);
	put(&rate->pkts_before, next ? rate->pkts : 0);
	put(&rate->bytes_before, next ? rate->bytes : 0);
	put(&rate->pkts, 0);
	put(&rate->bytes, 0);
	put(&rate->epoch, epoch);
	put(&record->seq, seq + 2);
}

bool pp_flow_table_count(struct pp_flow_table *table, const struct pp_flow_packet *packet)
{
	uint64_t hash = pp_top_hash(&table->seed, packet->key);
	uint64_t epoch = packet->now_ns / table->window_ns + 1;
	struct record *record = find(table, hash, packet->key) ?: take(table, hash, packet);

	if (record == NULL)
		return false;
	if (record->rate.epoch != epoch)
		next_window(record, epoch);
	add(&record->way_pkts[packet->second], 1);
	add(&record->way_bytes[packet->second], packet->len_bytes);
	put(&record->way_flags[packet->second],
	    record->way_flags[packet->second] | packet->tcp_flags);
	add(&record->rate.pkts, 1);
	add(&record->rate.bytes, packet->len_bytes);
	add(&record->size_pkts[pp_size_bucket(packet->len_bytes)], 1);
	put(&record->last_ns, packet->time_ns);
	return true;
}

void pp_flow_table_counters(const struct pp_flow_table *table, struct pp_flow_counters *sum)
{
	sum->records += __atomic_load_n(&table->counters.records, __ATOMIC_RELAXED);
	sum->begun += __atomic_load_n(&table->counters.begun, __ATOMIC_RELAXED);
	sum->evicted += __atomic_load_n(&table->counters.evicted, __ATOMIC_RELAXED);
}

static void set_rate(const struct pp_flow_table *table,
		     const struct record *record,
		     uint64_t now_ns,
		     struct pp_analyser_row *row)
{
	uint64_t epoch = now_ns / table->window_ns + 1, at = get(&record->rate.epoch);
	uint64_t pkts = get(&record->rate.pkts), bytes = get(&record->rate.bytes);
	double ns = (double)(table->window_ns + now_ns % table->window_ns);

	if (at == epoch) {
		pkts += get(&record->rate.pkts_before);
		bytes += get(&record->rate.bytes_before);
	} else if (at + 1 != epoch) {
		pkts = bytes = 0;
	}
	row->rate_pps = (double)pkts * 1e9 / ns;
	row->rate_bps = (double)bytes * 8e9 / ns;
}

static bool read_record(const struct pp_flow_table *table,
			const struct record *record,
			uint64_t now_ns,
			struct pp_analyser_row *row)
{
	uint64_t seq = get(&record->seq), word[KEY_WORDS];

	if (seq == 0 || seq % 2 == 1)
		return false;
	*row = (struct pp_analyser_row){0};
	for (size_t i = 0; i < KEY_WORDS; i++)
		word[i] = get(&record->key[i]);
	memcpy(&row->key, word, sizeof(row->key));
	row->first_ns = get(&record->first_ns);
	row->last_ns = get(&record->last_ns);
	row->turned = get(&record->turned) != 0;
	for (int i = 0; i < 2; i++) {
		row->way[i].pkts = get(&record->way_pkts[i]);
		row->way[i].bytes = get(&record->way_bytes[i]);
		row->way[i].tcp_flags = (uint8_t)get(&record->way_flags[i]);
		row->pkts += row->way[i].pkts;
		row->bytes += row->way[i].bytes;
	}
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		row->size_pkts[i] = get(&record->size_pkts[i]);
	set_rate(table, record, now_ns, row);
	return __atomic_load_n(&record->seq, __ATOMIC_RELAXED) == seq;
}

static void prefetch(const struct pp_flow_table *table, uint32_t at)
{
	if (at > table->mask || __atomic_load_n(&table->tag[at], __ATOMIC_RELAXED) == 0)
		return;
	for (size_t i = 0; i < sizeof(struct record); i += PP_CACHE_LINE)
		__builtin_prefetch((const char *)&table->record[at] + i);
}

void pp_flow_table_each(const struct pp_flow_table *table,
			uint64_t now_ns,
			void (*see)(void *arg, const struct pp_analyser_row *row),
			void *arg)
{
	struct pp_analyser_row row;

	for (uint32_t i = 0; i <= table->mask; i++) {
		bool done;

		prefetch(table, i + AHEAD);
		done = __atomic_load_n(&table->tag[i], __ATOMIC_RELAXED) == 0;

		for (int tries = 0; !done && tries < READS; tries++) {
			done = read_record(table, &table->record[i], now_ns, &row);
			if (done)
				see(arg, &row);
		}
	}
}
