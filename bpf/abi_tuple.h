/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The image of engine `tuple`, across the kernel/user line; abi.h has the rest.
#ifndef PP_ABI_TUPLE_H
#define PP_ABI_TUPLE_H

#include "abi.h"

// Engine `tuple`: hash tables of rules, one for each of at most PP_TUPLE_TABLES masks of the key.
//
// A table's key is the packet's key under its mask. All tables of a family share one array, in which a
// key's hash leads to a chain of rules by rank. What is looked for in a chain is a rule that matches,
// whatever table or key it was put there for, so that a false one costs time and nothing else. For
// IPv4 the hash leads to a cache line of rules, which holds the first one of each of its two chains;
// for IPv6, whose rules are larger, to a bucket, which has one entry for each tag. Before anything is
// hashed, words with a bit for each table say which tables can hold a match: one word by protocol, one by
// each port, two by each address, at two lengths of prefix. A bit too many costs a probe; one too few
// would be wrong.
//
// The body begins with struct pp_tuple_head. What else there is lies where the config says, which
// is a constant of the program: it keeps every index in bounds, so the body need not be trusted.
#ifndef PP_TUPLE_TABLES
#define PP_TUPLE_TABLES 64 // of a family
#endif
#ifndef PP_TUPLE_STEPS
#define PP_TUPLE_STEPS 8 // rules in a chain
#endif
#define PP_TUPLE_BITS 64 // in a word of tables
#define PP_TUPLE_LEVELS 4 // source at two lengths, destination at two
#define PP_TUPLE_PORT_CELLS 2048 // ports below 1,024, then all others by their low ten bits
#define PP_TUPLE_BUCKET_RULES 16
#define PP_TUPLE_MULS 6
#ifndef PP_TUPLE_PORT_CONDS
#define PP_TUPLE_PORT_CONDS 1024u // conditions with ports are made up to here
#endif

enum pp_tuple_part_index {
	PP_TUPLE_IP4,
	PP_TUPLE_IP6,
	PP_TUPLE_FAMILIES,
};

// Where a family's parts are, as offsets into the body.
struct pp_tuple_part {
	__u32 cell_at;
	__u32 cell_shift; // 64 - log2 of the cells
	__u32 bucket_at; // IPv6
	__u32 bucket_mask; // buckets, or lines of IPv4 in which chains begin, - 1
	__u32 rule_at;
	__u32 rule_units; // of PP_TUPLE_UNIT_BYTES; even for IPv6
	__u32 fields; // PP_TUPLE_BY_*: those that tell tables apart
	__u32 word_at;
	__u32 word_mask; // words - 1
	__u32 pad;
};
#define PP_TUPLE_BY_LEVEL(level) (1u << (level))
#define PP_TUPLE_BY_PROTO (1u << 4)
#define PP_TUPLE_BY_SPORT (1u << 5)
#define PP_TUPLE_BY_DPORT (1u << 6)
#define PP_TUPLE_BY_ALL 0x7fu

struct pp_tuple_config {
	struct pp_tuple_part part[PP_TUPLE_FAMILIES];
	__u32 cond_at;
	__u32 cond_mask; // of offsets: 32 times a power of two, less 32
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_config) <= 128, "it is a shape's config");

// Begins the tables and the rules of both families.
struct pp_tuple_table {
	__u64 word_mask; // of pp_key.word
	__u64 seed;
	__u32 best_rank; // no rule here or in a table behind has a lower one; ~0: there is none
	__u32 pad;
};

struct pp_tuple_rule {
	__u32 rank; // PP_TUPLE_RANK_NONE: there is no rule
	__u32 next; // unit of the next in the chain, from 1; 0: none. The upper 8 bits: source shift
	__u32 cond; // offset of it, and below it PP_TUPLE_LONG or a split. The upper 8 bits: destination shift
	__u32 slot; // IPv4: and what is behind
};
#define PP_TUPLE_RANK_NONE 0xffffffffu
#define PP_TUPLE_LINK_BITS 24
#define PP_TUPLE_LONG 1u
#define PP_TUPLE_UNIT_BYTES 32u

// Ports of a rule, 16 bits each from the lowest: first source port, 65535 less the last one, and the
// same for the destination. A packet's own four are looked up as two words, with a guard bit above
// each: what a rule wants is taken away from them, and a guard that goes was borrowed from.
#define PP_TUPLE_PORTS_ANY 0ull
#define PP_TUPLE_PORT_LANES 0x0000ffff0000ffffull
#define PP_TUPLE_PORT_GUARDS 0x0001000000010000ull

// addr is as in struct pp_key; IPv6 is in host order here.
struct pp_tuple_table4 {
	struct pp_tuple_table table;
	__u64 addr_mask;
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_table4) == 32, "two to a cache line");

struct pp_tuple_table6 {
	struct pp_tuple_table table;
	__u64 addr_mask[4];
	__u64 pad;
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_table6) == 64, "one cache line");

// The first lines are the chains'. Each is split by a bit of the tag, the hash's last byte: keys where
// it is 0 have their chain begin in the first half, the others in the second. Which bit that is stands
// in the first half's cond, whether there is a rule or not.
//
// Above its slot a rule has a bit for each value of the tag's low three bits that is among the rules
// behind it: most keys that are not there need not look at them.
#define PP_TUPLE_TAG_SHIFT 56
#define PP_TUPLE_SPLIT_FIRST 3u // the tag's bits that a line can be split by
#define PP_TUPLE_SPLIT_LAST 7u
#define PP_TUPLE_SLOT_BITS 24
#define PP_TUPLE_SLOT_MASK ((1u << PP_TUPLE_SLOT_BITS) - 1)
struct pp_tuple_rule4 {
	struct pp_tuple_rule rule; // shifts: 32 - length
	__u64 ports;
	__u64 addr;
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_rule4) == PP_TUPLE_UNIT_BYTES, "two to a cache line");

// All of a rule whose prefixes lie in the first halves of the addresses, and whose ports are those of
// its condition. Such a rule takes any unit.
//
// A difference in addr[i] counts when something is left of it after a shift by the low six bits of
// the shift, then by its highest one: one shift by 64 is no shift.
struct pp_tuple_rule6 {
	struct pp_tuple_rule rule;
	__u64 addr[2]; // first halves
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_rule6) == PP_TUPLE_UNIT_BYTES, "two to a cache line");

// The other unit of the cache line. It is read for every rule, and counts for those with
// PP_TUPLE_LONG, which begin a line; for others it is something else.
struct pp_tuple_rest6 {
	__u64 addr[2]; // second halves
	__u64 ports;
	__u8 shift[2];
	__u8 pad[6];
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_rest6) == PP_TUPLE_UNIT_BYTES, "fills the line");

// What else a rule asks for. Rules share these, there are few.
struct pp_tuple_cond {
	__u64 sets; // as struct pp_linear_ip4
	__u64 word; // low half: of pp_key.word, protocol, interface, PP_KEY_PORTS; high half: its mask
	__u64 ports; // for IPv6
	__u64 pad;
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_cond) == 32, "a mask finds one");
PP_STATIC_ASSERT(PP_TUPLE_SPLIT_LAST < sizeof(struct pp_tuple_cond), "the mask leaves it out");

// Of IPv6.
struct pp_tuple_bucket {
	__u64 tags[2]; // one byte for each chain; 0: none
	__u16 rule_low[PP_TUPLE_BUCKET_RULES]; // begins a chain, from 1: its low 16 bits
	__u8 rule_high[PP_TUPLE_BUCKET_RULES]; // and those above
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_bucket) == 64, "one cache line");

// By prefix of an address, all levels by the hash of theirs: index of a word of tables. There are few
// different ones, and what is small stays near.
struct pp_tuple_cell {
	__u16 level[PP_TUPLE_LEVELS];
};

// Words of tables by the rest of the key.
struct pp_tuple_fields {
	__u64 proto[256];
	__u64 dport[PP_TUPLE_PORT_CELLS];
	__u64 sport[PP_TUPLE_PORT_CELLS];
};

// Numbers that an attacker does not know, and the prefixes that cells go by: of the source at two
// lengths, of the destination at two; IPv6's first halves.
struct pp_tuple_numbers {
	__u64 mul[PP_TUPLE_MULS]; // odd
	__u64 level_mul[PP_TUPLE_LEVELS];
	__u64 level_mask[PP_TUPLE_LEVELS];
	__u64 zero; // which the verifier does not know to be 0
	__u64 pad;
};

// What every packet needs comes first: 32 KB are within an instruction's reach.
struct pp_tuple_head {
	struct pp_tuple_numbers numbers[PP_TUPLE_FAMILIES];
	struct pp_tuple_table4 table4[PP_TUPLE_BITS];
	struct pp_tuple_table6 table6[PP_TUPLE_BITS];
	__u32 other[256]; // by interface: slot for frames that are neither IPv4 nor IPv6
	struct pp_tuple_fields fields[PP_TUPLE_FAMILIES];
};
PP_STATIC_ASSERT(sizeof(struct pp_tuple_head) % 64 == 0, "whole cache lines");

#endif
