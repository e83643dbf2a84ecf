// SPDX-License-Identifier: MIT OR Apache-2.0
// Flow records of one thread: both directions of a flow in one.
//
// Memory is bounded: so many records, 256 bytes each. A new flow is looked for and put in one of 16
// places. Where all of them are taken, the record that was idle for longest gives its place and is gone,
// if that was longer than idle_ns; else the flow gets no record, and the caller counts it in another way.
//
// Threads    count: the one writer. each, counters: any thread, at any time.
// Cost       count: no allocation, lock or system call; three or four cache lines.
// Ownership  the caller's.
#pragma once

#include <push-packet/analyser.h>

#include "top_key.h"

struct pp_flow_table;

struct pp_flow_packet {
	const struct pp_analyser_key *key; // pp_top_key_flow()
	bool second; // the packet goes from the second end to the first
	uint8_t tcp_flags;
	uint32_t len_bytes;
	uint64_t time_ns; // of the packet
	uint64_t now_ns; // never goes back
};

struct pp_flow_counters {
	uint64_t records; // there are
	uint64_t begun; // records ever made
	uint64_t evicted; // idle ones that gave their place
};

// @param records    A power of two from 64.
// @param window_ns  That rates are about.
// @return           0; -ENOMEM.
int pp_flow_table_create(struct pp_flow_table **out,
			 uint32_t records,
			 uint64_t idle_ns,
			 uint64_t window_ns);
// NULL is allowed.
void pp_flow_table_destroy(struct pp_flow_table *table);

// @return  false: there is no room.
bool pp_flow_table_count(struct pp_flow_table *table, const struct pp_flow_packet *packet);

void pp_flow_table_counters(const struct pp_flow_table *table, struct pp_flow_counters *sum);

// Call see() for every record. turned is set as it must be; rates are over the last one to two windows.
void pp_flow_table_each(const struct pp_flow_table *table,
			uint64_t now_ns,
			void (*see)(void *arg, const struct pp_analyser_row *row),
			void *arg);
