// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ENTRIES_MAX ((1u << 18) - 1)
#define CONDS_MAX (1u << 17)

uint64_t pp_tuple_fixed_seed;

// What build() works on: the rules of each family as boxes.
struct build {
	struct pp_tuple_box *box[PP_TUPLE_FAMILIES];
	uint32_t count[PP_TUPLE_FAMILIES];
	struct pp_tuple_mask mask[PP_TUPLE_FAMILIES][PP_TUPLE_TABLES_PLANNED];
	int masks[PP_TUPLE_FAMILIES];
	struct pp_tuple_need need;
	int refused_ip6;
	uint32_t refused; // box
};

uint64_t pp_tuple_random(struct pp_tuple_state *state)
{
	uint64_t z = state->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t new_seed(void)
{
	uint64_t seed = pp_tuple_fixed_seed;

	if (seed == 0 && getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed; // an early boot: hardly known to an attacker
	return seed;
}

void pp_tuple_state_destroy(struct pp_tuple_state *state)
{
	if (state == NULL)
		return;
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++) {
		free(state->family[ip6].entry);
		free(state->family[ip6].word_index);
		free(state->family[ip6].first);
		free(state->family[ip6].shadow);
	}
	for (uint32_t i = 0; i < PP_TUPLE_IFACES + PP_DIRECTIONS; i++)
		free(state->other[i].rule);
	if (state->owns_body)
		free(state->body);
	free(state->cond_index);
	free(state);
}

static void start_numbers(struct pp_tuple_family *family, const struct build *build)
{
	struct pp_tuple_numbers *numbers = pp_tuple_numbers(family);

	for (int i = 0; i < PP_TUPLE_MULS; i++)
		numbers->mul[i] = pp_tuple_random(family->state) | 1;
	for (int i = 0; i < PP_TUPLE_LEVELS; i++)
		numbers->level_mul[i] = pp_tuple_random(family->state) | 1;
	// Where there is no table a search that has bits of nothing but tables ends.
	for (uint32_t i = 0; i < PP_TUPLE_BITS; i++)
		pp_tuple_table(family, i)->best_rank = UINT32_MAX;
	for (int i = 0; i < build->masks[family->ip6]; i++)
		pp_tuple_table_new(family, &build->mask[family->ip6][i]);
}

static int start_family(struct pp_tuple_state *state, const struct build *build, int ip6)
{
	struct pp_tuple_family *family = &state->family[ip6];

	family->state = state;
	family->ip6 = ip6;
	family->free[0] = family->free[1] = PP_TUPLE_NONE;
	family->entry = calloc(pp_tuple_part(family)->rule_units, sizeof(family->entry[0]));
	family->word_index =
		calloc(2 * (pp_tuple_part(family)->word_mask + 1), sizeof(family->word_index[0]));
	if (family->entry == NULL || family->word_index == NULL)
		return -ENOMEM;
	pp_tuple_words_clear(family);
	for (uint32_t i = 0; !ip6 && i <= pp_tuple_part(family)->bucket_mask; i++)
		pp_tuple_line_clear(family, i);
	family->entry_end = ip6 ? 0 : pp_tuple_homes(&state->config);
	start_numbers(family, build);
	return 0;
}

// @return  NULL: no memory.
static struct pp_tuple_state *state_create(const struct build *build,
					   const struct pp_engine_shape *shape)
{
	struct pp_tuple_state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return NULL;
	if (pp_tuple_layout_holds(shape, &build->need))
		state->shape = *shape;
	else
		pp_tuple_layout(&state->shape, &build->need);
	memcpy(&state->config, state->shape.config, sizeof(state->config));
	state->random = new_seed();
	state->owns_body = true;
	state->body = aligned_alloc(64, state->shape.body_bytes);
	state->cond_index =
		calloc(2 * pp_tuple_cond_count(&state->config), sizeof(state->cond_index[0]));
	if (state->body == NULL || state->cond_index == NULL) {
		pp_tuple_state_destroy(state);
		return NULL;
	}
	memset(state->body, 0, state->shape.body_bytes);
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++)
		if (start_family(state, build, ip6) < 0) {
			pp_tuple_state_destroy(state);
			return NULL;
		}
	return state;
}

static enum pp_tuple_lack place_all(struct pp_tuple_state *state, struct build *build)
{
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++)
		for (uint32_t i = 0; i < build->count[ip6]; i++)
			if (!pp_tuple_place(&state->family[ip6], &build->box[ip6][i])) {
				build->refused_ip6 = ip6;
				build->refused = i;
				return state->family[ip6].lack;
			}
	return PP_TUPLE_LACK_NOTHING;
}

static int set_filters(struct pp_tuple_family *family)
{
	int ret;

	pp_tuple_tables_sort(family);
	for (uint32_t i = 0; i < family->entry_end; i++)
		if (family->entry[i].units > 0)
			pp_tuple_filter_add_fields(family, i);
	ret = pp_tuple_levels_choose(family);
	family->filters = true;
	return ret;
}

// A program that is to be loaded reads no words that tell nothing.
static void choose_fields(struct pp_tuple_state *state, const struct pp_engine_shape *loaded)
{
	if (memcmp(&state->shape, loaded, sizeof(*loaded)) == 0)
		return;
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++)
		state->config.part[ip6].fields = pp_tuple_filter_fields(&state->family[ip6]);
	memcpy(state->shape.config, &state->config, sizeof(state->config));
}

static bool more(uint32_t *need)
{
	if (*need >= ENTRIES_MAX)
		return false;
	*need = *need * 2 < ENTRIES_MAX ? *need * 2 : ENTRIES_MAX;
	return true;
}

// Rules that were split, or that took two units for want of a condition with their ports.
static bool ask_for_rules6(struct pp_tuple_need *need)
{
	uint32_t *rules = &need->rules[PP_TUPLE_IP6], *units = &need->units[PP_TUPLE_IP6];

	if (*units == 2 * *rules && !more(rules))
		return false;
	*units = *rules * 2;
	return true;
}

// Rules that were split, or of which more share their keys than chance would have it.
static bool ask_for_rules4(struct pp_tuple_need *need, const struct pp_tuple_state *state)
{
	uint32_t homes = pp_tuple_homes(&state->config);

	if (state->family[PP_TUPLE_IP4].entries > homes)
		return more(&need->rules[PP_TUPLE_IP4]);
	need->units[PP_TUPLE_IP4] = state->config.part[PP_TUPLE_IP4].rule_units - homes;
	return more(&need->units[PP_TUPLE_IP4]);
}

// @return  false: there can be no more of what is lacking.
static bool
ask_for_more(struct build *build, enum pp_tuple_lack lack, const struct pp_tuple_state *state)
{
	uint32_t conds = pp_tuple_cond_count(&state->config);

	if (lack == PP_TUPLE_LACK_CONDS && conds < CONDS_MAX) {
		build->need.conds = conds * 2;
		return true;
	}
	return lack == PP_TUPLE_LACK_ENTRIES &&
	       (build->refused_ip6 ? ask_for_rules6(&build->need)
				   : ask_for_rules4(&build->need, state));
}

static int finish(struct pp_tuple_state *state,
		  const struct pp_engine_shape *loaded,
		  struct pp_tuple_state **out)
{
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++)
		if (set_filters(&state->family[ip6]) < 0) {
			pp_tuple_state_destroy(state);
			return -ENOMEM;
		}
	choose_fields(state, loaded);
	*out = state;
	return 0;
}

// A shape that is made for the rules has room for more of them.
static bool is_tight(const struct pp_tuple_state *state, const struct pp_engine_shape *loaded)
{
	uint32_t units = state->config.part[PP_TUPLE_IP4].rule_units;
	uint32_t behind = units - pp_tuple_homes(&state->config);

	return memcmp(&state->shape, loaded, sizeof(*loaded)) != 0 && behind < ENTRIES_MAX &&
	       5 * state->family[PP_TUPLE_IP4].units > 4 * behind;
}

static int try_to_place(struct build *build,
			const struct pp_engine_shape *shape,
			struct pp_tuple_state **out,
			struct pp_error *err)
{
	for (;;) {
		struct pp_tuple_state *state = state_create(build, shape);
		enum pp_tuple_lack lack;
		bool again;

		if (state == NULL)
			return -ENOMEM;
		lack = place_all(state, build);
		if (lack == PP_TUPLE_LACK_NOTHING && is_tight(state, shape)) {
			lack = PP_TUPLE_LACK_ENTRIES;
			build->refused_ip6 = 0;
		}
		if (lack == PP_TUPLE_LACK_NOTHING)
			return finish(state, shape, out);
		again = ask_for_more(build, lack, state);
		pp_tuple_state_destroy(state);
		if (lack == PP_TUPLE_LACK_MEMORY)
			return -ENOMEM;
		if (!again)
			return pp_tuple_refuse(build->box[build->refused_ip6],
					       build->count[build->refused_ip6], build->refused,
					       build->refused_ip6, err);
	}
}

static int
make_family(struct build *build, const struct pp_engine_rule *rule, uint32_t count, int ip6)
{
	struct pp_tuple_box *box = malloc((count + 1) * sizeof(*box));
	uint32_t boxes = 0;

	build->box[ip6] = box;
	if (box == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		if (!pp_tuple_box_of(&box[boxes], &rule[i], ip6))
			continue;
		if (ip6)
			build->need.units[ip6] += pp_tuple_box_units(&box[boxes], ip6);
		boxes++;
	}
	build->count[ip6] = build->need.rules[ip6] = boxes;
	build->need.conds += pp_tuple_cond_with_ports(box, boxes, ip6);
	build->masks[ip6] = pp_tuple_plan(build->mask[ip6], box, boxes, ip6, new_seed());
	return build->masks[ip6] < 0 ? build->masks[ip6] : 0;
}

static int make_boxes(struct build *build, const struct pp_engine_rule *rule, uint32_t count)
{
	int ret = 0;

	for (int ip6 = 0; ret == 0 && ip6 < PP_TUPLE_FAMILIES; ip6++)
		ret = make_family(build, rule, count, ip6);
	return ret;
}

int pp_tuple_build(struct pp_tuple_state **out,
		   const struct pp_engine_rule *rule,
		   uint32_t count,
		   const struct pp_engine_shape *shape,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	struct pp_tuple_state *state = NULL;
	struct build build = {.need = {.conds = 1}};
	int ret = make_boxes(&build, rule, count);

	if (ret == 0)
		ret = try_to_place(&build, shape, &state, err);
	if (ret == -E2BIG)
		*rule_id = build.box[build.refused_ip6][build.refused].rule_id;
	for (uint32_t i = 0; ret == 0 && i < count; i++)
		if (rule[i].frames & PP_FRAMES_OTHER)
			ret = pp_tuple_other_add(state, &rule[i]);
	for (int ip6 = 0; ip6 < PP_TUPLE_FAMILIES; ip6++)
		free(build.box[ip6]);
	if (ret < 0)
		pp_tuple_state_destroy(state);
	else
		*out = state;
	return ret;
}
