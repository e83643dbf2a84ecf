// SPDX-License-Identifier: MIT OR Apache-2.0
#include "sketch.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS (4 * PP_SKETCH_KEYS) // of the hash table: a quarter full

// Rows stay where they are; the heap has their numbers, the one with the fewest packets on top.
struct pp_sketch {
	struct pp_top_seed seed;
	uint64_t pkts;
	uint32_t count;
	uint16_t heap[PP_SKETCH_KEYS]; // rows
	uint16_t heap_at[PP_SKETCH_KEYS]; // by row
	uint16_t slot[SLOTS]; // by hash, probed one after another: row + 1; 0: free
	uint16_t slot_at[PP_SKETCH_KEYS]; // by row
	struct pp_sketch_row row[PP_SKETCH_KEYS];
};

int pp_sketch_create(struct pp_sketch **out)
{
	struct pp_sketch *sketch = calloc(1, sizeof(*sketch));

	if (sketch == NULL)
		return -ENOMEM;
	pp_top_seed_init(&sketch->seed);
	*out = sketch;
	return 0;
}

void pp_sketch_destroy(struct pp_sketch *sketch)
{
	free(sketch);
}

static uint32_t home_of(const struct pp_sketch *sketch, const struct pp_analyser_key *key)
{
	return (uint32_t)pp_top_hash(&sketch->seed, key) % SLOTS;
}

// The slot that has the key, or the free one where it belongs.
static uint32_t find(const struct pp_sketch *sketch, const struct pp_analyser_key *key)
{
	uint32_t at = home_of(sketch, key);

	while (sketch->slot[at] != 0 &&
	       !pp_top_key_equal(&sketch->row[sketch->slot[at] - 1].key, key))
		at = (at + 1) % SLOTS;
	return at;
}

// Free a slot; what comes behind it and may stand there moves up, so that no search ends early.
static void free_slot(struct pp_sketch *sketch, uint32_t hole)
{
	for (uint32_t at = (hole + 1) % SLOTS; sketch->slot[at] != 0; at = (at + 1) % SLOTS) {
		uint32_t row = sketch->slot[at] - 1u;
		uint32_t home = home_of(sketch, &sketch->row[row].key);

		if ((at - home) % SLOTS < (at - hole) % SLOTS)
			continue;
		sketch->slot[hole] = (uint16_t)(row + 1);
		sketch->slot_at[row] = (uint16_t)hole;
		hole = at;
	}
	sketch->slot[hole] = 0;
}

static void place(struct pp_sketch *sketch, uint32_t at, uint16_t row)
{
	sketch->heap[at] = row;
	sketch->heap_at[row] = (uint16_t)at;
}

// The row at a place of the heap has more packets than before.
static void sift_down(struct pp_sketch *sketch, uint32_t at)
{
	uint16_t row = sketch->heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= sketch->count)
			break;
		if (child + 1 < sketch->count && sketch->row[sketch->heap[child + 1]].pkts <
							 sketch->row[sketch->heap[child]].pkts)
			child++;
		if (sketch->row[sketch->heap[child]].pkts >= sketch->row[row].pkts)
			break;
		place(sketch, at, sketch->heap[child]);
		at = child;
	}
	place(sketch, at, row);
}

// A row without packets goes on top: nothing is below one packet.
static uint16_t new_row(struct pp_sketch *sketch)
{
	uint16_t row = (uint16_t)sketch->count++;

	for (uint32_t at = row; at > 0; at = (at - 1) / 2)
		place(sketch, at, sketch->heap[(at - 1) / 2]);
	place(sketch, 0, row);
	return row;
}

// A counter for a key that has none.
static struct pp_sketch_row *
take(struct pp_sketch *sketch, const struct pp_analyser_key *key, uint64_t time_ns)
{
	uint64_t error = 0;
	uint32_t slot;
	uint16_t row;

	if (sketch->count < PP_SKETCH_KEYS) {
		row = new_row(sketch);
	} else {
		row = sketch->heap[0];
		error = sketch->row[row].pkts;
		free_slot(sketch, sketch->slot_at[row]);
	}
	slot = find(sketch, key);
	sketch->slot[slot] = (uint16_t)(row + 1);
	sketch->slot_at[row] = (uint16_t)slot;
	sketch->row[row] = (struct pp_sketch_row){
		.key = *key, .pkts = error, .error_pkts = error, .first_ns = time_ns};
	return &sketch->row[row];
}

struct pp_sketch_row *
pp_sketch_add(struct pp_sketch *sketch, const struct pp_analyser_key *key, uint64_t time_ns)
{
	uint32_t slot = find(sketch, key);
	struct pp_sketch_row *row;

	if (sketch->slot[slot] != 0)
		row = &sketch->row[sketch->slot[slot] - 1];
	else
		row = take(sketch, key, time_ns);
	row->pkts++;
	row->last_ns = time_ns;
	sketch->pkts++;
	sift_down(sketch, sketch->heap_at[row - sketch->row]);
	return row;
}

uint64_t pp_sketch_pkts(const struct pp_sketch *sketch)
{
	return sketch->pkts;
}

uint32_t pp_sketch_rows(const struct pp_sketch *sketch, const struct pp_sketch_row **rows)
{
	*rows = sketch->row;
	return sketch->count;
}
