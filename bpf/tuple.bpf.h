/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Engine `tuple`, kernel half: which tables can hold a match, then the best one of their rules. For
// the program and for user space; bpf/abi.h says what the body is.
//
// The verifier walks the search once for each table and each rule of a chain. It stays short
// because all that is kept from one to the next is numbers that it knows nothing of and does not
// have to: whether a rule matches is computed first and branched on once.
#pragma once

#include <bpf/bpf_endian.h>

#include "abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

// What tests count: a table probed, a rule checked.
#ifndef PP_TUPLE_PROBED
#define PP_TUPLE_PROBED()
#define PP_TUPLE_CHECKED()
#endif

// Keeps the compiler from knowing what it would turn into branches or undo.
#define PP_TUPLE_OPAQUE(x) asm volatile("" : "+r"(x))

// The key as the tables want it.
struct pp_tuple_key {
	__u64 word;
	__u64 addr[4]; // host order
	__u64 sets;
};

// By the product of a power of two and the constant: which power. clang 14 cannot compile
// __builtin_ctzll() for BPF.
static const __u8 pp_tuple_bit[64] = {
	0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,	62, 55, 59, 36, 53, 51,
	43, 22, 45, 39, 33, 30, 24, 18, 12, 5,	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
	44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6,
};

// @param word  Not 0.
static __always_inline __u32 pp_tuple_lowest(__u64 word)
{
	return pp_tuple_bit[((word & -word) * 0x03f79d71b4cb0a89ull) >> 58];
}

static __always_inline __u32 pp_tuple_port_cell(__u32 port)
{
	return (port & 1023) | ((port + 64512) >> 16) << 10;
}

static __always_inline __u64 pp_tuple_hash4(const struct pp_tuple_table4 *table,
					    const __u64 mul[],
					    const struct pp_tuple_key *key)
{
	__u64 hash = (key->addr[0] & table->addr_mask) * mul[0] +
		     (key->word & table->table.word_mask) * mul[1] + table->table.seed;

	return (hash ^ hash >> 32) * mul[2];
}

static __always_inline __u64 pp_tuple_hash6(const struct pp_tuple_table6 *table,
					    const __u64 mul[],
					    const struct pp_tuple_key *key)
{
	__u64 hash = (key->addr[0] & table->addr_mask[0]) * mul[0] +
		     (key->addr[1] & table->addr_mask[1]) * mul[1] +
		     (key->addr[2] & table->addr_mask[2]) * mul[2] +
		     (key->addr[3] & table->addr_mask[3]) * mul[3] +
		     (key->word & table->table.word_mask) * mul[4] + table->table.seed;

	return (hash ^ hash >> 32) * mul[5];
}

// A bucket's index comes from the upper half of a hash, the tag from the lower one.
static __always_inline __u64 pp_tuple_bucket_of(__u64 hash, __u32 bucket_count)
{
	return ((hash >> 32) * bucket_count) >> 32;
}

// @return  1 to 255.
static __always_inline __u64 pp_tuple_tag_of(__u64 hash)
{
	return (((hash & 0xffffffff) * 255) >> 32) + 1;
}

// Where a prefix of an address has its word, at one of the levels.
static __always_inline __u64 pp_tuple_cell_of(const struct pp_tuple_fields *fields,
					      __u32 level,
					      __u32 cell_shift,
					      __u64 addr)
{
	return ((addr >> (fields->level_shift[level] & 63)) * fields->cell_mul[level]) >>
	       cell_shift;
}

static __always_inline __u64 pp_tuple_cell(const void *body,
					   const struct pp_tuple_part *part,
					   const struct pp_tuple_fields *fields,
					   __u32 level,
					   __u64 addr)
{
	const __u64 *cells = body + part->cell_at;
	__u64 cells_of_level = 1ull << (64 - part->cell_shift);

	return cells[level * cells_of_level +
		     pp_tuple_cell_of(fields, level, part->cell_shift, addr)];
}

// Which tables can hold a match. A packet without ports has 0 for both, and rules for which that
// makes no difference have their bit there too.
static __always_inline __u64 pp_tuple_candidates(const void *body,
						 const struct pp_tuple_part *part,
						 const struct pp_tuple_fields *fields,
						 const struct pp_tuple_key *key,
						 int ip6)
{
	__u64 src = ip6 ? key->addr[0] : key->addr[0] >> 32;
	__u64 dst = ip6 ? key->addr[2] : key->addr[0] & 0xffffffff;
	__u32 sport = key->word >> PP_KEY_SPORT_SHIFT;
	__u32 dport = key->word >> PP_KEY_DPORT_SHIFT & 0xffff;

	return pp_tuple_cell(body, part, fields, 0, src) &
	       pp_tuple_cell(body, part, fields, 1, src) &
	       pp_tuple_cell(body, part, fields, 2, dst) &
	       pp_tuple_cell(body, part, fields, 3, dst) &
	       fields->proto[key->word >> PP_KEY_PROTO_SHIFT & 0xff] &
	       fields->dport[pp_tuple_port_cell(dport)] & fields->sport[pp_tuple_port_cell(sport)];
}

// Index of the rule that begins the chain of a tag, from 1; 0: there is none. The lowest byte that is
// found to be the tag is the tag, the others need not be.
static __always_inline __u32 pp_tuple_chain(const struct pp_tuple_bucket *bucket, __u64 tag)
{
	__u64 tags = tag * 0x0101010101010101ull;
	__u64 low = bucket->tags_low ^ tags;
	__u64 high = bucket->tags_high ^ (tags & 0xffffffff);
	__u64 found = ((low - 0x0101010101010101ull) & ~low & 0x8080808080808080ull) >> 7 |
		      ((high - 0x01010101ull) & ~high & 0x80808080ull) >> 6;
	__u32 bit;

	if (found == 0)
		return 0;
	bit = pp_tuple_lowest(found);
	bit = (bit >> 3 & 7) | (bit & 1) << 3; // bits 0, 8, ... are low's, bits 1, 9, ... high's
	// 15 and not 11: what lies behind is the bucket's.
	return *(const __u32 *)((const void *)bucket + (bit & 15) * sizeof(__u32));
}

static __always_inline __u64 pp_tuple_miss4(const struct pp_tuple_rule4 *rule,
					    const struct pp_tuple_key *key)
{
	__u64 differs = key->addr[0] ^ rule->addr;

	return (differs >> 32) >> (rule->rule.next >> PP_TUPLE_INDEX_BITS & 63) |
	       (differs & 0xffffffff) >> (rule->rule.cond >> PP_TUPLE_INDEX_BITS & 63);
}

static __always_inline __u64 pp_tuple_miss6(const struct pp_tuple_rule6 *rule,
					    const struct pp_tuple_key *key)
{
	__u64 miss = 0;

	for (int i = 0; i < 4; i++)
		miss |= (key->addr[i] ^ rule->addr[i]) >> (rule->shift[i][0] & 63) >>
			(rule->shift[i][1] & 63);
	return miss;
}

// The sign says whether some port lies outside.
static __always_inline __s64 pp_tuple_ports(const struct pp_tuple_rule *rule,
					    const struct pp_tuple_key *key)
{
	__s64 sport = key->word >> PP_KEY_SPORT_SHIFT;
	__s64 dport = key->word >> PP_KEY_DPORT_SHIFT & 0xffff;

	return (sport - rule->sport_lo) | (rule->sport_hi - sport) | (dport - rule->dport_lo) |
	       (rule->dport_hi - dport);
}

static __always_inline __u64 pp_tuple_miss_cond(const void *body,
						const struct pp_tuple_config *config,
						const struct pp_tuple_rule *rule,
						const struct pp_tuple_key *key)
{
	const struct pp_tuple_cond *cond = body + config->cond_at;
	__u32 index = rule->cond & ((1u << PP_TUPLE_INDEX_BITS) - 1) & (config->cond_count - 1);

	cond += index;
	return (((__u32)key->word ^ cond->value) & cond->mask) | (cond->sets & ~key->sets);
}

// The best rule of a chain takes the place of *best, if it is better.
//
// @param index  Of the first one, from 1.
static __always_inline void pp_tuple_walk(const void *body,
					  const struct pp_tuple_config *config,
					  const struct pp_tuple_key *key,
					  int ip6,
					  __u32 index,
					  __u32 *best,
					  __u32 *slot)
{
	const struct pp_tuple_part *part = &config->part[ip6];
	__u64 bytes = ip6 ? sizeof(struct pp_tuple_rule6) : sizeof(struct pp_tuple_rule4);

	for (int i = 0; i < PP_TUPLE_STEPS; i++) {
		const struct pp_tuple_rule *rule;
		__u64 miss, at = (__u32)(index - 1);

		PP_TUPLE_OPAQUE(at);
		if (at >= part->rule_count)
			return;
		PP_TUPLE_CHECKED();
		rule = body + part->rule_at + at * bytes;
		miss = ip6 ? pp_tuple_miss6((const void *)rule, key)
			   : pp_tuple_miss4((const void *)rule, key);
		miss |= pp_tuple_miss_cond(body, config, rule, key);
		miss |= (__u64)(pp_tuple_ports(rule, key) | ~((__s64)rule->rank - *best)) >> 63;
		PP_TUPLE_OPAQUE(miss);
		if (miss == 0) {
			*best = rule->rank;
			*slot = rule->slot;
			return;
		}
		index = rule->next & ((1u << PP_TUPLE_INDEX_BITS) - 1);
	}
}

// The slot of the best rule of one family.
static __always_inline __u32 pp_tuple_search(const void *body,
					     const struct pp_tuple_config *config,
					     const struct pp_tuple_key *key,
					     int ip6)
{
	const struct pp_tuple_head *head = body;
	const struct pp_tuple_part *part = &config->part[ip6];
	const struct pp_tuple_fields *fields = &head->fields[ip6];
	__u64 tables = pp_tuple_candidates(body, part, fields, key, ip6);
	__u32 best = 0x7fffffff, slot = PP_SLOT_DEFAULT;

	for (int i = 0; i < PP_TUPLE_TABLES && tables != 0; i++) {
		__u32 lowest = pp_tuple_lowest(tables) & (PP_TUPLE_BITS - 1);
		const struct pp_tuple_table *table =
			ip6 ? &head->table6[lowest].table : &head->table4[lowest].table;
		const struct pp_tuple_bucket *bucket = body + part->bucket_at;
		__u64 hash;
		__s64 behind;

		tables &= tables - 1;
		behind = (__s64)table->best_rank - best;
		PP_TUPLE_OPAQUE(behind);
		if (behind >= 0)
			continue;
		PP_TUPLE_PROBED();
		hash = ip6 ? pp_tuple_hash6((const void *)table, fields->mul, key)
			   : pp_tuple_hash4((const void *)table, fields->mul, key);
		bucket += pp_tuple_bucket_of(hash, part->bucket_count);
		pp_tuple_walk(body, config, key, ip6, pp_tuple_chain(bucket, pp_tuple_tag_of(hash)),
			      &best, &slot);
	}
	return slot;
}

// The slot of the first rule that matches.
//
// @param body    The engine's part of the image.
// @param config  Of the body; constants to the verifier.
// @param sets    Those that hold the packet's addresses: of the source in the low half, of the
//                destination in the high one. Not a number that the verifier knows.
// @return        PP_SLOT_DEFAULT: no rule matches.
static __always_inline __u32 pp_tuple_match(const void *body,
					    const struct pp_tuple_config *config,
					    const struct pp_key *packet,
					    __u64 sets)
{
	const struct pp_tuple_head *head = body;
	struct pp_tuple_key key = {.word = packet->word, .sets = sets};

	switch ((__u8)packet->word) {
	case PP_FAMILY_IP4:
		key.addr[0] = packet->addr[0];
		return pp_tuple_search(body, config, &key, PP_TUPLE_IP4);
	case PP_FAMILY_IP6:
		for (int i = 0; i < 4; i++)
			key.addr[i] = bpf_be64_to_cpu(packet->addr[i]);
		return pp_tuple_search(body, config, &key, PP_TUPLE_IP6);
	default:
		return head->other[packet->word >> PP_KEY_IFACE_SHIFT & 0xff];
	}
}
