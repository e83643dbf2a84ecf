// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `count`: packets, bytes and packet sizes, per rule and per source address.
//
// Threads    packet: the one thread that owns the table. rule, sources: any thread at any time;
//            a snapshot may be a packet behind.
// Cost       packet: no allocation, lock or system call; one cache line for the rule, one or two
//            for the source. A table takes 7 MB of address space, touched as sources appear.
// Ownership  the caller's.
#pragma once

#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/plane.h>

#define PP_COUNT_SOURCES 65536

struct pp_count_table;
struct pp_rule_table;

// @param frame_kind  enum pp_frame_kind by interface, PP_IFACES_MAX of them; borrowed.
// @return            0; -ENOMEM.
int pp_count_create(struct pp_count_table **out, const uint8_t *frame_kind);
void pp_count_destroy(struct pp_count_table *table);

// Count one packet.
//
// @param rules  Say which slot it counts under.
// @param data   meta->cap_bytes of it.
void pp_count_packet(struct pp_count_table *table,
		     const struct pp_rule_table *rules,
		     const struct pp_meta *meta,
		     const uint8_t *data);

// Add what the table has for a rule slot, or PP_SLOT_FORMER, to sum.
void pp_count_rule(const struct pp_count_table *table, uint32_t slot, struct pp_count_stats *sum);

// Call see() for every source.
void pp_count_each_source(const struct pp_count_table *table,
			  void (*see)(void *arg, const struct pp_source_stats *source),
			  void *arg);

// Add what found no room in the table.
void pp_count_other(const struct pp_count_table *table, struct pp_count_stats *sum);

// The table of a thread, of what pp_count_ops.create() made.
const struct pp_count_table *pp_count_table_of(void *state, uint32_t thread);
uint32_t pp_count_tables(void *state);
