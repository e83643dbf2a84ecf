// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include "engine_tuple_lookup.h"

// More cells than these for one prefix, and the table gets its bit in all.
#define CELLS_MAX 64u

static void set_bits(struct pp_tuple_family *family, uint64_t *cell, uint32_t count, uint32_t table)
{
	uint64_t missing = 0, bit = 1ull << table;

	for (uint32_t i = 0; i < count; i++) {
		missing |= ~cell[i] & bit;
		cell[i] |= bit;
	}
	if (missing)
		pp_tuple_touched(family->state, cell, count * sizeof(cell[0]));
}

static void add_level(struct pp_tuple_family *family,
		      uint32_t table,
		      uint32_t level,
		      uint64_t addr,
		      uint32_t bits)
{
	struct pp_tuple_fields *fields = pp_tuple_fields(family);
	uint32_t shift = pp_tuple_part(family)->cell_shift;
	uint32_t level_bits = (family->ip6 ? 64 : 32) - fields->level_shift[level];
	uint64_t *cell = pp_tuple_cells(family, level);

	if (family->table[table].full & PP_TUPLE_FULL_LEVEL(level))
		return;
	if (bits < level_bits && (level_bits - bits > 6 || 1u << (level_bits - bits) > CELLS_MAX)) {
		set_bits(family, cell, 1u << (64 - shift), table);
		family->table[table].full |= PP_TUPLE_FULL_LEVEL(level);
		return;
	}
	for (uint64_t i = 0; i < (bits < level_bits ? 1u << (level_bits - bits) : 1); i++) {
		uint64_t prefix = addr + (i << fields->level_shift[level]);

		set_bits(family, &cell[pp_tuple_lookup_cell(fields, level, shift, prefix)], 1,
			 table);
	}
}

// One half of the cells of a port: those of the ports below 1,024, or those of all others.
static void add_half(struct pp_tuple_family *family,
		     uint32_t table,
		     uint64_t *cell,
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
		      uint64_t *cell,
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
	uint64_t *cell = (uint64_t *)pp_tuple_fields(family)->proto;

	if (family->table[table].full & PP_TUPLE_FULL_PROTO)
		return;
	if (box->mask >> PP_KEY_PROTO_SHIFT & 0xff) {
		set_bits(family, &cell[box->value >> PP_KEY_PROTO_SHIFT & 0xff], 1, table);
		return;
	}
	set_bits(family, cell, 256, table);
	family->table[table].full |= PP_TUPLE_FULL_PROTO;
}

void pp_tuple_filter_add(struct pp_tuple_family *family,
			 uint32_t table,
			 const struct pp_tuple_box *box)
{
	struct pp_tuple_fields *fields = pp_tuple_fields(family);
	uint64_t src = family->ip6 ? box->addr[0] : box->addr[0] >> 32;
	uint64_t dst = family->ip6 ? box->addr[2] : box->addr[0] & 0xffffffff;

	for (uint32_t level = 0; level < 2; level++) {
		add_level(family, table, level, src, box->src_bits);
		add_level(family, table, 2 + level, dst, box->dst_bits);
	}
	add_proto(family, table, box);
	add_ports(family, table, (uint64_t *)fields->sport, PP_TUPLE_FULL_SPORT, box->sport_lo,
		  box->sport_hi);
	add_ports(family, table, (uint64_t *)fields->dport, PP_TUPLE_FULL_DPORT, box->dport_lo,
		  box->dport_hi);
}
