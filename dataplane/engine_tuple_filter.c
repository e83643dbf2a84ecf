// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

void pp_tuple_filter_set(struct pp_tuple_family *family,
			 __u64 *cell,
			 uint32_t count,
			 uint32_t table)
{
	uint64_t missing = 0, bit = 1ull << table;

	for (uint32_t i = 0; i < count; i++) {
		missing |= ~cell[i] & bit;
		cell[i] |= bit;
	}
	if (missing)
		pp_tuple_touched(family->state, cell, count * sizeof(cell[0]));
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
		pp_tuple_filter_set(family, cell, half, table);
		family->table[table].full |= full;
		return;
	}
	lo %= half;
	hi %= half;
	if (lo <= hi) {
		pp_tuple_filter_set(family, cell + lo, hi - lo + 1, table);
	} else {
		pp_tuple_filter_set(family, cell + lo, half - lo, table);
		pp_tuple_filter_set(family, cell, hi + 1, table);
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
		pp_tuple_filter_set(family, &cell[box->value >> PP_KEY_PROTO_SHIFT & 0xff], 1,
				    table);
		return;
	}
	pp_tuple_filter_set(family, cell, 256, table);
	family->table[table].full |= PP_TUPLE_BY_PROTO;
}

void pp_tuple_filter_add_fields(struct pp_tuple_family *family, uint32_t index)
{
	struct pp_tuple_fields *fields = pp_tuple_fields(family);
	const struct pp_tuple_box box = pp_tuple_rule_read(family, index);
	uint32_t table = family->entry[index].table;

	add_proto(family, table, &box);
	add_ports(family, table, fields->sport, PP_TUPLE_FULL_SPORT, box.sport_lo, box.sport_hi);
	add_ports(family, table, fields->dport, PP_TUPLE_FULL_DPORT, box.dport_lo, box.dport_hi);
}

void pp_tuple_filter_add(struct pp_tuple_family *family, uint32_t index)
{
	pp_tuple_level_add(family, index);
	pp_tuple_filter_add_fields(family, index);
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
