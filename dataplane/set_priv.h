// SPDX-License-Identifier: MIT OR Apache-2.0
// What the files of sets share: set.c makes and asks them, set_sort.c orders their entries,
// set_change.c makes one of another, set_parse.c reads text. And what compiles them (addr_table.c) needs.
//
// Threads    as set.h.
#pragma once

#include <push-packet/set.h>

struct pp_set {
	uint32_t refs;
	char name[PP_NAME_BYTES];
	uint64_t next_expiry_ns; // 0: none
	size_t count;
	size_t ip4_count; // they stand first
	struct pp_set_entry *entry; // sorted, each prefix once
};

// An address as a number; IPv4 in the low 32 bits.
typedef unsigned __int128 pp_addr;

pp_addr pp_prefix_first(const struct pp_prefix *prefix);
pp_addr pp_prefix_last(const struct pp_prefix *prefix);

// The order of entries: family, address, length.
int pp_prefix_compare(const struct pp_prefix *a, const struct pp_prefix *b);

// Sort, and make one entry of those with the same prefix.
//
// @return  Entries left.
size_t pp_set_sort(struct pp_set_entry *entry, size_t count);

// The first entry from an index on that is not before prefix.
size_t pp_set_lower_bound(const struct pp_set *set, size_t from, const struct pp_prefix *prefix);

// The later of two expiries; 0 is never.
uint64_t pp_set_later(uint64_t a_ns, uint64_t b_ns);

// Make a set of sorted entries.
//
// @param entry  Taken over, also on failure.
int pp_set_make(struct pp_set **out,
		const char *name,
		struct pp_set_entry *entry,
		size_t count,
		struct pp_error *err);

// Walk the addresses of a family as disjoint ranges in order, adjacent ones joined.
//
// @param index  Where to go on: 0 at first; updated. Of the family's entries.
// @return       Whether there was another range.
bool pp_set_next_range(
	const struct pp_set *set, uint8_t family, size_t *index, pp_addr *first, pp_addr *last);

// Whether any address of a family lies in both.
bool pp_set_overlaps_in(const struct pp_set *a, const struct pp_set *b, uint8_t family);
// Whether every address of a family that lies in inner lies in outer. O(n + m).
bool pp_set_covers_in(const struct pp_set *outer, const struct pp_set *inner, uint8_t family);
