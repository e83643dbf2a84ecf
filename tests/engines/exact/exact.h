// SPDX-License-Identifier: MIT OR Apache-2.0
// Engine `exact`: what both halves know. A rule names one destination address, one destination port
// and one protocol; the rules stand in a hash table with open addressing.
#pragma once

#include <linux/types.h>

#define EXACT_NAME "exact"
#define EXACT_RULES_MAX 4096
#define EXACT_BUCKETS 16384 // a power of two, four times as many as rules
#define EXACT_PROBES 32 // that a lookup makes at most; compile() sees to it that they do

// pp_load.config
#define EXACT_CONFIG_SEED 0

struct exact_entry {
	__u64 addr[2]; // as in pp_key: IPv4 in addr[0], host order; IPv6 as it stands in the packet
	__u64 word; // of pp_key: what the rule asks for, under EXACT_WORD_MASK
	__u32 slot; // 0: empty
	__u32 pad;
};

struct exact_body {
	struct exact_entry entry[EXACT_BUCKETS];
};

// Family, protocol, direction, whether there are ports, and the destination port.
#define EXACT_WORD_MASK 0x0000ffff0180ffffull

static inline __u32 exact_hash(const __u64 addr[2], __u64 word, __u64 seed)
{
	__u64 hash = (addr[0] ^ word) * seed;

	hash = ((hash ^ hash >> 32) + addr[1]) * seed;
	return (__u32)(hash >> 40) & (EXACT_BUCKETS - 1);
}
