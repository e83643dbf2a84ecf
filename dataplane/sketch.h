// SPDX-License-Identifier: MIT OR Apache-2.0
// Space-saving (Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements in
// data streams, ICDT 2005): PP_SKETCH_KEYS counters for any number of keys. A key without a counter
// takes over that of the key with the fewest packets, and what this had as error.
//
// After N packets, m being PP_SKETCH_KEYS: a counter is too high by at most its error, which is at most
// N/m, and never too low; a key without a counter had at most N/m packets. So who has more than N/m
// has a counter.
//
// Threads    the one that owns it, but for snapshots.
// Cost       add: O(log m), some 100 ns where every key is new; no allocation, lock or system call.
// Ownership  the caller's.
#pragma once

#include <push-packet/analyser.h>

#include "top_key.h"

#define PP_SKETCH_KEYS 1024u

struct pp_sketch;

// A counter. Bytes, sizes and ways are of the packets since the key has it.
struct pp_sketch_row {
	struct pp_analyser_key key;
	uint64_t pkts;
	uint64_t error_pkts;
	uint64_t first_ns, last_ns; // since the key has it
	uint64_t turned; // the caller's; 0 at first
	uint64_t size_pkts[PP_SIZE_BUCKETS];
	struct {
		uint64_t pkts, bytes, tcp_flags;
	} way[2];
};

// @return  0; -ENOMEM.
int pp_sketch_create(struct pp_sketch **out);
// NULL is allowed.
void pp_sketch_destroy(struct pp_sketch *sketch);

// Count a packet.
//
// @return  Its counter, for the caller to count on in size_pkts, way and turned; as long as nothing is added.
struct pp_sketch_row *
pp_sketch_add(struct pp_sketch *sketch, const struct pp_analyser_key *key, uint64_t time_ns);

// Packets ever added.
uint64_t pp_sketch_pkts(const struct pp_sketch *sketch);

// The counters, in no order.
//
// @return  How many.
uint32_t pp_sketch_rows(const struct pp_sketch *sketch, const struct pp_sketch_row **rows);
