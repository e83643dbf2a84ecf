// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Where a rule stands in its list, or would.
static uint32_t find(const struct pp_tuple_other *list, uint64_t rule)
{
	uint32_t lo = 0, hi = list->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (list->rule[mid] < rule)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint64_t first(const struct pp_tuple_other *list)
{
	return list->count > 0 ? list->rule[0] : UINT64_MAX;
}

static void answer(struct pp_tuple_state *state, uint32_t iface)
{
	uint32_t *slot = &pp_tuple_head(state)->other[iface];
	uint32_t any_list = PP_TUPLE_IFACES + iface / PP_IFACE_OUT;
	uint64_t best = first(&state->other[iface]), any = first(&state->other[any_list]);
	uint32_t found;

	if (any < best)
		best = any;
	found = best == UINT64_MAX ? PP_SLOT_DEFAULT : (uint32_t)best;
	if (*slot == found)
		return;
	*slot = found;
	pp_tuple_touched(state, slot, sizeof(*slot));
}

static void answer_all(struct pp_tuple_state *state, uint32_t list)
{
	uint32_t begin = (list - PP_TUPLE_IFACES) * PP_IFACE_OUT;

	if (list < PP_TUPLE_IFACES) {
		answer(state, list);
		return;
	}
	for (uint32_t i = begin; i < begin + PP_IFACE_OUT; i++)
		answer(state, i);
}

static uint32_t list_of(const struct pp_engine_rule *rule)
{
	if (rule->iface < 0)
		return PP_TUPLE_IFACES + rule->direction;
	return (uint32_t)rule->iface + rule->direction * PP_IFACE_OUT;
}

int pp_tuple_other_add(struct pp_tuple_state *state, const struct pp_engine_rule *rule)
{
	struct pp_tuple_other *list = &state->other[list_of(rule)];
	uint64_t value = (uint64_t)rule->rank << 32 | rule->slot;
	uint32_t at = find(list, value);

	if (list->count == list->room) {
		uint32_t room = list->room * 2 + 8;
		uint64_t *more = realloc(list->rule, room * sizeof(more[0]));

		if (more == NULL)
			return -ENOMEM;
		list->rule = more;
		list->room = room;
	}
	memmove(&list->rule[at + 1], &list->rule[at], (list->count - at) * sizeof(list->rule[0]));
	list->rule[at] = value;
	list->count++;
	if (at == 0)
		answer_all(state, list_of(rule));
	return 0;
}

void pp_tuple_other_remove(struct pp_tuple_state *state, const struct pp_engine_rule *rule)
{
	struct pp_tuple_other *list = &state->other[list_of(rule)];
	uint64_t value = (uint64_t)rule->rank << 32 | rule->slot;
	uint32_t at = find(list, value);

	if (at == list->count || list->rule[at] != value)
		return;
	list->count--;
	memmove(&list->rule[at], &list->rule[at + 1], (list->count - at) * sizeof(list->rule[0]));
	if (at == 0)
		answer_all(state, list_of(rule));
}
