/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Engine `tuple`, kernel half: which tables can hold a match, then the best one of their rules. For
// the program and for user space; bpf/abi_tuple.h says what the body is.
//
// The verifier walks the search once for each table and each rule of a chain. It stays short
// because all that is kept from one to the next is numbers that it knows nothing of and does not
// have to: whether a rule matches is computed first and branched on once.
#pragma once

#include <bpf/bpf_endian.h>

#include "abi_tuple.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

// What tests count: a table probed, a rule checked.
#ifndef PP_TUPLE_PROBED
#define PP_TUPLE_PROBED()
#define PP_TUPLE_CHECKED()
#define PP_TUPLE_READ(at) // something that lies in one cache line
#endif

// Keeps the compiler from knowing what it would turn into branches or undo.
#define PP_TUPLE_OPAQUE(x) asm volatile("" : "+r"(x))

// A shift by 64 and more is defined by the instruction, not by the language.
#ifdef __bpf__
#define PP_TUPLE_SHIFTED(x, shift) ((x) >> (shift))
#else
#define PP_TUPLE_SHIFTED(x, shift) ((x) >> ((shift)&63))
#endif

// The key as the tables want it.
struct pp_tuple_key {
	__u64 word;
	__u64 addr[4]; // host order
	__u64 not_sets;
	__u64 ports[2]; // both ports; 65535 less each: lanes with guards, see PP_TUPLE_PORT_LANES
};

// By the product of a power of two and the constant: which power. clang 14 cannot compile
// __builtin_ctzll() for BPF.
#define PP_TUPLE_DE_BRUIJN 0x03f79d71b4cb0a89ull
static const __u8 pp_tuple_bit[64] = {
	0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,	62, 55, 59, 36, 53, 51,
	43, 22, 45, 39, 33, 30, 24, 18, 12, 5,	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
	44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6,
};

// @param word  Not 0.
static __always_inline __u32 pp_tuple_lowest(__u64 word)
{
	return pp_tuple_bit[((word & -word) * PP_TUPLE_DE_BRUIJN) >> 58];
}

static __always_inline __u32 pp_tuple_port_cell(__u32 port)
{
	__u64 high = ((port + 64512) >> 16) << 10;

	// Added and not or'ed: Linux 6.1 knows nothing of what two unknown numbers are or'ed to.
	PP_TUPLE_OPAQUE(high);
	return (port & 1023) + high;
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

// A bucket's index comes from the bits above 32, the tag from the last eight.
static __always_inline __u64 pp_tuple_bucket_of(__u64 hash, __u32 bucket_mask)
{
	return hash >> 32 & bucket_mask;
}

// @return  A byte, not 0.
static __always_inline __u64 pp_tuple_tag_of(__u64 hash)
{
	__u64 tag = hash >> 56;

	PP_TUPLE_OPAQUE(tag);
	return tag | (tag - 1) >> 63;
}

// Where a prefix of an address has its word, at one of the levels.
static __always_inline __u64 pp_tuple_cell_of(const struct pp_tuple_numbers *numbers,
					      __u32 level,
					      __u32 cell_shift,
					      __u64 addr)
{
	return ((addr & numbers->level_mask[level]) * numbers->level_mul[level]) >> cell_shift;
}

static __always_inline __u64 pp_tuple_word_at(const __u64 *words, __u64 at)
{
	PP_TUPLE_READ(words + at);
	return words[at];
}

// Which tables can hold a match. A packet without ports has 0 for both, and rules for which that
// makes no difference have their bit there too. Fields that tell nothing are left out: the config is
// constant, and so is the program that the verifier leaves.
static __always_inline __u64 pp_tuple_candidates(const void *body,
						 const struct pp_tuple_part *part,
						 const struct pp_tuple_key *key,
						 int ip6)
{
	const struct pp_tuple_head *head = body;
	const struct pp_tuple_fields *fields = &head->fields[ip6];
	const struct pp_tuple_cell *cells = body + part->cell_at;
	const __u64 *words = body + part->word_at;
	__u64 tables = ~0ull;

	PP_TUPLE_OPAQUE(fields);
	PP_TUPLE_OPAQUE(cells);
	PP_TUPLE_OPAQUE(words);
	for (__u32 level = 0; level < PP_TUPLE_LEVELS; level++) {
		__u64 addr = key->addr[ip6 && level >= 2 ? 2 : 0];
		const struct pp_tuple_cell *cell = cells;

		if (!(part->fields & PP_TUPLE_BY_LEVEL(level)))
			continue;
		cell += pp_tuple_cell_of(&head->numbers[ip6], level, part->cell_shift, addr);
		PP_TUPLE_READ(cell);
		tables &= pp_tuple_word_at(words, cell->level[level] & part->word_mask);
	}
	if (part->fields & PP_TUPLE_BY_PROTO)
		tables &= pp_tuple_word_at(fields->proto, key->word >> PP_KEY_PROTO_SHIFT & 0xff);
	if (part->fields & PP_TUPLE_BY_DPORT)
		tables &= pp_tuple_word_at(
			fields->dport,
			pp_tuple_port_cell(key->word >> PP_KEY_DPORT_SHIFT & 0xffff));
	if (part->fields & PP_TUPLE_BY_SPORT)
		tables &= pp_tuple_word_at(fields->sport,
					   pp_tuple_port_cell(key->word >> PP_KEY_SPORT_SHIFT));
	return tables;
}

// The same, for bits that pp_tuple_chain() finds: place of the rule in its bucket.
static const __u8 pp_tuple_place[64] = {
	0, 8, 6, 0, 15, 14, 0, 0, 0, 0, 0, 0, 0,  0, 10, 0,  0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 12, 0,  3, 0, 0, 0, 0, 0, 7,  0, 0,	 13, 0, 2, 0, 0, 0, 0,
	0, 4, 0, 0, 0,	0,  5, 0, 0, 0, 0, 0, 11, 0, 0,	 9,  0, 1, 0, 0,
};

// The highest bit of each byte that is 0; of bytes above the lowest such, some may be wrong.
static __always_inline __u64 pp_tuple_zeros(__u64 bytes)
{
	return (bytes - 0x0101010101010101ull) & ~bytes & 0x8080808080808080ull;
}

// What begins the chain in a place of a bucket.
static __always_inline __u32 pp_tuple_bucket_rule(const struct pp_tuple_bucket *bucket, __u64 at)
{
	return bucket->rule_low[at] + ((__u32)bucket->rule_high[at] << 16);
}

// Index of the rule that begins the chain of a tag, from 1; 0: there is none. The lowest byte that is
// found to be the tag is the tag, the others need not be.
static __always_inline __u32 pp_tuple_chain(const struct pp_tuple_bucket *bucket, __u64 tag)
{
	__u64 tags = tag * 0x0101010101010101ull;
	// Bits 0, 8, ... are of the first eight, bits 1, 9, ... of the others.
	__u64 found = pp_tuple_zeros(bucket->tags[0] ^ tags) >> 7 |
		      pp_tuple_zeros(bucket->tags[1] ^ tags) >> 6;
	__u64 at;

	if (found == 0)
		return 0;
	at = pp_tuple_place[((found & -found) * PP_TUPLE_DE_BRUIJN) >> 58];
	return pp_tuple_bucket_rule(bucket, at & (PP_TUPLE_BUCKET_RULES - 1));
}

static __always_inline __u64 pp_tuple_miss4(const struct pp_tuple_rule4 *rule,
					    const struct pp_tuple_key *key)
{
	__u64 differs = key->addr[0] ^ rule->addr;

	return PP_TUPLE_SHIFTED(differs >> 32, rule->rule.next >> PP_TUPLE_LINK_BITS) |
	       PP_TUPLE_SHIFTED(differs & 0xffffffff, rule->rule.cond >> PP_TUPLE_LINK_BITS);
}

// A byte's shift; see struct pp_tuple_rule6. Bit 6 is 0, and an instruction shifts by six bits.
static __always_inline __u64 pp_tuple_shifted6(__u64 differs, __u32 shift)
{
	return PP_TUPLE_SHIFTED(PP_TUPLE_SHIFTED(differs, shift), shift >> 7);
}

static __always_inline __u64 pp_tuple_miss6(const struct pp_tuple_rule6 *rule,
					    const struct pp_tuple_key *key)
{
	return pp_tuple_shifted6(key->addr[0] ^ rule->addr[0],
				 rule->rule.next >> PP_TUPLE_LINK_BITS) |
	       pp_tuple_shifted6(key->addr[2] ^ rule->addr[1],
				 rule->rule.cond >> PP_TUPLE_LINK_BITS);
}

static __always_inline __u64 pp_tuple_miss_rest6(const struct pp_tuple_rest6 *rest,
						 const struct pp_tuple_key *key)
{
	return pp_tuple_shifted6(key->addr[1] ^ rest->addr[0], rest->shift[0]) |
	       pp_tuple_shifted6(key->addr[3] ^ rest->addr[1], rest->shift[1]);
}

// Not 0: some port lies outside.
static __always_inline __u64 pp_tuple_miss_ports(__u64 ports, const struct pp_tuple_key *key)
{
	__u64 first = key->ports[0] - (ports & PP_TUPLE_PORT_LANES);
	__u64 last = key->ports[1] - (ports >> 16 & PP_TUPLE_PORT_LANES);

	return ~(first & last) & PP_TUPLE_PORT_GUARDS;
}

static __always_inline __u64 pp_tuple_miss_cond(const struct pp_tuple_cond *cond,
						const struct pp_tuple_key *key)
{
	return ((cond->word ^ key->word) & cond->word >> 32) | (cond->sets & key->not_sets);
}

// Where a search reads, and what it found.
struct pp_tuple_search {
	const void *buckets;
	const void *rules;
	const void *conds;
	__u32 best;
	__u32 slot;
};

// @param at  Below the number of units.
// @return    0: the rule matches, but for its rank.
static __always_inline __u64 pp_tuple_check(const struct pp_tuple_search *search,
					    __u32 cond_mask,
					    const struct pp_tuple_key *key,
					    int ip6,
					    __u64 at,
					    const struct pp_tuple_rule **out)
{
	__u64 line = at >> 1, half = (at & 1) * PP_TUPLE_UNIT_BYTES, miss, ports, is_long;
	const struct pp_tuple_cond *cond;
	const struct pp_tuple_rule *rule;
	const struct pp_tuple_rest6 *rest;

	PP_TUPLE_CHECKED();
	if (!ip6) {
		rule = *out = search->rules + at * PP_TUPLE_UNIT_BYTES;
		cond = search->conds + (rule->cond & cond_mask);
		PP_TUPLE_READ(rule);
		PP_TUPLE_READ(cond);
		miss = pp_tuple_miss4((const void *)rule, key);
		ports = ((const struct pp_tuple_rule4 *)rule)->ports;
		return miss | pp_tuple_miss_ports(ports, key) | pp_tuple_miss_cond(cond, key);
	}
	PP_TUPLE_OPAQUE(line); // or the compiler masks what the verifier has to know the bounds of
	rule = *out = search->rules + line * (2 * PP_TUPLE_UNIT_BYTES) + half;
	rest = search->rules + line * (2 * PP_TUPLE_UNIT_BYTES) + (half ^ PP_TUPLE_UNIT_BYTES);
	is_long = -(__u64)(rule->cond & PP_TUPLE_LONG);
	cond = search->conds + (rule->cond & cond_mask);
	PP_TUPLE_READ(rule);
	PP_TUPLE_READ(cond);
	miss = pp_tuple_miss6((const void *)rule, key) | (pp_tuple_miss_rest6(rest, key) & is_long);
	ports = cond->ports | (rest->ports & is_long);
	return miss | pp_tuple_miss_ports(ports, key) | pp_tuple_miss_cond(cond, key);
}

// The best rule of a chain takes the place of what was found, if it is better.
//
// @param at      The first one's unit; there may be none.
// @param behind  IPv4: the tag's bit of the rules behind a rule.
static __always_inline void pp_tuple_walk(struct pp_tuple_search *search,
					  const struct pp_tuple_config *config,
					  const struct pp_tuple_key *key,
					  int ip6,
					  __u64 at,
					  __u64 behind)
{
	for (int i = 0; i < PP_TUPLE_STEPS; i++) {
		const struct pp_tuple_rule *rule;
		__u64 miss;

		PP_TUPLE_OPAQUE(at);
		if (at >= config->part[ip6].rule_units)
			return;
		miss = pp_tuple_check(search, config->cond_mask, key, ip6, at, &rule);
		miss |= (__u64) ~((__s64)rule->rank - search->best) >> 63;
		PP_TUPLE_OPAQUE(miss);
		if (miss == 0) {
			search->best = rule->rank;
			search->slot = rule->slot & (ip6 ? ~0u : PP_TUPLE_SLOT_MASK);
			return;
		}
		at = (__u32)((rule->next & ((1u << PP_TUPLE_LINK_BITS) - 1)) - 1);
		if (!ip6) {
			__u64 ends = ((rule->slot & behind) - 1) >> 63;

			PP_TUPLE_OPAQUE(ends);
			at |= -ends;
		}
	}
}

// The unit in which a hash's chain begins.
static __always_inline __u64 pp_tuple_home(const struct pp_tuple_search *search,
					   const struct pp_tuple_part *part,
					   int ip6,
					   __u64 hash)
{
	__u64 at = pp_tuple_bucket_of(hash, part->bucket_mask);
	const struct pp_tuple_bucket *bucket = search->buckets;
	const struct pp_tuple_rule4 *line = search->rules;
	__u32 split;

	if (ip6) {
		PP_TUPLE_READ(bucket + at);
		return (__u32)(pp_tuple_chain(bucket + at, pp_tuple_tag_of(hash)) - 1);
	}
	split = line[2 * at].rule.cond & PP_TUPLE_SPLIT_LAST;
	return 2 * at + (hash >> PP_TUPLE_TAG_SHIFT >> split & 1);
}

// See struct pp_tuple_rule4.
static __always_inline __u64 pp_tuple_behind(__u64 hash)
{
	return 1ull << PP_TUPLE_SLOT_BITS << (hash >> PP_TUPLE_TAG_SHIFT & 7);
}

// The slot of the best rule of one family.
static __always_inline __u32 pp_tuple_family_match(const void *body,
						   const struct pp_tuple_config *config,
						   const struct pp_tuple_key *key,
						   int ip6)
{
	const struct pp_tuple_head *head = body;
	const struct pp_tuple_part *part = &config->part[ip6];
	__u64 tables = pp_tuple_candidates(body, part, key, ip6);
	struct pp_tuple_search search = {
		.buckets = body + part->bucket_at,
		.rules = body + part->rule_at,
		.conds = body + config->cond_at,
		.best = 0x80000000u, // behind the last rank
		.slot = PP_SLOT_DEFAULT,
	};

	PP_TUPLE_OPAQUE(search.buckets);
	PP_TUPLE_OPAQUE(search.rules);
	PP_TUPLE_OPAQUE(search.conds);
	for (int i = 0; i < PP_TUPLE_TABLES && tables != 0; i++) {
		__u32 lowest = pp_tuple_lowest(tables) & (PP_TUPLE_BITS - 1);
		const struct pp_tuple_table *table =
			ip6 ? &head->table6[lowest].table : &head->table4[lowest].table;
		__u64 hash;
		__s64 behind = (__s64)table->best_rank - search.best;

		PP_TUPLE_READ(table);
		PP_TUPLE_OPAQUE(behind);
		if (behind >= 0)
			break;
		tables &= tables - 1;
		PP_TUPLE_PROBED();
		hash = ip6 ? pp_tuple_hash6((const void *)table, head->numbers[ip6].mul, key)
			   : pp_tuple_hash4((const void *)table, head->numbers[ip6].mul, key);
		pp_tuple_walk(&search, config, key, ip6, pp_tuple_home(&search, part, ip6, hash),
			      pp_tuple_behind(hash));
	}
	return search.slot;
}

// The slot of the first rule that matches.
//
// @param body    The engine's part of the image.
// @param config  Of the body; constants to the verifier, and none to the compiler: the pointer has to
//                go through asm volatile("" : "+r"(config)), or it takes a frozen zero for granted.
// @param sets    Those that hold the packet's addresses: of the source in the low half, of the
//                destination in the high one. Not a number that the verifier knows.
// @return        PP_SLOT_DEFAULT: no rule matches.
static __always_inline __u32 pp_tuple_match(const void *body,
					    const struct pp_tuple_config *config,
					    const struct pp_key *packet,
					    __u64 sets)
{
	const struct pp_tuple_head *head = body;
	// What the parser knows of the word differs from one kind of packet to the next, and the
	// verifier would walk the search for each kind: it is made to forget.
	struct pp_tuple_key key = {.word = packet->word ^ head->numbers[0].zero, .not_sets = ~sets};

	key.ports[0] =
		(key.word >> PP_KEY_SPORT_SHIFT | (key.word >> PP_KEY_DPORT_SHIFT & 0xffff) << 32) +
		PP_TUPLE_PORT_GUARDS;
	key.ports[1] = key.ports[0] ^ PP_TUPLE_PORT_LANES;
	switch ((__u8)packet->word) {
	case PP_FAMILY_IP4:
		key.addr[0] = packet->addr[0];
		return pp_tuple_family_match(body, config, &key, PP_TUPLE_IP4);
	case PP_FAMILY_IP6:
		for (int i = 0; i < 4; i++)
			key.addr[i] = bpf_be64_to_cpu(packet->addr[i]);
		return pp_tuple_family_match(body, config, &key, PP_TUPLE_IP6);
	default:
		return head->other[packet->word >> PP_KEY_IFACE_SHIFT & 0xff];
	}
}
