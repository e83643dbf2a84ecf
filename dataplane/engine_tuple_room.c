// SPDX-License-Identifier: MIT OR Apache-2.0
// Units of the body for rules: of IPv4 those behind the homes. A rule of IPv6 takes one or the two of
// a cache line: halves that are free join.
#include "engine_tuple.h"

static void push(struct pp_tuple_family *family, uint32_t index, uint32_t units)
{
	struct pp_tuple_entry *entry = family->entry;
	uint32_t *list = &family->free[units - 1];

	entry[index] = (struct pp_tuple_entry){
		.before = PP_TUPLE_NONE, .sibling = *list, .free_units = (uint8_t)units};
	if (*list != PP_TUPLE_NONE)
		entry[*list].before = index;
	*list = index;
}

static void take_out(struct pp_tuple_family *family, uint32_t index)
{
	struct pp_tuple_entry *entry = family->entry;
	uint32_t before = entry[index].before, behind = entry[index].sibling;

	if (before == PP_TUPLE_NONE)
		family->free[entry[index].free_units - 1] = behind;
	else
		entry[before].sibling = behind;
	if (behind != PP_TUPLE_NONE)
		entry[behind].before = before;
	entry[index].free_units = 0;
}

// Units behind those that were ever used: of IPv6 always two.
static bool extend(struct pp_tuple_family *family)
{
	uint32_t units = family->ip6 ? 2 : 1;

	if (family->entry_end + units > pp_tuple_part(family)->rule_units)
		return false;
	push(family, family->entry_end, units);
	family->entry_end += units;
	return true;
}

bool pp_tuple_room_take(struct pp_tuple_family *family, uint32_t units, uint32_t *index)
{
	uint32_t buckets = pp_tuple_part(family)->bucket_mask + 1, from = units;

	// Short rules of IPv6 may be more than there are buckets for.
	if (family->ip6 && family->entries >= buckets * PP_TUPLE_BUCKET_FILL)
		return false;
	if (family->ip6 && units == 1 && family->free[0] == PP_TUPLE_NONE)
		from = 2;
	if (family->free[from - 1] == PP_TUPLE_NONE && !extend(family))
		return false;
	*index = family->free[from - 1];
	take_out(family, *index);
	if (from > units)
		push(family, *index + 1, 1);
	family->units += units;
	return true;
}

void pp_tuple_room_give(struct pp_tuple_family *family, uint32_t index)
{
	uint32_t units = family->entry[index].units;

	family->units -= units;
	if (family->ip6 && units == 1 && family->entry[index ^ 1].free_units == 1) {
		take_out(family, index ^ 1);
		family->entry[index] = (struct pp_tuple_entry){0};
		index &= ~1u;
		units = 2;
	}
	push(family, index, units);
}
