// SPDX-License-Identifier: MIT OR Apache-2.0
// Engine `tuple`, the program's own lookup (bpf/tuple.bpf.h) built for user space.
//
// Threads    any.
// Cost       nothing is allocated.
// Ownership  all is borrowed.
#pragma once

#include <stdint.h>

#include <push-packet/abi_tuple.h>

// What a lookup did.
struct pp_tuple_work {
	uint32_t probes;
	uint32_t checks;
	// Told of every cache line of the body that is read, with repetitions, but for numbers that all
	// packets need; may be NULL.
	void (*read)(void *arg, const void *at);
	void *arg;
};

// @param work  May be NULL; is added to.
// @return      The slot, PP_SLOT_DEFAULT: no rule matches.
uint32_t pp_tuple_lookup(const void *body,
			 const struct pp_tuple_config *config,
			 const struct pp_key *key,
			 uint64_t sets,
			 struct pp_tuple_work *work);

// Where a key stands in a table.
//
// @param addr  Host order.
// @param tag   Set.
// @return      The bucket.
uint32_t pp_tuple_lookup_bucket(const struct pp_tuple_head *head,
				int ip6,
				uint32_t table,
				uint32_t bucket_mask,
				uint64_t word,
				const uint64_t addr[4],
				uint8_t *tag);

// Where an address stands among the cells of a level.
//
// @param addr  As in struct pp_tuple_box: src and dst of IPv4 in one, else the first half.
uint32_t pp_tuple_lookup_cell(const struct pp_tuple_numbers *numbers,
			      uint32_t level,
			      uint32_t cell_shift,
			      uint64_t addr);
