// SPDX-License-Identifier: MIT OR Apache-2.0
#include "tuple_churn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_tuple.h"
#include "engine_tuple_lookup.h"
#include "tuple_check.h"

#define CHANGED_MAX 4u

static void touch(void *arg, uint64_t offset_bytes, uint64_t bytes)
{
	struct tuple_churn *churn = arg;

	memcpy((uint8_t *)churn->shown + offset_bytes, (uint8_t *)churn->body + offset_bytes,
	       bytes);
}

static void forget(struct tuple_churn *churn)
{
	if (churn->state != NULL)
		pp_engine_tuple.destroy(churn->state);
	free(churn->body);
	free(churn->shown);
	churn->state = churn->body = churn->shown = NULL;
}

static int by_rank(const void *a, const void *b)
{
	const struct pp_engine_rule *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int compile(struct tuple_churn *churn)
{
	struct pp_engine_shape shape = churn->shape;
	struct pp_error err;
	uint32_t rule_id;
	int ret;

	forget(churn);
	qsort(churn->rule, churn->count, sizeof(churn->rule[0]), by_rank);
	ret = pp_engine_tuple.compile(&churn->state, churn->rule, churn->count, &shape, &rule_id,
				      &err);
	if (ret < 0)
		return ret;
	churn->compiled++;
	churn->reloaded += memcmp(&shape, &churn->shape, sizeof(shape)) != 0;
	churn->shape = shape;
	churn->body = aligned_alloc(64, shape.body_bytes);
	churn->shown = aligned_alloc(64, shape.body_bytes);
	if (churn->body == NULL || churn->shown == NULL)
		return -ENOMEM;
	memset(churn->body, 0, shape.body_bytes);
	pp_engine_tuple.emit(churn->state, churn->body);
	memcpy(churn->shown, churn->body, shape.body_bytes);
	return 0;
}

void tuple_churn_init(struct tuple_churn *churn,
		      uint64_t seed,
		      const struct engine_mix *mix,
		      uint32_t target)
{
	*churn = (struct tuple_churn){.mix = *mix, .target = target};
	rule_gen_init(&churn->gen, seed);
	pp_tuple_fixed_seed = seed * 2 + 1;
	compile(churn);
}

void tuple_churn_fini(struct tuple_churn *churn)
{
	forget(churn);
}

// A slot that no rule had before this change, and a rank that none has.
static void name_rule(struct tuple_churn *churn, struct pp_engine_rule *rule)
{
	bool taken;

	do {
		rule->slot = 1 + rule_gen_below(&churn->gen, 4 * TUPLE_CHURN_SLOTS);
		rule->rank = rule_gen_below(&churn->gen, 0x7fffffff);
		rule->rule_id = rule->slot;
		taken = false;
		for (uint32_t i = 0; i < churn->count; i++)
			taken |= churn->rule[i].slot == rule->slot ||
				 churn->rule[i].rank == rule->rank;
	} while (taken);
}

static uint32_t pick_deleted(struct tuple_churn *churn, struct pp_engine_rule del[])
{
	uint32_t count = rule_gen_below(&churn->gen, CHANGED_MAX);

	if (rule_gen_below(&churn->gen, 2 * churn->target + 1) > churn->count)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at;

		if (churn->count == 0)
			return i;
		at = rule_gen_below(&churn->gen, churn->count);
		del[i] = churn->rule[at];
		churn->rule[at] = churn->rule[--churn->count];
	}
	return count;
}

// Now and then one rule twice.
static uint32_t pick_added(struct tuple_churn *churn, struct pp_engine_rule add[])
{
	uint32_t count = rule_gen_below(&churn->gen, CHANGED_MAX);

	if (rule_gen_below(&churn->gen, 2 * churn->target + 1) < churn->count)
		return 0;
	for (uint32_t i = 0; i < count && churn->count < TUPLE_CHURN_SLOTS; i++) {
		if (churn->count > 0 && rule_gen_below(&churn->gen, 8) == 0)
			add[i] = churn->rule[rule_gen_below(&churn->gen, churn->count)];
		else
			engine_rule_random(&churn->gen, &churn->mix, &add[i]);
		name_rule(churn, &add[i]);
		churn->rule[churn->count++] = add[i];
	}
	return count;
}

static const char *change(struct tuple_churn *churn)
{
	const struct pp_engine_touch how = {.touch = touch, .arg = churn};
	struct pp_engine_rule del[CHANGED_MAX], add[CHANGED_MAX];
	uint32_t del_count = pick_deleted(churn, del), add_count;
	int ret;

	add_count = pick_added(churn, add);
	ret = pp_engine_tuple.change(churn->state, churn->body, del, del_count, add, add_count,
				     &how);
	if (ret == 0)
		return NULL;
	if (ret != -EAGAIN)
		return "a change that cannot be made asks for compile()";
	churn->again++;
	ret = compile(churn);
	// Some rules too many share a key: any of them may go.
	while (ret == -E2BIG && churn->count > 0) {
		churn->refused++;
		churn->count -= churn->count > 8 ? 8 : churn->count;
		ret = compile(churn);
	}
	return ret == 0 ? NULL : "what was in force can be compiled";
}

static const char *compare(struct tuple_churn *churn)
{
	static const struct pp_engine_rule none = {.frames = PP_FRAMES_IP4 | PP_FRAMES_IP6 |
							     PP_FRAMES_OTHER,
						   .proto = -1,
						   .iface = -1};
	const struct pp_engine_rule *rule = &none;
	struct pp_tuple_config config;
	struct pp_key key;
	uint64_t sets;

	memcpy(&config, churn->shape.config, sizeof(config));
	if (churn->count > 0)
		rule = &churn->rule[rule_gen_below(&churn->gen, churn->count)];
	engine_key_near(&churn->gen, rule, &key, &sets);
	if (pp_tuple_lookup(churn->shown, &config, &key, sets, NULL) !=
	    engine_rules_match(churn->rule, churn->count, &key, sets))
		return "a lookup gives what the naive matcher gives";
	return NULL;
}

const char *tuple_churn_step(struct tuple_churn *churn, uint32_t lookups)
{
	const char *wrong = change(churn);

	if (wrong == NULL)
		wrong = tuple_check(churn->state, churn->body, churn->rule, churn->count);
	if (wrong == NULL && churn->steps++ % 16 == 0 &&
	    memcmp(churn->shown, churn->body, churn->shape.body_bytes) != 0)
		wrong = "all that was changed was touched";
	for (uint32_t i = 0; wrong == NULL && i < lookups; i++)
		wrong = compare(churn);
	return wrong;
}
