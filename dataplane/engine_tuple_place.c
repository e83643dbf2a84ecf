// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <stdlib.h>
#include <string.h>

// Ranges are split where the last 12, 8 or 4 bits of a port are zeros: few tables hold the pieces.
#define PIECE_BITS 4

static bool place_in(struct pp_tuple_family *family,
		     const struct pp_tuple_box *box,
		     const struct pp_tuple_mask *mask,
		     uint32_t length_max)
{
	for (uint32_t i = 0; i < family->table_count; i++) {
		uint32_t table = family->order[i];

		if (!pp_tuple_mask_fits(&family->table[table].mask, mask))
			continue;
		if (pp_tuple_chain_add(family, table, box, length_max))
			return true;
		if (family->lack != PP_TUPLE_LACK_NOTHING)
			return false;
	}
	return false;
}

static bool place_new(struct pp_tuple_family *family,
		      const struct pp_tuple_box *box,
		      const struct pp_tuple_mask *mask)
{
	int table = pp_tuple_table_new(family, mask);

	if (table < 0)
		return false;
	return pp_tuple_chain_add(family, (uint32_t)table, box, PP_TUPLE_STEPS);
}

static bool has_table(const struct pp_tuple_family *family, const struct pp_tuple_mask *mask)
{
	for (uint32_t i = 0; i < family->table_count; i++)
		if (pp_tuple_mask_fits(mask, &family->table[i].mask) &&
		    pp_tuple_mask_fits(&family->table[i].mask, mask))
			return true;
	return false;
}

// A box that is matched by nothing but what an earlier rule matches needs no place.
static bool hide(struct pp_tuple_family *family, const struct pp_tuple_box *box)
{
	uint32_t slot = pp_tuple_covered(family, box);

	if (slot == PP_SLOT_DEFAULT)
		return false;
	family->shadow[slot] |= PP_TUPLE_HIDES;
	family->shadow[box->slot] |= PP_TUPLE_HIDDEN;
	return true;
}

static bool place_split(struct pp_tuple_family *family, const struct pp_tuple_box *box);

static bool place_once(struct pp_tuple_family *family, const struct pp_tuple_box *box)
{
	const struct pp_tuple_mask mask = pp_tuple_box_mask(box);

	if (place_in(family, box, &mask, PP_TUPLE_SHARE))
		return true;
	if (family->lack != PP_TUPLE_LACK_NOTHING)
		return false;
	if (place_in(family, box, &mask, PP_TUPLE_STEPS))
		return true;
	if (family->lack != PP_TUPLE_LACK_NOTHING)
		return false;
	if (hide(family, box))
		return true;
	if (!has_table(family, &mask) && place_new(family, box, &mask))
		return true;
	if (family->lack != PP_TUPLE_LACK_NOTHING)
		return false;
	if (place_split(family, box))
		return true;
	return family->lack == PP_TUPLE_LACK_NOTHING && place_new(family, box, &mask);
}

// The ports from lo on that are one piece.
static uint32_t piece_end(uint32_t lo, uint32_t hi)
{
	uint32_t bits = 16 - PIECE_BITS;

	while ((lo & ((1u << bits) - 1)) != 0 || lo + (1u << bits) - 1 > hi)
		bits -= PIECE_BITS;
	return lo + (1u << bits) - 1;
}

static bool is_piece(uint32_t lo, uint32_t hi)
{
	return (lo == 0 && hi == UINT16_MAX) || piece_end(lo, hi) == hi;
}

// Split a box by its destination ports, or by its source ports if those are one piece. In pieces,
// what hides behind earlier rules is found, and what is left shares its keys with fewer. Pieces that
// were placed before one was not do no harm.
static bool place_split(struct pp_tuple_family *family, const struct pp_tuple_box *box)
{
	struct pp_tuple_box piece = *box;
	bool by_dport = !is_piece(box->dport_lo, box->dport_hi);
	uint32_t lo = by_dport ? box->dport_lo : box->sport_lo;
	uint32_t hi = by_dport ? box->dport_hi : box->sport_hi;

	if (is_piece(lo, hi))
		return false;
	while (lo <= hi) {
		uint32_t end = piece_end(lo, hi);

		if (by_dport) {
			piece.dport_lo = (uint16_t)lo;
			piece.dport_hi = (uint16_t)end;
		} else {
			piece.sport_lo = (uint16_t)lo;
			piece.sport_hi = (uint16_t)end;
		}
		if (!place_once(family, &piece))
			return false;
		lo = end + 1;
	}
	return true;
}

static bool reserve_slot(struct pp_tuple_family *family, uint32_t slot)
{
	uint32_t slots = family->slots == 0 ? 64 : family->slots;
	uint32_t *first;
	uint8_t *shadow;

	if (slot < family->slots)
		return true;
	while (slots <= slot)
		slots *= 2;
	first = realloc(family->first, slots * sizeof(first[0]));
	if (first != NULL)
		family->first = first;
	shadow = realloc(family->shadow, slots * sizeof(shadow[0]));
	if (shadow != NULL)
		family->shadow = shadow;
	if (first == NULL || shadow == NULL)
		return false;
	memset(first + family->slots, 0, (slots - family->slots) * sizeof(first[0]));
	memset(shadow + family->slots, 0, slots - family->slots);
	family->slots = slots;
	return true;
}

bool pp_tuple_place(struct pp_tuple_family *family, const struct pp_tuple_box *box)
{
	family->lack = PP_TUPLE_LACK_NOTHING;
	if (!reserve_slot(family, box->slot)) {
		family->lack = PP_TUPLE_LACK_MEMORY;
		return false;
	}
	if (place_once(family, box))
		return true;
	if (family->lack == PP_TUPLE_LACK_NOTHING)
		family->lack = PP_TUPLE_LACK_TABLES;
	return false;
}

void pp_tuple_unplace(struct pp_tuple_family *family, uint32_t slot)
{
	if (slot >= family->slots)
		return;
	while (family->first[slot] != 0) {
		uint32_t index = family->first[slot] - 1;

		family->first[slot] = family->entry[index].sibling + 1;
		pp_tuple_chain_remove(family, index);
		family->stale++;
	}
	family->shadow[slot] = 0;
}
