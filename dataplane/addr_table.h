// SPDX-License-Identifier: MIT OR Apache-2.0
// Sets of addresses compiled to what bpf/addr_table.bpf.h looks up: one table for all sets that rules
// name, an address in, a bit mask of sets out. Position-independent, so that it is written into an
// image with one memcpy.
//
// Threads    control thread.
// Cost       building: O(n log n) of the entries of all sets, 175,000 of them well under 100 ms.
//            A lookup: IPv4 two dependent cache lines or so, IPv6 one for each level of a tree of
//            nine-fold nodes; neither grows with the number of sets.
// Ownership  the caller's; entries are not referred to afterwards.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>
#include <push-packet/set.h>

struct pp_addr_table {
	struct pp_addr_head head; // where in bytes[] things are; goes into the image's head
	uint8_t *bytes; // free() it
	size_t size; // at most PP_ADDR_BYTES_MAX
};

// Compile sets: bit i of the mask stands for set[i].
//
// @param count  0 to PP_SETS_USED_MAX; 0 gives an empty table of size 0.
// @return       0; -ENOMEM; -ENOSPC: more than PP_ADDR_BYTES_MAX, or more than 65,536 different
//               masks. err is set.
int pp_addr_table_build(struct pp_addr_table *out,
			struct pp_set *const set[],
			uint32_t count,
			struct pp_error *err);
void pp_addr_table_fini(struct pp_addr_table *table);

// The program's lookups, built for user space.
//
// @param area_bytes  Power of two, at least the table's size: what an offset is masked with.
uint32_t pp_addr_table_ip4(const struct pp_addr_head *head,
			   const uint8_t *area,
			   uint32_t area_bytes,
			   uint32_t addr); // host order
uint32_t pp_addr_table_ip6(const struct pp_addr_head *head,
			   const uint8_t *area,
			   uint32_t area_bytes,
			   const uint8_t addr[16]);
