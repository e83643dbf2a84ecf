// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cache_line.h"

#define PROBES 16
#define AHEAD PROBES // entries that a reader has fetched before it comes to them

// seq is odd while the entry changes hands, and 0 until it is used.
struct entry {
	uint64_t seq;
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t key[sizeof(struct pp_analyser_key) / sizeof(uint64_t)];
	struct pp_window window;
} __attribute__((aligned(PP_CACHE_LINE)));

struct pp_top_table {
	struct pp_top_seed seed;
	uint64_t window_ns;
	uint32_t mask;
	uint32_t used;
	struct pp_window other;
	uint32_t *tag; // by entry: 0: never used; else some bits of the hash
	struct entry *entry;
};

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int pp_top_table_create(struct pp_top_table **out, uint32_t entries, uint64_t window_ns)
{
	struct pp_top_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	pp_top_seed_init(&table->seed);
	table->window_ns = window_ns;
	table->mask = entries - 1;
	table->tag = calloc((size_t)entries + PROBES, sizeof(*table->tag));
	table->entry = map(entries * sizeof(*table->entry));
	if (table->tag == NULL || table->entry == NULL) {
		pp_top_table_destroy(table);
		return -ENOMEM;
	}
	*out = table;
	return 0;
}

void pp_top_table_destroy(struct pp_top_table *table)
{
	if (table == NULL)
		return;
	if (table->entry != NULL)
		munmap(table->entry, ((size_t)table->mask + 1) * sizeof(*table->entry));
	free(table->tag);
	free(table);
}

// Give an entry to a key. Readers who see a part of it see that seq moved.
static void take(struct entry *entry, const struct pp_analyser_key *key, uint64_t time_ns)
{
	uint64_t word[sizeof(*key) / sizeof(uint64_t)], seq = entry->seq;

	memcpy(word, key, sizeof(word));
	__atomic_store_n(&entry->seq, seq + 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		__atomic_store_n(&entry->key[i], word[i], __ATOMIC_RELEASE);
	__atomic_store_n(&entry->first_ns, time_ns, __ATOMIC_RELEASE);
	pp_window_clear(&entry->window);
	__atomic_store_n(&entry->seq, seq + 2, __ATOMIC_RELEASE);
}

// @return  NULL: there is no room.
static struct entry *find(struct pp_top_table *table,
			  const struct pp_analyser_key *key,
			  uint64_t time_ns,
			  uint64_t now_ns)
{
	uint64_t hash = pp_top_hash(&table->seed, key);
	uint32_t tag = (uint32_t)(hash >> 32) | 1, idle = UINT32_MAX;

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t at = (uint32_t)(hash + i) & table->mask;
		struct entry *entry = &table->entry[at];

		if (table->tag[at] == tag && memcmp(entry->key, key, sizeof(*key)) == 0)
			return entry;
		if (table->tag[at] == 0) {
			__atomic_store_n(&table->used, table->used + 1, __ATOMIC_RELAXED);
			idle = at;
			break;
		}
		if (idle == UINT32_MAX && entry->last_ns + table->window_ns * 11 / 10 < now_ns)
			idle = at;
	}
	if (idle == UINT32_MAX)
		return NULL;
	__atomic_store_n(&table->tag[idle], tag, __ATOMIC_RELAXED);
	take(&table->entry[idle], key, time_ns);
	return &table->entry[idle];
}

void pp_top_table_count(struct pp_top_table *table,
			const struct pp_analyser_key *key,
			uint32_t len_bytes,
			uint64_t time_ns,
			uint64_t now_ns)
{
	uint64_t epoch = pp_window_epoch(now_ns, table->window_ns);
	struct entry *entry = find(table, key, time_ns, now_ns);

	if (entry == NULL) {
		pp_window_add(&table->other, epoch, len_bytes);
		return;
	}
	__atomic_store_n(&entry->last_ns, now_ns, __ATOMIC_RELAXED);
	pp_window_add(&entry->window, epoch, len_bytes);
}

uint32_t pp_top_table_used(const struct pp_top_table *table)
{
	return __atomic_load_n(&table->used, __ATOMIC_RELAXED);
}

static void read_key(const struct entry *entry, struct pp_analyser_key *key)
{
	uint64_t word[sizeof(*key) / sizeof(uint64_t)];

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		word[i] = __atomic_load_n(&entry->key[i], __ATOMIC_ACQUIRE);
	memcpy(key, word, sizeof(*key));
}

// @return  The sequence number to check at the end; 0: the entry is nobody's, or changes hands.
static uint64_t begin_read(const struct entry *entry)
{
	uint64_t seq = __atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE);

	return seq % 2 == 1 ? 0 : seq;
}

static bool end_read(const struct entry *entry, uint64_t seq)
{
	return __atomic_load_n(&entry->seq, __ATOMIC_RELAXED) == seq;
}

static uint32_t tag_at(const struct pp_top_table *table, uint32_t slot)
{
	return __atomic_load_n(&table->tag[slot], __ATOMIC_RELAXED);
}

uint32_t pp_top_table_slots(const struct pp_top_table *table)
{
	return pp_top_table_used(table) == 0 ? 0 : table->mask + 1;
}

uint32_t pp_top_table_room(const struct pp_top_table *table)
{
	return table->mask + 1;
}

void pp_top_table_prefetch(const struct pp_top_table *table, uint32_t slot)
{
	// Behind the last entry tags are 0.
	if (tag_at(table, slot + AHEAD) == 0)
		return;
	for (size_t i = 0; i < sizeof(struct entry); i += PP_CACHE_LINE)
		__builtin_prefetch((const char *)&table->entry[slot + AHEAD] + i);
}

uint32_t pp_top_table_find(const struct pp_top_table *table, const struct pp_analyser_key *key)
{
	uint64_t hash = pp_top_hash(&table->seed, key);
	uint32_t wanted = (uint32_t)(hash >> 32) | 1;

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t slot = (uint32_t)(hash + i) & table->mask, tag = tag_at(table, slot);
		struct pp_analyser_key found;

		if (tag == 0)
			break;
		if (tag != wanted)
			continue;
		read_key(&table->entry[slot], &found);
		if (pp_top_key_equal(&found, key))
			return slot;
	}
	return PP_TOP_NO_SLOT;
}

bool pp_top_table_peek(const struct pp_top_table *table,
		       uint32_t slot,
		       uint64_t first,
		       uint64_t now,
		       bool pkts,
		       struct pp_top_peek *out)
{
	const struct entry *entry = &table->entry[slot];
	struct pp_window_sum sum = {0};
	uint64_t seq;

	// An entry that was never used is not looked at: that would touch its memory.
	seq = tag_at(table, slot) == 0 ? 0 : begin_read(entry);
	if (seq == 0)
		return false;
	read_key(entry, &out->key);
	out->first_ns = __atomic_load_n(&entry->first_ns, __ATOMIC_ACQUIRE);
	if (pkts)
		pp_window_sum(&entry->window, first, now, &sum);
	else
		sum.bytes = pp_window_bytes(&entry->window, first, now);
	out->bytes = sum.bytes;
	out->pkts = sum.pkts;
	return end_read(entry, seq) && sum.bytes > 0;
}

bool pp_top_table_row(const struct pp_top_table *table,
		      uint32_t slot,
		      uint64_t first,
		      uint64_t now,
		      struct pp_analyser_row *out)
{
	const struct entry *entry = &table->entry[slot];
	uint64_t seq = begin_read(entry);
	struct pp_window_sum sum = {0};

	if (seq == 0)
		return false;
	*out = (struct pp_analyser_row){0};
	read_key(entry, &out->key);
	out->first_ns = __atomic_load_n(&entry->first_ns, __ATOMIC_ACQUIRE);
	out->last_ns = __atomic_load_n(&entry->last_ns, __ATOMIC_ACQUIRE);
	pp_window_sum(&entry->window, first, now, &sum);
	out->pkts = sum.pkts;
	out->bytes = sum.bytes;
	memcpy(out->size_pkts, sum.size_pkts, sizeof(out->size_pkts));
	return end_read(entry, seq) && sum.pkts > 0;
}

void pp_top_table_other(const struct pp_top_table *table,
			uint64_t first,
			uint64_t now,
			struct pp_window_sum *sum)
{
	pp_window_sum(&table->other, first, now, sum);
}
