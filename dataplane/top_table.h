// SPDX-License-Identifier: MIT OR Apache-2.0
// A table of keys with a sliding window each, of one thread.
//
// What finds no room is counted in `other`: 16 entries are looked at for a key, and one that got no
// packet for a whole window gives its place. So a row is never too high, and what it may lack, for it
// was in other before it got its place, is at most what other has in the window.
//
// Threads    count: the one writer. Others: any thread, at any time.
// Cost       count: no allocation, lock or system call; three to five cache lines. 640 bytes an entry,
//            touched as keys appear.
// Ownership  the caller's.
#pragma once

#include <push-packet/analyser.h>

#include "top_key.h"
#include "window.h"

struct pp_top_table;

// @param entries  A power of two from 64.
// @return         0; -ENOMEM.
int pp_top_table_create(struct pp_top_table **out, uint32_t entries, uint64_t window_ns);
// NULL is allowed.
void pp_top_table_destroy(struct pp_top_table *table);

// @param time_ns  Of the packet.
// @param now_ns   Never goes back.
void pp_top_table_count(struct pp_top_table *table,
			const struct pp_analyser_key *key,
			uint32_t len_bytes,
			uint64_t time_ns,
			uint64_t now_ns);

// Entries that were ever used.
uint32_t pp_top_table_used(const struct pp_top_table *table);

#define PP_TOP_NO_SLOT UINT32_MAX

// What a key is sorted by.
struct pp_top_peek {
	struct pp_analyser_key key;
	uint64_t first_ns;
	uint64_t bytes;
	uint64_t pkts; // 0 where it was not asked for
};

// Slots that there can be: above those that a reader goes through.
uint32_t pp_top_table_room(const struct pp_top_table *table);

// Slots that a reader goes through, from 0; 0: nothing was counted yet.
uint32_t pp_top_table_slots(const struct pp_top_table *table);

// A reader that goes from slot to slot has come to this one: fetch what is ahead.
void pp_top_table_prefetch(const struct pp_top_table *table, uint32_t slot);

// @return  Where a key is; PP_TOP_NO_SLOT: nowhere. It may change hands at once: look at the key again.
uint32_t pp_top_table_find(const struct pp_top_table *table, const struct pp_analyser_key *key);

// What the key at a slot is sorted by, in the bins from first to now.
//
// @param pkts  Count packets too, which is dearer.
// @return      false: nothing is there, or it changed hands meanwhile; out is undefined.
bool pp_top_table_peek(const struct pp_top_table *table,
		       uint32_t slot,
		       uint64_t first,
		       uint64_t now,
		       bool pkts,
		       struct pp_top_peek *out);

// The whole row, without rates. Parameters and result as pp_top_table_peek().
bool pp_top_table_row(const struct pp_top_table *table,
		      uint32_t slot,
		      uint64_t first,
		      uint64_t now,
		      struct pp_analyser_row *out);

// Add what found no room.
void pp_top_table_other(const struct pp_top_table *table,
			uint64_t first,
			uint64_t now,
			struct pp_window_sum *sum);
