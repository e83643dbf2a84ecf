// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Deletions leave bits behind, which cost probes: after so many, and as many again as a quarter of the
// rules, all is compiled again.
#define STALE_FREE 64u

void pp_tuple_touched(const struct pp_tuple_state *state, const void *at, uint64_t bytes)
{
	if (state->touch != NULL)
		state->touch->touch(state->touch->arg,
				    (uint64_t)((const uint8_t *)at - state->body), bytes);
}

static int compile(void **state,
		   const struct pp_engine_rule *rule,
		   uint32_t count,
		   struct pp_engine_shape *shape,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	struct pp_tuple_state *built;
	int ret;

	*rule_id = 0;
	ret = pp_tuple_build(&built, rule, count, shape, rule_id, err);
	if (ret < 0)
		return ret;
	*shape = built->shape;
	*state = built;
	return 0;
}

static void destroy(void *state)
{
	pp_tuple_state_destroy(state);
}

// The body is kept until the first change: that one is made in the copy.
static void emit(void *opaque, void *body)
{
	const struct pp_tuple_state *state = opaque;

	memcpy(body, state->body, state->shape.body_bytes);
}

// So much that a compilation pays.
static bool is_stale(const struct pp_tuple_family *family)
{
	return family->stale > STALE_FREE + family->entries / 4;
}

static int remove_rule(struct pp_tuple_state *state, const struct pp_engine_rule *rule)
{
	if (rule->frames & PP_FRAMES_OTHER)
		pp_tuple_other_remove(state, rule);
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++) {
		struct pp_tuple_family *family = &state->family[ip6];

		// What was left out because of this rule has to come back.
		if (rule->slot < family->slots && (family->shadow[rule->slot] & PP_TUPLE_HIDES))
			return -EAGAIN;
		pp_tuple_unplace(family, rule->slot);
		if (is_stale(family))
			return -EAGAIN;
	}
	return 0;
}

static int add_rule(struct pp_tuple_state *state, const struct pp_engine_rule *rule)
{
	struct pp_tuple_box box;

	if ((rule->frames & PP_FRAMES_OTHER) && pp_tuple_other_add(state, rule) < 0)
		return -EAGAIN;
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++)
		if (pp_tuple_box_of(&box, rule, ip6) &&
		    (!pp_tuple_place(&state->family[ip6], &box) || is_stale(&state->family[ip6])))
			return -EAGAIN;
	return 0;
}

static int change(void *opaque,
		  void *body,
		  const struct pp_engine_rule *del,
		  uint32_t del_count,
		  const struct pp_engine_rule *add,
		  uint32_t add_count,
		  const struct pp_engine_touch *touch)
{
	struct pp_tuple_state *state = opaque;
	int ret = 0;

	if (state->owns_body)
		free(state->body);
	state->owns_body = false;
	state->body = body;
	state->touch = touch;
	for (uint32_t i = 0; ret == 0 && i < del_count; i++)
		ret = remove_rule(state, &del[i]);
	for (uint32_t i = 0; ret == 0 && i < add_count; i++)
		ret = add_rule(state, &add[i]);
	return ret;
}

// A probe for each table, and after it a chain. A table that lost its rules is probed as before.
static uint32_t steps_max(const struct pp_tuple_family *family)
{
	uint32_t longest = PP_TUPLE_STEPS, least = family->ip6 ? 0 : 1; // a home without a rule

	while (longest > least && family->chains[longest] == 0)
		longest--;
	return family->table_count * (1 + longest);
}

static void stats(const void *opaque, struct pp_engine_stats *out)
{
	const struct pp_tuple_state *state = opaque;

	*out = (struct pp_engine_stats){.used_bytes = sizeof(struct pp_tuple_head)};
	out->used_bytes += state->cond_end * sizeof(struct pp_tuple_cond);
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++) {
		const struct pp_tuple_family *family = &state->family[ip6];
		const struct pp_tuple_part *part = pp_tuple_part(family);
		uint32_t steps = steps_max(family);

		for (uint32_t i = 0; i < family->table_count; i++)
			out->tables += family->table[i].entries > 0;
		if (steps > out->steps_max)
			out->steps_max = steps;
		out->used_bytes += (uint64_t)family->units * PP_TUPLE_UNIT_BYTES;
		// Or as many lines of IPv4.
		out->used_bytes += (part->bucket_mask + 1) * sizeof(struct pp_tuple_bucket);
		out->used_bytes += sizeof(struct pp_tuple_cell) << (64 - part->cell_shift);
		out->used_bytes += family->word_end * sizeof(__u64);
	}
}

const struct pp_engine_ops pp_engine_tuple = {
	.abi = PP_ENGINE_ABI,
	.flags = PP_ENGINE_CACHE,
	.name = "tuple",
	.rules_max = 131000,
	.compile = compile,
	.destroy = destroy,
	.emit = emit,
	.change = change,
	.stats = stats,
};
