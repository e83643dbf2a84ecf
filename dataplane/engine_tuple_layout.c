// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <string.h>

#define SMALL 4096u // rules of which a cache has room for more than they need
#define WORDS_MAX 65536u // a cell names one in 16 bits

struct pp_tuple_table *pp_tuple_table(const struct pp_tuple_family *family, uint32_t table)
{
	struct pp_tuple_head *head = pp_tuple_head(family->state);

	return family->ip6 ? &head->table6[table].table : &head->table4[table].table;
}

struct pp_tuple_bucket *pp_tuple_bucket(const struct pp_tuple_family *family, uint32_t bucket)
{
	return (struct pp_tuple_bucket *)(family->state->body + pp_tuple_part(family)->bucket_at) +
	       bucket;
}

struct pp_tuple_rule *pp_tuple_rule(const struct pp_tuple_family *family, uint32_t index)
{
	return (struct pp_tuple_rule *)(family->state->body + pp_tuple_part(family)->rule_at +
					(uint64_t)index * PP_TUPLE_UNIT_BYTES);
}

struct pp_tuple_cell *pp_tuple_cells(const struct pp_tuple_family *family)
{
	return (struct pp_tuple_cell *)(family->state->body + pp_tuple_part(family)->cell_at);
}

uint32_t pp_tuple_cond_count(const struct pp_tuple_config *config)
{
	return config->cond_mask / sizeof(struct pp_tuple_cond) + 1;
}

__u64 *pp_tuple_words(const struct pp_tuple_family *family)
{
	return (__u64 *)(family->state->body + pp_tuple_part(family)->word_at);
}

struct pp_tuple_cond *pp_tuple_cond(const struct pp_tuple_state *state, uint32_t index)
{
	return (struct pp_tuple_cond *)(state->body + state->config.cond_at) + index;
}

// A few sizes for each power of two, so that sets of about the same size share a shape.
static uint32_t round_up(uint64_t count, uint32_t least)
{
	uint64_t step = least;

	while (step * 16 < count)
		step *= 2;
	return (uint32_t)((count + step - 1) / step * step);
}

// Room to grow: less in large sets, and less for rules of IPv6, which are larger.
static uint32_t rules_given(uint32_t needed, int ip6)
{
	uint64_t count = needed;

	if (needed == 0)
		return 16;
	if (ip6)
		count += needed / (needed < 4096 ? 8 : 16);
	else
		count += needed / (needed < 40000 ? 2 : 4);
	count = round_up(count, 32);
	return count < (1u << 18) ? (uint32_t)count : (1u << 18) - 1;
}

// IPv6: as many for each rule as now.
static uint32_t units6_given(const struct pp_tuple_need *need)
{
	uint32_t rules = rules_given(need->rules[PP_TUPLE_IP6], PP_TUPLE_IP6);
	uint64_t units = need->units[PP_TUPLE_IP6];

	if (units == 0)
		return rules;
	return (uint32_t)(units * rules / need->rules[PP_TUPLE_IP6] + 1) & ~1u;
}

// Rules in no home, of so many for each line that are spread at random, x - 2 + (2 + x) e^-x for each;
// and more, for those that are not: rules that share keys.
static uint32_t units_behind(uint64_t rules, uint64_t lines)
{
	uint64_t square = 139 * rules * rules / lines;
	uint64_t units = (square + 31 * rules) / 1024;

	units -= units < lines / 16 ? units : lines / 16;
	return (uint32_t)(units + (rules < SMALL ? rules / 2 : units / 4) + 32);
}

static void size4(struct pp_tuple_part *part, const struct pp_tuple_need *need)
{
	uint32_t lines = 4, behind, rules = need->rules[PP_TUPLE_IP4];

	// Small sets can have shorter chains yet.
	while (2 * lines < (rules < SMALL ? 2 * rules : rules))
		lines *= 2;
	behind = units_behind(rules_given(rules, PP_TUPLE_IP4), lines);
	if (behind < need->units[PP_TUPLE_IP4])
		behind = need->units[PP_TUPLE_IP4];
	part->bucket_mask = lines - 1;
	part->rule_units = 2 * lines + behind;
}

static void size6(struct pp_tuple_part *part, const struct pp_tuple_need *need)
{
	uint32_t rules = rules_given(need->rules[PP_TUPLE_IP6], PP_TUPLE_IP6);

	part->bucket_mask = 3;
	while ((part->bucket_mask + 1) * PP_TUPLE_BUCKET_FILL < rules)
		part->bucket_mask = part->bucket_mask * 2 + 1;
	part->rule_units = units6_given(need);
}

static uint32_t cell_bits(uint32_t rules)
{
	return rules == 0	? 5
	       : rules <= 64	? 6
	       : rules <= 512	? 8
	       : rules <= 4096	? 11
	       : rules <= 40000 ? 13
				: 15;
}

// Of the four words that a cell names most are another cell's too. Around 10,000 rules, whose image is to
// stay below a megabyte, there are as many words as cells, else twice as many.
static uint32_t word_count(uint32_t rules)
{
	uint32_t bits = cell_bits(rules), count = 2u << bits;

	if (bits == 13 && rules <= 16384)
		count /= 2;
	return count < WORDS_MAX ? count : WORDS_MAX;
}

static uint32_t put(uint64_t *end, uint64_t bytes)
{
	uint64_t at = *end;

	*end = (at + bytes + 63) & ~63ull;
	return (uint32_t)at;
}

void pp_tuple_layout(struct pp_engine_shape *shape, const struct pp_tuple_need *need)
{
	struct pp_tuple_config config = {0};
	uint64_t end = sizeof(struct pp_tuple_head);
	uint32_t conds = 64;

	while (conds < need->conds + need->conds / 2)
		conds *= 2;
	config.cond_mask = (conds - 1) * sizeof(struct pp_tuple_cond);
	config.cond_at = put(&end, conds * sizeof(struct pp_tuple_cond));
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++) {
		struct pp_tuple_part *part = &config.part[ip6];
		uint32_t bits = cell_bits(need->rules[ip6]);

		if (ip6)
			size6(part, need);
		else
			size4(part, need);
		part->cell_shift = 64 - bits;
		part->fields = PP_TUPLE_BY_ALL;
		part->cell_at = put(&end, sizeof(struct pp_tuple_cell) << bits);
		part->word_mask = word_count(need->rules[ip6]) - 1;
		part->word_at = put(&end, (uint64_t)(part->word_mask + 1) * sizeof(__u64));
		if (ip6)
			part->bucket_at =
				put(&end, (part->bucket_mask + 1) * sizeof(struct pp_tuple_bucket));
		part->rule_at = put(&end, (uint64_t)part->rule_units * PP_TUPLE_UNIT_BYTES);
	}
	*shape = (struct pp_engine_shape){.body_bytes = end};
	memcpy(shape->config, &config, sizeof(config));
}
_Static_assert(sizeof(struct pp_tuple_head) % 64 == 0, "what follows begins a cache line");

// Half as many rules again as homes, and no more, or chains get long.
static bool holds4(const struct pp_tuple_config *config, const struct pp_tuple_need *need)
{
	uint32_t homes = pp_tuple_homes(config);

	return homes + homes / 2 >= need->rules[PP_TUPLE_IP4] &&
	       config->part[PP_TUPLE_IP4].rule_units - homes >= need->units[PP_TUPLE_IP4];
}

static bool holds6(const struct pp_tuple_config *config, const struct pp_tuple_need *need)
{
	const struct pp_tuple_part *part = &config->part[PP_TUPLE_IP6];

	return part->rule_units >= need->units[PP_TUPLE_IP6] &&
	       (part->bucket_mask + 1) * PP_TUPLE_BUCKET_FILL >= need->rules[PP_TUPLE_IP6];
}

// @return  Whether a shape has the room, and not far too much of it.
bool pp_tuple_layout_holds(const struct pp_engine_shape *shape, const struct pp_tuple_need *need)
{
	struct pp_engine_shape fresh;
	struct pp_tuple_config config;

	if (shape->body_bytes == 0)
		return false;
	memcpy(&config, shape->config, sizeof(config));
	pp_tuple_layout(&fresh, need);
	return pp_tuple_cond_count(&config) >= need->conds &&
	       shape->body_bytes / 4 <= fresh.body_bytes && holds4(&config, need) &&
	       holds6(&config, need);
}
