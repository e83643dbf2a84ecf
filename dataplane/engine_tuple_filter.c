// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include "engine_tuple_lookup.h"

// A prefix with more cells than 64, and the table gets its bit in all.
#define CELL_BITS_MAX 6u

static void set_bits(struct pp_tuple_family *family, __u64 *cell, uint32_t count, uint32_t table)
{
	uint64_t missing = 0, bit = 1ull << table;

	for (uint32_t i = 0; i < count; i++) {
		missing |= ~cell[i] & bit;
		cell[i] |= bit;
	}
	if (missing)
		pp_tuple_touched(family->state, cell, count * sizeof(cell[0]));
}

static void set_level(struct pp_tuple_family *family, uint32_t table, uint32_t level, uint64_t addr)
{
	uint32_t at = pp_tuple_lookup_cell(pp_tuple_numbers(family), level,
					   pp_tuple_part(family)->cell_shift, addr);

	set_bits(family, &pp_tuple_cells(family)[at].level[level], 1, table);
}

static void fill_level(struct pp_tuple_family *family, uint32_t table, uint32_t level)
{
	uint64_t cells = 1ull << (64 - pp_tuple_part(family)->cell_shift);
	struct pp_tuple_cell *cell = pp_tuple_cells(family);

	for (uint64_t i = 0; i < cells; i++)
		cell[i].level[level] |= 1ull << table;
	pp_tuple_touched(family->state, cell, cells * sizeof(*cell));
	family->table[table].full |= PP_TUPLE_BY_LEVEL(level);
}

// @param addr  The half of a box that the level is about.
// @param bits  Of it, that all of the box have in common.
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
		fill_level(family, table, level);
		return;
	}
	for (uint64_t i = 0; i < (bits < level_bits ? 1u << (level_bits - bits) : 1); i++)
		set_level(family, table, level, addr + i * step);
}

// One half of the cells of a port: those of the ports below 1,024, or those of all others.
static void add_half(struct pp_tuple_family *family,
		     uint32_t table,
		     __u64 *cell,
		     uint32_t full,
		     uint32_t lo,
		     uint32_t hi)
{
	const uint32_t half = PP_TUPLE_PORT_CELLS / 2;

	if (family->table[table].full & full)
		return;
	if (hi - lo >= half - 1) {
		set_bits(family, cell, half, table);
		family->table[table].full |= full;
		return;
	}
	lo %= half;
	hi %= half;
	if (lo <= hi) {
		set_bits(family, cell + lo, hi - lo + 1, table);
	} else {
		set_bits(family, cell + lo, half - lo, table);
		set_bits(family, cell, hi + 1, table);
	}
}

static void add_ports(struct pp_tuple_family *family,
		      uint32_t table,
		      __u64 *cell,
		      uint32_t full,
		      uint32_t lo,
		      uint32_t hi)
{
	const uint32_t half = PP_TUPLE_PORT_CELLS / 2;

	if (lo < half)
		add_half(family, table, cell, full, lo, hi < half ? hi : half - 1);
	if (hi >= half)
		add_half(family, table, cell + half, full << 1, lo < half ? half : lo, hi);
}

static void
add_proto(struct pp_tuple_family *family, uint32_t table, const struct pp_tuple_box *box)
{
	__u64 *cell = pp_tuple_fields(family)->proto;

	if (family->table[table].full & PP_TUPLE_BY_PROTO)
		return;
	if (box->mask >> PP_KEY_PROTO_SHIFT & 0xff) {
		set_bits(family, &cell[box->value >> PP_KEY_PROTO_SHIFT & 0xff], 1, table);
		return;
	}
	set_bits(family, cell, 256, table);
	family->table[table].full |= PP_TUPLE_BY_PROTO;
}

void pp_tuple_filter_add(struct pp_tuple_family *family,
			 uint32_t table,
			 const struct pp_tuple_box *box)
{
	struct pp_tuple_fields *fields = pp_tuple_fields(family);
	uint64_t src = box->addr[0], dst = box->addr[family->ip6 ? 2 : 0];

	for (uint32_t level = 0; level < 2; level++) {
		add_level(family, table, level, src, box->src_bits);
		add_level(family, table, 2 + level, dst, box->dst_bits);
	}
	add_proto(family, table, box);
	add_ports(family, table, fields->sport, PP_TUPLE_FULL_SPORT, box->sport_lo, box->sport_hi);
	add_ports(family, table, fields->dport, PP_TUPLE_FULL_DPORT, box->dport_lo, box->dport_hi);
}

uint32_t pp_tuple_filter_fields(const struct pp_tuple_family *family)
{
	uint32_t sport = 3 * PP_TUPLE_FULL_SPORT, dport = 3 * PP_TUPLE_FULL_DPORT, full = ~0u;
	uint32_t fields = PP_TUPLE_BY_ALL;

	for (uint32_t i = 0; i < family->table_count; i++)
		if (family->table[i].entries > 0)
			full &= family->table[i].full;
	fields &= ~(full & (PP_TUPLE_BY_SPORT - 1));
	if ((full & sport) == sport)
		fields &= ~PP_TUPLE_BY_SPORT;
	if ((full & dport) == dport)
		fields &= ~PP_TUPLE_BY_DPORT;
	return family->entries > 0 ? fields : PP_TUPLE_BY_ALL;
}
