// SPDX-License-Identifier: MIT OR Apache-2.0
// Words of tables by prefixes of addresses. Which lengths of prefix tell tables apart best depends on
// the rules: some are tried, with packets that rules match.
#include "engine_tuple.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tuple_lookup.h"

// A prefix with more cells than 64, and the table gets its bit in all.
#define CELL_BITS_MAX 6u
#define SAMPLES 400u

static const uint8_t lengths4[][2] = {{16, 24}, {20, 28}, {20, 32}, {24, 32}};
static const uint8_t lengths6[][2] = {{32, 48}, {40, 56}, {48, 64}, {32, 64}};
#define CHOICES (sizeof(lengths4) / sizeof(lengths4[0]))
_Static_assert(sizeof(lengths4) == sizeof(lengths6), "as many choices");

static uint64_t cells_of(const struct pp_tuple_family *family)
{
	return 1ull << (64 - pp_tuple_part(family)->cell_shift);
}

static void set_bit(struct pp_tuple_family *family, __u16 *cell, uint64_t bit)
{
	uint64_t word = pp_tuple_words(family)[*cell];

	if (!(word & bit))
		*cell = pp_tuple_word_get(family, word | bit);
}

static void add_cell(struct pp_tuple_family *family, uint32_t table, uint32_t level, uint64_t addr)
{
	uint32_t at = pp_tuple_lookup_cell(pp_tuple_numbers(family), level,
					   pp_tuple_part(family)->cell_shift, addr);
	__u16 *cell;

	if (family->loose != NULL) {
		family->loose[(uint64_t)at * PP_TUPLE_LEVELS + level] |= 1ull << table;
		return;
	}
	cell = &pp_tuple_cells(family)[at].level[level];
	set_bit(family, cell, 1ull << table);
	pp_tuple_touched(family->state, cell, sizeof(*cell));
}

// While cells are made it is enough to say so.
static void fill(struct pp_tuple_family *family, uint32_t table, uint32_t level)
{
	struct pp_tuple_cell *cell = pp_tuple_cells(family);

	family->table[table].full |= PP_TUPLE_BY_LEVEL(level);
	if (family->loose != NULL)
		return;
	for (uint64_t i = 0; i < cells_of(family); i++)
		set_bit(family, &cell[i].level[level], 1ull << table);
	pp_tuple_touched(family->state, cell, cells_of(family) * sizeof(*cell));
}

// @param addr  The part of a rule's addresses that the level is about.
// @param bits  Length of its prefix, there.
static void add_level(struct pp_tuple_family *family,
		      uint32_t table,
		      uint32_t level,
		      uint64_t addr,
		      uint32_t bits)
{
	uint64_t mask = pp_tuple_numbers(family)->level_mask[level], step = mask & -mask;
	uint32_t level_bits = (uint32_t)__builtin_popcountll(mask);

	if (family->table[table].full & PP_TUPLE_BY_LEVEL(level))
		return;
	if (bits + CELL_BITS_MAX < level_bits) {
		fill(family, table, level);
		return;
	}
	for (uint64_t i = 0; i < (bits < level_bits ? 1u << (level_bits - bits) : 1); i++)
		add_cell(family, table, level, addr + i * step);
}

static void set_lengths(struct pp_tuple_family *family, const uint8_t length[2])
{
	struct pp_tuple_numbers *numbers = pp_tuple_numbers(family);
	uint64_t addr[4], word;

	for (int i = 0; i < 2; i++) {
		struct pp_tuple_mask mask = {.src = length[i], .dst = length[i]};

		pp_tuple_mask_write(&mask, family->ip6, addr, &word);
		numbers->level_mask[i] = family->ip6 ? addr[0] : addr[0] & ~0xffffffffull;
		numbers->level_mask[2 + i] = family->ip6 ? addr[2] : addr[0] & 0xffffffff;
	}
}

void pp_tuple_level_add(struct pp_tuple_family *family, uint32_t index)
{
	const struct pp_tuple_box box = pp_tuple_rule_read(family, index);
	uint32_t table = family->entry[index].table;

	for (uint32_t level = 0; level < PP_TUPLE_LEVELS; level++)
		add_level(family, table, level, box.addr[family->ip6 && level >= 2 ? 2 : 0],
			  level < 2 ? box.src_bits : box.dst_bits);
}

// Tables that have their bit in all cells of a level.
static uint64_t full_word(const struct pp_tuple_family *family, uint32_t level)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < family->table_count; i++)
		if (family->table[i].full & PP_TUPLE_BY_LEVEL(level))
			word |= 1ull << i;
	return word;
}

static void write_cells(struct pp_tuple_family *family)
{
	struct pp_tuple_cell *cell = pp_tuple_cells(family);
	uint64_t full[PP_TUPLE_LEVELS];
	uint16_t of_full[PP_TUPLE_LEVELS];

	pp_tuple_words_clear(family);
	for (uint32_t level = 0; level < PP_TUPLE_LEVELS; level++) {
		full[level] = full_word(family, level);
		of_full[level] = pp_tuple_word_get(family, full[level]);
	}
	for (uint64_t i = 0; i < cells_of(family); i++)
		for (uint32_t level = 0; level < PP_TUPLE_LEVELS; level++) {
			uint64_t word = family->loose[i * PP_TUPLE_LEVELS + level] | full[level];

			cell[i].level[level] = word == full[level]
						       ? of_full[level]
						       : pp_tuple_word_get(family, word);
		}
}

static void set_levels(struct pp_tuple_family *family, const uint8_t length[2])
{
	uint64_t count = cells_of(family) * PP_TUPLE_LEVELS;

	memset(family->loose, 0, count * sizeof(family->loose[0]));
	for (uint32_t i = 0; i < family->table_count; i++)
		for (uint32_t level = 0; level < PP_TUPLE_LEVELS; level++)
			family->table[i].full &= ~PP_TUPLE_BY_LEVEL(level);
	set_lengths(family, length);
	for (uint32_t i = 0; i < family->entry_end; i++)
		if (family->entry[i].units > 0)
			pp_tuple_level_add(family, i);
	write_cells(family);
}

static uint64_t between(struct pp_tuple_state *state, uint16_t lo, uint16_t hi)
{
	return lo + pp_tuple_random(state) % ((uint32_t)(hi - lo) + 1);
}

// A packet that a rule matches, random where the rule leaves it open.
static void
sample(struct pp_tuple_family *family, uint32_t index, struct pp_key *key, uint64_t *sets)
{
	struct pp_tuple_state *state = family->state;
	const struct pp_tuple_box box = pp_tuple_rule_read(family, index);
	struct pp_tuple_mask mask = {.src = box.src_bits, .dst = box.dst_bits};
	uint64_t open = ~box.mask & 0xffff00, fixed[4], word;

	key->word = (family->ip6 ? PP_FAMILY_IP6 : PP_FAMILY_IP4) | box.value |
		    (pp_tuple_random(state) & open) | (uint64_t)PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT |
		    between(state, box.sport_lo, box.sport_hi) << PP_KEY_SPORT_SHIFT |
		    between(state, box.dport_lo, box.dport_hi) << PP_KEY_DPORT_SHIFT;
	*sets = box.sets;
	pp_tuple_mask_write(&mask, family->ip6, fixed, &word);
	for (int i = 0; i < (family->ip6 ? 4 : 1); i++) {
		key->addr[i] = box.addr[i] | (pp_tuple_random(state) & ~fixed[i]);
		if (family->ip6)
			key->addr[i] = htobe64(key->addr[i]);
	}
}

// Units in which rules begin, random ones.
static void choose_rules(struct pp_tuple_family *family, uint32_t chosen[SAMPLES])
{
	uint32_t seen = 0;

	// Vitter, "Random Sampling with a Reservoir" (TOMS 1985), algorithm R.
	for (uint32_t i = 0; i < family->entry_end; i++) {
		uint64_t at = seen;

		if (family->entry[i].units == 0)
			continue;
		if (seen >= SAMPLES)
			at = pp_tuple_random(family->state) % (seen + 1);
		if (at < SAMPLES)
			chosen[at] = i;
		seen++;
	}
	for (uint32_t i = seen; seen > 0 && i < SAMPLES; i++)
		chosen[i] = chosen[i % seen];
}

// Probes that packets of some rules take.
static uint32_t cost(struct pp_tuple_family *family, const uint32_t chosen[SAMPLES])
{
	struct pp_tuple_work work = {0};

	for (uint32_t i = 0; i < SAMPLES; i++) {
		struct pp_key key = {0};
		uint64_t sets;

		sample(family, chosen[i], &key, &sets);
		pp_tuple_lookup(family->state->body, &family->state->config, &key, sets, &work);
	}
	return work.probes;
}

int pp_tuple_levels_choose(struct pp_tuple_family *family)
{
	const uint8_t(*length)[2] = family->ip6 ? lengths6 : lengths4;
	uint32_t best = 0, least = UINT32_MAX, chosen[SAMPLES];

	family->loose = calloc(cells_of(family) * PP_TUPLE_LEVELS, sizeof(family->loose[0]));
	if (family->loose == NULL)
		return -ENOMEM;
	choose_rules(family, chosen);
	for (uint32_t i = 0; family->entries > 0 && i < CHOICES; i++) {
		uint32_t probes;

		set_levels(family, length[i]);
		probes = cost(family, chosen);
		if (probes < least) {
			least = probes;
			best = i;
		}
	}
	set_levels(family, length[best]);
	free(family->loose);
	family->loose = NULL;
	return 0;
}
