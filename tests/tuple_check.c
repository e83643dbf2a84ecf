// SPDX-License-Identifier: MIT OR Apache-2.0
#include "tuple_check.h"

#include <stdlib.h>
#include <string.h>

#include "engine_tuple.h"
#include "engine_tuple_lookup.h"

#define LINK_MASK ((1u << PP_TUPLE_LINK_BITS) - 1)

#define REQUIRE(holds)                                                                             \
	do {                                                                                       \
		if (!(holds))                                                                      \
			return #holds;                                                             \
	} while (0)

// One family, as the body has it.
struct seen {
	const struct pp_tuple_family *family;
	uint32_t entries;
	uint32_t chains[PP_TUPLE_STEPS + 1];
	uint32_t of_table[PP_TUPLE_BITS];
	uint8_t *reached; // by index of a rule
};

static uint8_t tag_at(const struct pp_tuple_bucket *bucket, uint32_t at)
{
	return (uint8_t)(bucket->tags[at / 8] >> 8 * (at % 8));
}

static uint32_t split_of(const struct pp_tuple_family *family, uint32_t line)
{
	return pp_tuple_rule(family, 2 * line)->cond & PP_TUPLE_SPLIT_LAST;
}

// A bit for each tag from here on.
static uint32_t tags_behind(const struct pp_tuple_family *family, uint32_t link)
{
	uint32_t bits = 0;

	for (; link != 0; link = pp_tuple_rule(family, link - 1)->next & LINK_MASK)
		bits |= 1u << (family->entry[link - 1].tag & 7);
	return bits;
}

static const char *check_chain(struct seen *seen, uint32_t bucket, uint8_t tag, uint32_t link)
{
	const struct pp_tuple_family *family = seen->family;
	uint32_t length = 0, rank = 0;

	REQUIRE(link != 0);
	for (; link != 0; length++) {
		const struct pp_tuple_rule *rule;
		const struct pp_tuple_entry *entry;

		REQUIRE(link <= pp_tuple_part(family)->rule_units);
		REQUIRE(length < PP_TUPLE_STEPS);
		rule = pp_tuple_rule(family, link - 1);
		entry = &family->entry[link - 1];
		REQUIRE(!seen->reached[link - 1]);
		seen->reached[link - 1] = 1;
		REQUIRE(entry->bucket == bucket);
		REQUIRE(family->ip6 ? entry->tag == tag
				    : ((entry->tag ^ tag) >> split_of(family, bucket) & 1) == 0);
		REQUIRE(family->ip6 || length == 0 ||
			link > pp_tuple_homes(&family->state->config));
		REQUIRE(rule->rank >= rank);
		rank = rule->rank;
		REQUIRE(pp_tuple_table(family, entry->table)->best_rank <= rule->rank);
		REQUIRE((rule->cond & LINK_MASK) <
			family->state->cond_end * sizeof(struct pp_tuple_cond));
		seen->of_table[entry->table]++;
		link = rule->next & LINK_MASK;
		if (!family->ip6)
			REQUIRE(rule->slot >> PP_TUPLE_SLOT_BITS == tags_behind(family, link));
	}
	seen->entries += length;
	seen->chains[length]++;
	return NULL;
}

static const char *check_bucket(struct seen *seen, uint32_t index)
{
	const struct pp_tuple_bucket *bucket = pp_tuple_bucket(seen->family, index);
	const char *wrong = NULL;

	for (uint32_t at = 0; wrong == NULL && at < PP_TUPLE_BUCKET_RULES; at++) {
		uint8_t tag = tag_at(bucket, at);

		if (tag == 0) {
			REQUIRE(bucket->rule_low[at] == 0 && bucket->rule_high[at] == 0);
			continue;
		}
		for (uint32_t other = 0; other < at; other++)
			REQUIRE(tag_at(bucket, other) != tag);
		wrong = check_chain(seen, index, tag,
				    bucket->rule_low[at] | (uint32_t)bucket->rule_high[at] << 16);
	}
	return wrong;
}

// Two rules of a line have a home each, unless no bit tells them apart.
static bool is_split(const struct pp_tuple_family *family, uint32_t home)
{
	uint32_t next = (pp_tuple_rule(family, home)->next & LINK_MASK) - 1;

	return next == PP_TUPLE_NONE || family->entry[home ^ 1].units > 0 ||
	       (pp_tuple_rule(family, next)->next & LINK_MASK) != 0 ||
	       (family->entry[home].tag ^ family->entry[next].tag) >> PP_TUPLE_SPLIT_FIRST == 0;
}

static const char *check_line(struct seen *seen, uint32_t index)
{
	const struct pp_tuple_family *family = seen->family;
	uint32_t split = split_of(family, index);
	const char *wrong = NULL;

	for (uint32_t side = 0; wrong == NULL && side < 2; side++) {
		const struct pp_tuple_rule *home = pp_tuple_rule(family, 2 * index + side);
		uint8_t tag = family->entry[2 * index + side].tag;

		if (home->rank == PP_TUPLE_RANK_NONE) {
			REQUIRE((home->next & LINK_MASK) == 0);
			continue;
		}
		REQUIRE((tag >> split & 1) == side);
		REQUIRE(is_split(family, 2 * index + side));
		wrong = check_chain(seen, index, tag, 2 * index + side + 1);
	}
	return wrong;
}

static bool
has_bit(const struct pp_tuple_family *family, uint32_t level, uint64_t addr, uint32_t table)
{
	uint32_t at = pp_tuple_lookup_cell(pp_tuple_numbers(family), level,
					   pp_tuple_part(family)->cell_shift, addr);

	return pp_tuple_words(family)[pp_tuple_cells(family)[at].level[level]] >> table & 1;
}

// Both ends of a range, and some ports between them.
static bool has_ports(const __u64 *cell, uint32_t lo, uint32_t hi, uint32_t table)
{
	for (uint32_t port = lo; port < hi; port += 1 + (hi - lo) / 64)
		if (!(cell[(port & 1023) + (port < 1024 ? 0 : 1024)] >> table & 1))
			return false;
	return cell[(hi & 1023) + (hi < 1024 ? 0 : 1024)] >> table & 1;
}

// Corners of the prefix; what lies between is left to lookups.
static const char *
check_bits(const struct pp_tuple_family *family, const struct pp_tuple_box *box, uint32_t table)
{
	const struct pp_tuple_fields *fields = pp_tuple_fields(family);
	uint32_t width = family->ip6 ? 64 : 32;

	for (uint32_t level = 0; level < PP_TUPLE_LEVELS; level++) {
		uint32_t bits = level < 2 ? box->src_bits : box->dst_bits;
		uint64_t addr = box->addr[family->ip6 && level >= 2 ? 2 : 0], rest = 0;
		uint64_t last;

		if (bits < width)
			rest = (width - bits == 64 ? 0 : 1ull << (width - bits)) - 1;
		last = addr | rest << (family->ip6 || level >= 2 ? 0 : 32);
		REQUIRE(has_bit(family, level, addr, table));
		REQUIRE(has_bit(family, level, last, table));
	}
	for (uint32_t proto = 0; proto < 256; proto += 17)
		if (!(box->mask & 0xff00))
			REQUIRE(fields->proto[proto] >> table & 1);
	REQUIRE(fields->proto[box->value >> PP_KEY_PROTO_SHIFT & 0xff] >> table & 1);
	if (!has_ports(fields->sport, box->sport_lo, box->sport_hi, table))
		return "every source port of a rule has its table's bit";
	if (!has_ports(fields->dport, box->dport_lo, box->dport_hi, table))
		return "every destination port of a rule has its table's bit";
	return NULL;
}

// One entry of a rule, under the key that a packet in it would have.
static const char *
check_entry(const struct seen *seen, uint32_t index, const struct pp_tuple_box *of)
{
	const struct pp_tuple_family *family = seen->family;
	const struct pp_tuple_entry *entry = &family->entry[index];
	const struct pp_tuple_box rule = pp_tuple_rule_read(family, index);
	struct pp_tuple_box box = *of;
	struct pp_tuple_mask mask;
	uint8_t tag;

	REQUIRE(seen->reached[index]);
	REQUIRE(rule.rank == box.rank && rule.slot == box.slot);
	REQUIRE(rule.sport_lo >= box.sport_lo && rule.sport_hi <= box.sport_hi);
	REQUIRE(rule.dport_lo >= box.dport_lo && rule.dport_hi <= box.dport_hi);
	box.sport_lo = rule.sport_lo;
	box.sport_hi = rule.sport_hi;
	box.dport_lo = rule.dport_lo;
	box.dport_hi = rule.dport_hi;
	REQUIRE(pp_tuple_covers(&rule, &box, family->ip6));
	mask = pp_tuple_box_mask(&box);
	REQUIRE(pp_tuple_mask_fits(&family->table[entry->table].mask, &mask));
	REQUIRE(pp_tuple_lookup_bucket(pp_tuple_head(family->state), family->ip6, entry->table,
				       pp_tuple_part(family)->bucket_mask,
				       pp_tuple_box_word(&box, family->ip6), box.addr,
				       &tag) == entry->bucket);
	REQUIRE(tag == entry->tag);
	return check_bits(family, &box, entry->table);
}

// Every unit belongs to one rule or is in a list of free ones.
static const char *check_units(const struct seen *seen)
{
	const struct pp_tuple_family *family = seen->family;
	uint32_t used = 0, free_units = 0, homes = 0;

	if (!family->ip6)
		homes = pp_tuple_homes(&family->state->config);
	REQUIRE(family->entry_end <= pp_tuple_part(family)->rule_units);
	for (uint32_t i = 0; i < family->entry_end; i++) {
		const struct pp_tuple_entry *entry = &family->entry[i];
		bool is_long = family->ip6 && entry->units > 0 &&
			       (pp_tuple_rule(family, i)->cond & PP_TUPLE_LONG) != 0;

		REQUIRE((entry->units > 0) == (seen->reached[i] == 1));
		REQUIRE(entry->units == 0 || entry->free_units == 0);
		REQUIRE(entry->units <= 1 || (family->ip6 && is_long));
		REQUIRE(is_long == (entry->units == 2));
		if (entry->units + entry->free_units == 2) {
			REQUIRE(i % 2 == 0);
			REQUIRE(entry[1].units == 0 && entry[1].free_units == 0);
		}
		REQUIRE(i >= homes || entry->free_units == 0);
		used += i >= homes ? entry->units : 0;
		free_units += entry->free_units;
	}
	REQUIRE(used == family->units && used + free_units + homes == family->entry_end);
	for (uint32_t units = 1; units <= 2; units++)
		for (uint32_t i = family->free[units - 1]; i != PP_TUPLE_NONE;
		     i = family->entry[i].sibling) {
			REQUIRE(family->entry[i].free_units == units && free_units >= units);
			free_units -= units;
		}
	REQUIRE(free_units == 0);
	return NULL;
}

static const char *
check_rules(const struct seen *seen, const struct pp_engine_rule *rule, uint32_t count)
{
	const struct pp_tuple_family *family = seen->family;
	const char *wrong = check_units(seen);
	uint32_t found = 0;

	for (uint32_t i = 0; wrong == NULL && i < count; i++) {
		uint32_t slot = rule[i].slot, index = PP_TUPLE_NONE;
		struct pp_tuple_box box;

		if (slot < family->slots)
			index = family->first[slot] - 1;

		if (!pp_tuple_box_of(&box, &rule[i], family->ip6)) {
			REQUIRE(index == PP_TUPLE_NONE);
			continue;
		}
		REQUIRE(index != PP_TUPLE_NONE || (family->shadow[slot] & PP_TUPLE_HIDDEN) != 0);
		for (; wrong == NULL && index != PP_TUPLE_NONE;
		     index = family->entry[index].sibling, found++)
			wrong = check_entry(seen, index, &box);
	}
	if (wrong == NULL)
		REQUIRE(found == family->entries);
	return wrong;
}

static const char *
check_family(struct seen *seen, const struct pp_engine_rule *rule, uint32_t count)
{
	const struct pp_tuple_family *family = seen->family;
	const char *wrong = NULL;

	for (uint32_t i = 0; wrong == NULL && i <= pp_tuple_part(family)->bucket_mask; i++)
		wrong = family->ip6 ? check_bucket(seen, i) : check_line(seen, i);
	if (wrong != NULL)
		return wrong;
	REQUIRE(seen->entries == family->entries);
	REQUIRE(memcmp(seen->chains, family->chains, sizeof(seen->chains)) == 0);
	REQUIRE(family->table_count <= PP_TUPLE_TABLES);
	for (uint32_t i = 1; i < family->table_count; i++)
		REQUIRE(pp_tuple_table(family, i - 1)->best_rank <=
			pp_tuple_table(family, i)->best_rank);
	for (uint32_t i = 0; i < family->table_count; i++)
		REQUIRE(seen->of_table[i] == family->table[i].entries);
	return check_rules(seen, rule, count);
}

const char *
tuple_check(void *opaque, const void *body, const struct pp_engine_rule *rule, uint32_t count)
{
	struct pp_tuple_state *state = opaque;
	const char *wrong = NULL;

	if (!state->owns_body && state->body != body)
		return "the state works in this body";
	if (state->owns_body && memcmp(state->body, body, state->shape.body_bytes) != 0)
		return "the body is what was compiled";
	for (int ip6 = 0; wrong == NULL && ip6 < PP_TUPLE_FAMILIES; ip6++) {
		struct seen seen = {.family = &state->family[ip6]};

		seen.reached = calloc(pp_tuple_part(seen.family)->rule_units, 1);
		wrong = seen.reached == NULL ? "no memory" : check_family(&seen, rule, count);
		free(seen.reached);
	}
	return wrong;
}
