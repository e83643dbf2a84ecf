// SPDX-License-Identifier: MIT OR Apache-2.0
// Conditions are found by an open hash table of indices. One that no rule uses any more stays, and is
// taken again for the same: only compile() forgets.
#include "engine_tuple.h"

#include <errno.h>

static uint32_t
home_of(const struct pp_tuple_state *state, uint64_t sets, uint32_t value, uint32_t mask)
{
	uint64_t hash = sets * 0x9e3779b97f4a7c15u + value * 0xbf58476d1ce4e5b9u +
			mask * 0x94d049bb133111ebu;

	hash ^= hash >> 32;
	return (uint32_t)((hash * 0x9e3779b97f4a7c15u) >> 32) &
	       (2 * pp_tuple_cond_count(&state->config) - 1);
}

int pp_tuple_cond_get(struct pp_tuple_state *state, uint64_t sets, uint32_t value, uint32_t mask)
{
	uint32_t count = pp_tuple_cond_count(&state->config), slots = 2 * count;
	uint32_t at = home_of(state, sets, value, mask);
	uint64_t word = value | (uint64_t)mask << 32;
	struct pp_tuple_cond *cond;

	for (; state->cond_index[at] != 0; at = (at + 1) & (slots - 1)) {
		cond = pp_tuple_cond(state, state->cond_index[at] - 1);
		if (cond->sets == sets && cond->word == word)
			return (int)state->cond_index[at] - 1;
	}
	if (state->cond_end == count)
		return -ENOSPC;
	cond = pp_tuple_cond(state, state->cond_end);
	*cond = (struct pp_tuple_cond){.sets = sets, .word = word};
	pp_tuple_touched(state, cond, sizeof(*cond));
	state->cond_index[at] = ++state->cond_end;
	return (int)state->cond_end - 1;
}
