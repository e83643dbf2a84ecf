// SPDX-License-Identifier: MIT OR Apache-2.0
// Conditions are found by an open hash table of indices. One that no rule uses any more stays, and is
// taken again for the same: only compile() forgets.
#include "engine_tuple.h"

#include <errno.h>
#include <string.h>

static uint64_t hash_of(const struct pp_tuple_cond *cond)
{
	uint64_t hash = cond->sets * 0x9e3779b97f4a7c15u + cond->word * 0xbf58476d1ce4e5b9u;

	hash = (hash ^ hash >> 32) * 0x94d049bb133111ebu + cond->ports * 0xbf58476d1ce4e5b9u;
	hash ^= hash >> 32;
	return (hash * 0x9e3779b97f4a7c15u) >> 32;
}

// Conditions with ports stop short of the end: other rules cannot do without theirs.
static uint32_t limit_of(const struct pp_tuple_cond *cond, uint32_t count)
{
	if (cond->ports == PP_TUPLE_PORTS_ANY)
		return count;
	return count / 4 * 3 < PP_TUPLE_PORT_CONDS ? count / 4 * 3 : PP_TUPLE_PORT_CONDS;
}

int pp_tuple_cond_get(struct pp_tuple_state *state, const struct pp_tuple_cond *want)
{
	uint32_t count = pp_tuple_cond_count(&state->config), slots = 2 * count;
	uint32_t at = (uint32_t)hash_of(want) & (slots - 1);
	struct pp_tuple_cond *cond;

	for (; state->cond_index[at] != 0; at = (at + 1) & (slots - 1)) {
		cond = pp_tuple_cond(state, state->cond_index[at] - 1);
		if (memcmp(cond, want, sizeof(*cond)) == 0)
			return (int)state->cond_index[at] - 1;
	}
	if (state->cond_end >= limit_of(want, count))
		return -ENOSPC;
	cond = pp_tuple_cond(state, state->cond_end);
	*cond = *want;
	pp_tuple_touched(state, cond, sizeof(*cond));
	state->cond_index[at] = ++state->cond_end;
	return (int)state->cond_end - 1;
}

static struct pp_tuple_cond cond_of(const struct pp_tuple_box *box, int ip6)
{
	return (struct pp_tuple_cond){.sets = box->sets,
				      .word = box->value | (uint64_t)box->mask << 32,
				      .ports = pp_tuple_box_cond_ports(box, ip6)};
}

uint32_t pp_tuple_cond_with_ports(const struct pp_tuple_box *box, uint32_t count, int ip6)
{
	uint32_t seen[2 * PP_TUPLE_PORT_CONDS] = {0}; // 1 + box: an open hash table
	uint32_t found = 0;

	for (uint32_t i = 0; i < count && found < PP_TUPLE_PORT_CONDS; i++) {
		struct pp_tuple_cond cond = cond_of(&box[i], ip6), other;
		uint64_t at = hash_of(&cond) % (2 * PP_TUPLE_PORT_CONDS);

		if (cond.ports == PP_TUPLE_PORTS_ANY)
			continue;
		for (; seen[at] != 0; at = (at + 1) % (2 * PP_TUPLE_PORT_CONDS)) {
			other = cond_of(&box[seen[at] - 1], ip6);
			if (memcmp(&other, &cond, sizeof(cond)) == 0)
				break;
		}
		found += seen[at] == 0;
		seen[at] = i + 1;
	}
	return found;
}
