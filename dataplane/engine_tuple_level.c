// SPDX-License-Identifier: MIT OR Apache-2.0
// Words of tables by prefixes of addresses. Which lengths of prefix tell tables apart best depends on
// the rules: some are tried, with packets that rules match.
#include "engine_tuple.h"

#include <endian.h>
#include <string.h>

#include "engine_tuple_lookup.h"

// A prefix with more cells than 64, and the table gets its bit in all.
#define CELL_BITS_MAX 6u
#define SAMPLES 400u

static const uint8_t lengths4[][2] = {{16, 24}, {20, 28}, {20, 32}, {24, 32}};
static const uint8_t lengths6[][2] = {{32, 48}, {40, 56}, {48, 64}, {32, 64}};
#define CHOICES (sizeof(lengths4) / sizeof(lengths4[0]))
_Static_assert(sizeof(lengths4) == sizeof(lengths6), "as many choices");

static void add_cell(struct pp_tuple_family *family, uint32_t table, uint32_t level, uint64_t addr)
{
	uint32_t at = pp_tuple_lookup_cell(pp_tuple_numbers(family), level,
					   pp_tuple_part(family)->cell_shift, addr);

	pp_tuple_filter_set(family, &pp_tuple_cells(family)[at].level[level], 1, table);
}

static void fill(struct pp_tuple_family *family, uint32_t table, uint32_t level)
{
	uint64_t cells = 1ull << (64 - pp_tuple_part(family)->cell_shift);
	struct pp_tuple_cell *cell = pp_tuple_cells(family);

	for (uint64_t i = 0; i < cells; i++)
		cell[i].level[level] |= 1ull << table;
	pp_tuple_touched(family->state, cell, cells * sizeof(*cell));
	family->table[table].full |= PP_TUPLE_BY_LEVEL(level);
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

static uint32_t bits6(const struct pp_tuple_rule6 *rule, int half)
{
	return 64 - (uint32_t)rule->shift[half][0] - (uint32_t)rule->shift[half][1];
}

void pp_tuple_level_add(struct pp_tuple_family *family, uint32_t index)
{
	const struct pp_tuple_rule *rule = pp_tuple_rule(family, index);
	const struct pp_tuple_rule6 *rule6 = (const struct pp_tuple_rule6 *)rule;
	uint32_t table = family->entry[index].table, bits[2];
	uint64_t addr[2];

	if (family->ip6) {
		for (int i = 0; i < 2; i++) {
			addr[i] = rule6->addr[2 * i];
			bits[i] = bits6(rule6, 2 * i);
		}
	} else {
		addr[0] = addr[1] = ((const struct pp_tuple_rule4 *)rule)->addr;
		bits[0] = 32 - (rule->next >> PP_TUPLE_LINK_BITS);
		bits[1] = 32 - (rule->cond >> PP_TUPLE_LINK_BITS);
	}
	for (uint32_t level = 0; level < PP_TUPLE_LEVELS; level++)
		add_level(family, table, level, addr[level / 2], bits[level / 2]);
}

static void set_levels(struct pp_tuple_family *family, const uint8_t length[2])
{
	memset(pp_tuple_cells(family), 0,
	       sizeof(struct pp_tuple_cell) << (64 - pp_tuple_part(family)->cell_shift));
	for (uint32_t i = 0; i < family->table_count; i++)
		for (uint32_t level = 0; level < PP_TUPLE_LEVELS; level++)
			family->table[i].full &= ~PP_TUPLE_BY_LEVEL(level);
	set_lengths(family, length);
	for (uint32_t i = 0; i < family->entry_end; i++)
		pp_tuple_level_add(family, i);
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
	const struct pp_tuple_rule *rule = pp_tuple_rule(family, index);
	const struct pp_tuple_cond *cond = pp_tuple_rule_cond(state, rule);
	uint64_t open = ~(cond->word >> 32) & 0xffff00;

	key->word = (family->ip6 ? PP_FAMILY_IP6 : PP_FAMILY_IP4) | (uint32_t)cond->word |
		    (pp_tuple_random(state) & open) | (uint64_t)PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT |
		    between(state, rule->sport_lo, rule->sport_hi) << PP_KEY_SPORT_SHIFT |
		    between(state, rule->dport_lo, rule->dport_hi) << PP_KEY_DPORT_SHIFT;
	*sets = cond->sets;
	for (int i = 0; family->ip6 && i < 4; i++) {
		const struct pp_tuple_rule6 *rule6 = (const struct pp_tuple_rule6 *)rule;
		uint64_t open_bits = 0;

		if (bits6(rule6, i) < 64)
			open_bits = ~0ull >> bits6(rule6, i);
		key->addr[i] = htobe64(rule6->addr[i] | (pp_tuple_random(state) & open_bits));
	}
	if (!family->ip6) {
		uint64_t src = (1ull << (rule->next >> PP_TUPLE_LINK_BITS)) - 1;
		uint64_t dst = (1ull << (rule->cond >> PP_TUPLE_LINK_BITS)) - 1;

		key->addr[0] = ((const struct pp_tuple_rule4 *)rule)->addr |
			       (pp_tuple_random(state) & (src << 32 | dst));
	}
}

// Probes that packets of some rules take.
static uint32_t cost(struct pp_tuple_family *family)
{
	struct pp_tuple_work work = {0};

	for (uint32_t i = 0; i < SAMPLES; i++) {
		struct pp_key key = {0};
		uint64_t sets;

		sample(family, (uint32_t)(pp_tuple_random(family->state) % family->entry_end), &key,
		       &sets);
		pp_tuple_lookup(family->state->body, &family->state->config, &key, sets, &work);
	}
	return work.probes;
}

void pp_tuple_levels_choose(struct pp_tuple_family *family)
{
	const uint8_t(*length)[2] = family->ip6 ? lengths6 : lengths4;
	uint32_t best = 0, least = UINT32_MAX;

	for (uint32_t i = 0; family->entry_end > 0 && i < CHOICES; i++) {
		uint32_t probes;

		set_levels(family, length[i]);
		probes = cost(family);
		if (probes < least) {
			least = probes;
			best = i;
		}
	}
	set_levels(family, length[best]);
}
