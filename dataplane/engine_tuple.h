// SPDX-License-Identifier: MIT OR Apache-2.0
// Inside of engine `tuple`: what its files share. bpf/abi_tuple.h says what the body is,
// bpf/tuple.bpf.h how it is read.
//
// A rule is taken apart by family; in a family it is one box of the space of keys, or several if it
// had to be split. Each box is one entry: a rule of the body, in one table, in one chain.
//
// Threads    control thread.
// Cost       control path.
// Ownership  a state owns its families; a family borrows the body it works in.
#pragma once

#include <stdbool.h>

#include <push-packet/abi_tuple.h>
#include <push-packet/engine.h>

// Tables that the plan leaves to rules that come later.
#define PP_TUPLE_SPARE_TABLES (PP_TUPLE_TABLES / 8)
#define PP_TUPLE_TABLES_PLANNED (PP_TUPLE_TABLES - PP_TUPLE_SPARE_TABLES)
// Up to here rules share a key gladly.
#define PP_TUPLE_SHARE ((PP_TUPLE_STEPS + 1) / 2)
#define PP_TUPLE_NONE 0xffffffffu
// Rules for each bucket at most, on average: of sixteen places.
#define PP_TUPLE_BUCKET_FILL 8u

// Part of a rule, in one family.
struct pp_tuple_box {
	uint64_t addr[4]; // as struct pp_tuple_rule4 or pp_tuple_rule6
	uint64_t sets;
	uint32_t value; // as struct pp_tuple_cond.word
	uint32_t mask;
	uint32_t rank;
	uint32_t slot;
	uint32_t rule_id;
	uint16_t sport_lo;
	uint16_t sport_hi;
	uint16_t dport_lo;
	uint16_t dport_hi;
	uint8_t src_bits;
	uint8_t dst_bits;
};

// What a table hashes: bits of prefixes, and whole fields. A box fits in if it has one value there.
struct pp_tuple_mask {
	uint8_t src;
	uint8_t dst;
	uint8_t sport; // 0 to 16
	uint8_t dport;
	uint8_t proto; // 0, 1
	uint8_t iface;
};

// Fields of which every cell has the table's bit, so that nothing is left to set: PP_TUPLE_BY_LEVEL,
// PP_TUPLE_BY_PROTO and these. Twice: the low half of the cells and the high one.
#define PP_TUPLE_FULL_SPORT (1u << 8)
#define PP_TUPLE_FULL_DPORT (1u << 10)

// A unit of the body in which a rule begins, or free ones.
struct pp_tuple_entry {
	union {
		uint32_t bucket; // IPv4: line
		uint32_t before; // free: the one before in the list; PP_TUPLE_NONE
	};
	uint32_t sibling; // next entry of the same rule, or the next free one; PP_TUPLE_NONE
	uint8_t tag;
	uint8_t table;
	uint8_t units; // of the rule; 0: none begins here
	uint8_t free_units; // that begin here
};

// Why a box found no place.
enum pp_tuple_lack {
	PP_TUPLE_LACK_NOTHING,
	PP_TUPLE_LACK_ENTRIES, // more room for rules helps
	PP_TUPLE_LACK_CONDS,
	PP_TUPLE_LACK_MEMORY,
	PP_TUPLE_LACK_TABLES, // none is left, and in all it fits in the chain is full
};

struct pp_tuple_state;

struct pp_tuple_table_state {
	struct pp_tuple_mask mask;
	uint32_t entries;
	uint32_t full;
};

struct pp_tuple_family {
	struct pp_tuple_state *state;
	int ip6;
	enum pp_tuple_lack lack;
	bool filters; // false while compiling: first all rules get their places
	uint32_t table_count;
	struct pp_tuple_table_state table[PP_TUPLE_BITS];
	uint8_t order[PP_TUPLE_BITS]; // tables, most specific first
	struct pp_tuple_entry *entry; // by unit of the body
	uint32_t entry_end; // so many were ever used; IPv4's homes always count
	uint32_t free[2]; // lists: of one unit, and for IPv6 of two
	uint32_t units; // in use; IPv4: behind the homes
	uint32_t entries;
	uint32_t stale; // deletions that left bits behind, and cells that got no word of their own
	uint32_t slots; // that the next two have room for
	uint32_t *first; // by slot: 1 + first entry of a rule
	uint8_t *shadow; // by slot: PP_TUPLE_HIDES, PP_TUPLE_HIDDEN
	uint32_t chains[PP_TUPLE_STEPS + 1]; // by length
	uint64_t *loose; // words of cells by level, while they are made; else NULL
	uint32_t *word_index; // hash table: 1 + index; twice as many as there can be
	uint32_t word_end;
};
#define PP_TUPLE_HIDES 1u // boxes were left out because of this rule
#define PP_TUPLE_HIDDEN 2u // some boxes of this rule were left out

// Rules for frames that are neither IPv4 nor IPv6: rank << 32 | slot, ascending.
struct pp_tuple_other {
	uint64_t *rule;
	uint32_t count;
	uint32_t room;
};
// What a key can name: interfaces, then those for what they send. The last lists are of rules for any
// interface, one for each direction.
#define PP_TUPLE_IFACES 256u

struct pp_tuple_state {
	struct pp_tuple_config config;
	struct pp_engine_shape shape;
	struct pp_tuple_family family[PP_TUPLE_FAMILIES];
	uint64_t random;
	uint8_t *body; // borrowed during a call; owned from compile() to the first change()
	bool owns_body;
	const struct pp_engine_touch *touch; // NULL while compiling
	uint32_t cond_end;
	uint32_t *cond_index; // hash table: 1 + index; twice as many as there can be
	struct pp_tuple_other other[PP_TUPLE_IFACES + PP_DIRECTIONS];
};

extern const struct pp_engine_ops pp_engine_tuple;

// Not 0: what seeds every compile(), in place of the kernel's random numbers. For tests.
extern uint64_t pp_tuple_fixed_seed;

uint64_t pp_tuple_random(struct pp_tuple_state *state);
void pp_tuple_touched(const struct pp_tuple_state *state, const void *at, uint64_t bytes);

// engine_tuple_build.c: a state with all rules placed.
//
// @return  As compile().
int pp_tuple_build(struct pp_tuple_state **out,
		   const struct pp_engine_rule *rule,
		   uint32_t count,
		   const struct pp_engine_shape *shape,
		   uint32_t *rule_id,
		   struct pp_error *err);
void pp_tuple_state_destroy(struct pp_tuple_state *state);

// engine_tuple_error.c: what to say of a rule that found no place.
//
// @return  -E2BIG.
int pp_tuple_refuse(const struct pp_tuple_box *box,
		    uint32_t count,
		    uint32_t refused,
		    int ip6,
		    struct pp_error *err);

// engine_tuple_box.c: rules as boxes.
bool pp_tuple_box_of(struct pp_tuple_box *box, const struct pp_engine_rule *rule, int ip6);
struct pp_tuple_mask pp_tuple_box_mask(const struct pp_tuple_box *box);
bool pp_tuple_mask_fits(const struct pp_tuple_mask *mask, const struct pp_tuple_mask *of);
// A table's masks of the key.
void pp_tuple_mask_write(const struct pp_tuple_mask *mask,
			 int ip6,
			 uint64_t addr[4],
			 uint64_t *word);
// The word of a key in the box, with one of its values in each field.
uint64_t pp_tuple_box_word(const struct pp_tuple_box *box, int ip6);
// Whether all that matches one box matches the other.
bool pp_tuple_covers(const struct pp_tuple_box *of, const struct pp_tuple_box *box, int ip6);
uint32_t pp_tuple_range_bits(uint16_t lo, uint16_t hi);

// engine_tuple_plan.c: which masks.
//
// @return  Masks, PP_TUPLE_TABLES_PLANNED at most, in the order of their first rules; -ENOMEM.
int pp_tuple_plan(struct pp_tuple_mask mask[PP_TUPLE_TABLES_PLANNED],
		  const struct pp_tuple_box *box,
		  uint32_t count,
		  int ip6,
		  uint64_t seed);

// engine_tuple_layout.c: where things are in the body.
static inline struct pp_tuple_head *pp_tuple_head(const struct pp_tuple_state *state)
{
	return (struct pp_tuple_head *)state->body;
}
static inline struct pp_tuple_fields *pp_tuple_fields(const struct pp_tuple_family *family)
{
	return &pp_tuple_head(family->state)->fields[family->ip6];
}
static inline struct pp_tuple_numbers *pp_tuple_numbers(const struct pp_tuple_family *family)
{
	return &pp_tuple_head(family->state)->numbers[family->ip6];
}
static inline const struct pp_tuple_part *pp_tuple_part(const struct pp_tuple_family *family)
{
	return &family->state->config.part[family->ip6];
}
// Units of IPv4 in which chains begin: the first ones.
static inline uint32_t pp_tuple_homes(const struct pp_tuple_config *config)
{
	return 2 * (config->part[PP_TUPLE_IP4].bucket_mask + 1);
}
struct pp_tuple_table *pp_tuple_table(const struct pp_tuple_family *family, uint32_t table);
struct pp_tuple_bucket *pp_tuple_bucket(const struct pp_tuple_family *family, uint32_t bucket);
// @param index  Its first unit.
struct pp_tuple_rule *pp_tuple_rule(const struct pp_tuple_family *family, uint32_t index);
struct pp_tuple_cell *pp_tuple_cells(const struct pp_tuple_family *family);
__u64 *pp_tuple_words(const struct pp_tuple_family *family);
struct pp_tuple_cond *pp_tuple_cond(const struct pp_tuple_state *state, uint32_t index);
uint32_t pp_tuple_cond_count(const struct pp_tuple_config *config);
// What a set of rules needs at least, and what it is given.
struct pp_tuple_need {
	uint32_t rules[PP_TUPLE_FAMILIES];
	// IPv6: as many as rules, and twice as many at most. IPv4: those behind the homes, at least.
	uint32_t units[PP_TUPLE_FAMILIES];
	uint32_t conds;
};
void pp_tuple_layout(struct pp_engine_shape *shape, const struct pp_tuple_need *need);
bool pp_tuple_layout_holds(const struct pp_engine_shape *shape, const struct pp_tuple_need *need);

// engine_tuple_filter.c: the bits.
void pp_tuple_filter_add(struct pp_tuple_family *family, uint32_t index);
// The same, but for levels.
void pp_tuple_filter_add_fields(struct pp_tuple_family *family, uint32_t index);
// Choose the lengths of prefix, then set the bits of all entries.
//
// @return  0; -ENOMEM.
int pp_tuple_levels_choose(struct pp_tuple_family *family);
void pp_tuple_level_add(struct pp_tuple_family *family, uint32_t index);
void pp_tuple_filter_set(struct pp_tuple_family *family,
			 __u64 *cell,
			 uint32_t count,
			 uint32_t table);
// Fields that tell some table from others.
uint32_t pp_tuple_filter_fields(const struct pp_tuple_family *family);

// engine_tuple_word.c: words of tables that cells share.
void pp_tuple_words_clear(struct pp_tuple_family *family);
// @return  Index of the word; if there is no room, of one that has more bits.
uint16_t pp_tuple_word_get(struct pp_tuple_family *family, uint64_t word);

// engine_tuple_table.c: tables.
// Order the tables by their best rules, which is the order in which they are looked at.
void pp_tuple_tables_sort(struct pp_tuple_family *family);
// A table has a rule of this rank now.
void pp_tuple_table_rank(struct pp_tuple_family *family, uint32_t table, uint32_t rank);
int pp_tuple_table_new(struct pp_tuple_family *family, const struct pp_tuple_mask *mask);

// engine_tuple_place.c: boxes in tables.
//
// @return  false: family->lack says why not.
bool pp_tuple_place(struct pp_tuple_family *family, const struct pp_tuple_box *box);
void pp_tuple_unplace(struct pp_tuple_family *family, uint32_t slot);

// engine_tuple_chain.c: entries in chains.
bool pp_tuple_chain_add(struct pp_tuple_family *family,
			uint32_t table,
			const struct pp_tuple_box *box,
			uint32_t length_max);
void pp_tuple_chain_remove(struct pp_tuple_family *family, uint32_t index);
// Slot of a rule before the box that covers it; PP_SLOT_DEFAULT: none was found.
uint32_t pp_tuple_covered(const struct pp_tuple_family *family, const struct pp_tuple_box *box);

// engine_tuple_line.c: entries of IPv4 in lines.
//
// @param entry  In which line, under which tag, of which table.
// @return       Its index; PP_TUPLE_NONE: as pp_tuple_chain_add().
uint32_t pp_tuple_line_add(struct pp_tuple_family *family,
			   const struct pp_tuple_entry *entry,
			   const struct pp_tuple_box *box,
			   uint32_t length_max);
void pp_tuple_line_remove(struct pp_tuple_family *family, uint32_t index);
// No rule is there.
void pp_tuple_line_clear(struct pp_tuple_family *family, uint32_t at);
// @return  To the first rule of a tag's chain; 0: there is none.
uint32_t pp_tuple_line_link(const struct pp_tuple_family *family, uint32_t at, uint8_t tag);

// engine_tuple_rule.c: boxes as rules of the body.
//
// @return  What a box takes when there is a condition for its ports.
uint32_t pp_tuple_box_units(const struct pp_tuple_box *box, int ip6);
// @return  Ports of its condition, for boxes of IPv6 that fit in one unit.
uint64_t pp_tuple_box_cond_ports(const struct pp_tuple_box *box, int ip6);
// @param units  Set: what the box takes with this condition.
// @return       Index of a condition; -ENOSPC.
int pp_tuple_rule_cond_get(struct pp_tuple_state *state,
			   const struct pp_tuple_box *box,
			   int ip6,
			   uint32_t *units);
struct pp_tuple_rule4 pp_tuple_rule_make4(const struct pp_tuple_box *box, uint32_t cond);
// @param index  Of an entry that has its units.
void pp_tuple_rule_write6(const struct pp_tuple_family *family,
			  uint32_t index,
			  const struct pp_tuple_box *box,
			  uint32_t cond);
// @return  All but the rule's id.
struct pp_tuple_box pp_tuple_rule_read(const struct pp_tuple_family *family, uint32_t index);

// engine_tuple_room.c: units for rules. The entry says how many it has, when they are given back.
bool pp_tuple_room_take(struct pp_tuple_family *family, uint32_t units, uint32_t *index);
void pp_tuple_room_give(struct pp_tuple_family *family, uint32_t index);

// engine_tuple_cond.c: conditions that rules share.
//
// @return  Index; -ENOSPC.
int pp_tuple_cond_get(struct pp_tuple_state *state, const struct pp_tuple_cond *want);
// How many conditions with ports the boxes want; PP_TUPLE_PORT_CONDS: that or more.
uint32_t pp_tuple_cond_with_ports(const struct pp_tuple_box *box, uint32_t count, int ip6);

// engine_tuple_other.c: frames that are neither IPv4 nor IPv6.
//
// @return  0; -ENOMEM.
int pp_tuple_other_add(struct pp_tuple_state *state, const struct pp_engine_rule *rule);
void pp_tuple_other_remove(struct pp_tuple_state *state, const struct pp_engine_rule *rule);
