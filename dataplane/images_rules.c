// SPDX-License-Identifier: MIT OR Apache-2.0
#include "images_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

void pp_images_forget(struct pp_images *images)
{
	if (images->state != NULL)
		images->engine->ops->destroy(images->state);
	images->state = NULL;
	pp_ruleset_destroy(images->rules);
	images->rules = NULL;
}

static void fill_rule(struct pp_engine_rule *out,
		      const struct pp_ruleset_entry *entry,
		      const struct pp_image_sets *sets,
		      const struct pp_bindings *bindings)
{
	pp_engine_rule_fill(out, entry, bindings, &sets->used);
}

static struct pp_engine_rule *all_rules(const struct pp_ruleset *rules,
					const struct pp_image_sets *sets,
					const struct pp_bindings *bindings)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(rules, 0);
	struct pp_engine_rule *out = calloc(pp_ruleset_count(rules) ?: 1, sizeof(*out));
	const struct pp_ruleset_entry *entry;

	for (uint32_t i = 0; out != NULL && (entry = pp_ruleset_next(&cursor)) != NULL; i++)
		fill_rule(&out[i], entry, sets, bindings);
	return out;
}

static struct pp_engine_rule *some_rules(const struct pp_ruleset_entry *const *entry,
					 uint32_t count,
					 const struct pp_image_sets *sets,
					 const struct pp_bindings *bindings)
{
	struct pp_engine_rule *out = calloc(count ?: 1, sizeof(*out));

	for (uint32_t i = 0; out != NULL && i < count; i++)
		fill_rule(&out[i], entry[i], sets, bindings);
	return out;
}

// What an engine that nobody here has seen may get wrong.
static int check_shape(const struct pp_engine_ops *ops,
		       const struct pp_engine_shape *shape,
		       struct pp_error *err)
{
	if (shape->body_bytes > 0 && shape->body_bytes % 64 == 0 &&
	    shape->body_bytes < PP_MAP_BYTES_MAX)
		return 0;
	return pp_error_set(err, -EPROTO, 0, 0,
			    "engine %s asks for a body of %llu bytes; a multiple of 64 is needed",
			    ops->name, (unsigned long long)shape->body_bytes);
}

static int compile(const struct pp_engine_ops *ops,
		   void **state,
		   const struct pp_engine_rule *rule,
		   uint32_t count,
		   struct pp_engine_shape *shape,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	struct pp_error unused;
	int ret;

	if (ops->rules_max != 0 && count > ops->rules_max) {
		*rule_id = rule[ops->rules_max].rule_id;
		return pp_engine_full(ops->name, ops->rules_max, err);
	}
	err = err ?: &unused;
	pp_error_set(err, 0, 0, 0, "engine %s does not say why", ops->name);
	ret = ops->compile(state, rule, count, shape, rule_id, err);
	if (ret < 0)
		return ret;
	ret = check_shape(ops, shape, err);
	if (ret < 0)
		ops->destroy(*state);
	return ret;
}

int pp_images_compile(struct pp_images *images,
		      const struct pp_ruleset *rules,
		      const struct pp_image_sets *sets,
		      const struct pp_bindings *bindings,
		      uint32_t *rule_id,
		      struct pp_error *err)
{
	const struct pp_engine_ops *ops = images->engine->ops;
	struct pp_engine_rule *rule = all_rules(rules, sets, bindings);
	struct pp_engine_shape shape = images->shape;
	void *state = NULL;
	int ret;

	*rule_id = 0;
	if (rule == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = compile(ops, &state, rule, pp_ruleset_count(rules), &shape, rule_id, err);
	free(rule);
	if (ret < 0)
		return ret;
	pp_images_forget(images);
	images->state = state;
	images->shape = shape;
	images->compiled++;
	pp_used_sets_rename(&sets->used, &images->names);
	return 0;
}

static struct pp_meter *meter_at(struct pp_images *images, uint32_t index)
{
	return (struct pp_meter *)(images->shadow + images->layout.meters_at) + index;
}

// A rule with `sample` or `limit`: its action names a meter.
static int fill_meter(struct pp_images *images,
		      const struct pp_ruleset_entry *entry,
		      struct pp_action *action,
		      struct pp_error *err)
{
	struct pp_meter *meter;
	uint32_t index;
	int ret = pp_meters_take(&images->meters, entry->id, &index, err);

	if (ret < 0)
		return ret;
	meter = meter_at(images, index);
	pp_meters_fill(meter, &entry->rule, entry->id, action->take_last,
		       images->meters.share[index]);
	pp_images_touch(images, (uint64_t)((uint8_t *)meter - images->shadow), sizeof(*meter));
	action->take_last = (uint16_t)index;
	action->how |= PP_ACTION_METER;
	return 0;
}

static int fill_action(struct pp_images *images,
		       const struct pp_ruleset_entry *entry,
		       const struct pp_bindings *bindings,
		       uint32_t *rule_id,
		       struct pp_error *err)
{
	struct pp_image_head *head = (struct pp_image_head *)images->shadow;
	struct pp_action *action = &head->action[entry->slot];
	int ret = pp_engine_action_fill(action, entry, bindings, err);

	if (ret == 0 && pp_meters_wanted(&entry->rule))
		ret = fill_meter(images, entry, action, err);
	if (ret < 0)
		*rule_id = entry->id;
	else
		pp_images_touch(images, (uint64_t)((uint8_t *)action - images->shadow),
				sizeof(*action));
	return ret;
}

static bool is_among(const void *rules, uint32_t rule_id)
{
	return pp_ruleset_find(rules, rule_id) != NULL;
}

static int fill_actions(struct pp_images *images,
			const struct pp_ruleset *rules,
			const struct pp_bindings *bindings,
			uint32_t *rule_id,
			struct pp_error *err)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(rules, 0);
	const struct pp_ruleset_entry *entry;
	int ret = 0;

	pp_meters_sweep(&images->meters, is_among, rules);
	while (ret == 0 && (entry = pp_ruleset_next(&cursor)) != NULL)
		ret = fill_action(images, entry, bindings, rule_id, err);
	images->sole = bindings->sole != NULL;
	return ret;
}

// What shadow and state hold from here on.
static int remember(struct pp_images *images, const struct pp_ruleset *rules, struct pp_error *err)
{
	struct pp_ruleset *copy;

	if (pp_ruleset_copy(&copy, rules) < 0)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	pp_ruleset_destroy(images->rules);
	images->rules = copy;
	images->engine->ops->stats(images->state, &images->stats);
	return 0;
}

static void fill_body(struct pp_images *images)
{
	uint8_t *body = images->shadow + images->layout.body_at;

	memset(body, 0, images->layout.body_bytes);
	images->engine->ops->emit(images->state, body);
	pp_images_touch_body(images, 0, images->layout.body_bytes);
}

int pp_images_fill(struct pp_images *images,
		   const struct pp_ruleset *rules,
		   const struct pp_bindings *bindings,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	int ret = fill_actions(images, rules, bindings, rule_id, err);

	if (ret < 0)
		return ret;
	fill_body(images);
	return remember(images, rules, err);
}

// Above so many changes compiling is faster.
static bool is_small(const struct pp_ruleset_diff *diff, const struct pp_ruleset *rules)
{
	return diff->added_count + diff->deleted_count <= pp_ruleset_count(rules) / 8 + 1;
}

// Whether what state and shadow hold of the rules that stay is what they must hold.
static bool can_change(const struct pp_images *images,
		       const struct pp_image_sets *sets,
		       const struct pp_bindings *bindings)
{
	struct pp_set_names names = images->names;

	return images->engine->ops->change != NULL && images->state != NULL &&
	       images->rules != NULL && images->sole == (bindings->sole != NULL) &&
	       !pp_used_sets_rename(&sets->used, &names);
}

static int change_body(struct pp_images *images,
		       const struct pp_ruleset_diff *diff,
		       const struct pp_image_sets *sets,
		       const struct pp_bindings *bindings)
{
	const struct pp_engine_touch touch = {pp_images_touch_body, images};
	struct pp_engine_rule *del, *add;
	int ret = -EAGAIN;

	del = some_rules(diff->deleted, diff->deleted_count, sets, bindings);
	add = some_rules(diff->added, diff->added_count, sets, bindings);
	if (del != NULL && add != NULL)
		ret = images->engine->ops->change(
			images->state, images->shadow + images->layout.body_at, del,
			diff->deleted_count, add, diff->added_count, &touch);
	free(del);
	free(add);
	return ret;
}

// @return  0; -EAGAIN: to be compiled; -EINVAL.
static int apply_diff(struct pp_images *images,
		      const struct pp_ruleset_diff *diff,
		      const struct pp_image_sets *sets,
		      const struct pp_bindings *bindings,
		      uint32_t *rule_id,
		      struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < diff->deleted_count; i++)
		if (pp_meters_wanted(&diff->deleted[i]->rule))
			pp_meters_release(&images->meters, diff->deleted[i]->id);
	for (uint32_t i = 0; ret == 0 && i < diff->added_count; i++)
		ret = fill_action(images, diff->added[i], bindings, rule_id, err);
	return ret ?: change_body(images, diff, sets, bindings);
}

// Change what is different.
//
// @return  As apply_diff().
static int change(struct pp_images *images,
		  const struct pp_ruleset *rules,
		  const struct pp_image_sets *sets,
		  const struct pp_bindings *bindings,
		  uint32_t *rule_id,
		  struct pp_error *err)
{
	struct pp_ruleset_diff diff;
	int ret = -EAGAIN;

	if (!can_change(images, sets, bindings) || pp_ruleset_diff(images->rules, rules, &diff) < 0)
		return -EAGAIN;
	if (is_small(&diff, rules))
		ret = apply_diff(images, &diff, sets, bindings, rule_id, err);
	pp_ruleset_diff_fini(&diff);
	if (ret < 0)
		return ret;
	images->changed++;
	return remember(images, rules, err);
}

// Compile all of them.
static int compile_anew(struct pp_images *images,
			const struct pp_ruleset *rules,
			const struct pp_image_sets *sets,
			const struct pp_bindings *bindings,
			uint32_t *rule_id,
			struct pp_error *err)
{
	struct pp_engine_shape shape = images->shape;
	int ret = pp_images_compile(images, rules, sets, bindings, rule_id, err);

	if (ret == 0 && memcmp(&shape, &images->shape, sizeof(shape)) != 0) {
		images->shape = shape;
		ret = pp_error_set(err, -ENOBUFS, 0, 0, "the rules have outgrown the images");
	}
	return ret ?: pp_images_fill(images, rules, bindings, rule_id, err);
}

int pp_images_update(struct pp_images *images,
		     const struct pp_ruleset *rules,
		     const struct pp_image_sets *sets,
		     const struct pp_bindings *bindings,
		     uint32_t *rule_id,
		     struct pp_error *err)
{
	int ret = change(images, rules, sets, bindings, rule_id, err);

	if (ret == -EAGAIN)
		ret = compile_anew(images, rules, sets, bindings, rule_id, err);
	if (ret < 0)
		pp_images_forget(images);
	return ret;
}

// One number after the other: a packet between them pays one price and has room for the other's
// credit, and nothing else is amiss.
static void store_share(struct pp_meter *meter, const struct pp_meter *from)
{
	__atomic_store_n(&meter->cost, from->cost, __ATOMIC_RELAXED);
	__atomic_store_n(&meter->credit_max, from->credit_max, __ATOMIC_RELAXED);
}

static void share_one(struct pp_images *images, uint32_t index, uint32_t share)
{
	struct pp_meter *meter = meter_at(images, index);
	uint64_t at = (uint64_t)((uint8_t *)meter - images->shadow);

	images->meters.share[index] = share;
	pp_meters_fill_share(meter, share);
	store_share((struct pp_meter *)(pp_images_half(images, images->in_force) + at), meter);
	pp_images_touch(images, at, sizeof(*meter));
}

void pp_images_share(struct pp_images *images,
		     uint32_t (*cpus)(void *arg, uint32_t meter, uint32_t rule_id),
		     void *arg)
{
	for (uint32_t i = 0; images->meters.count > 0 && i < PP_METERS_MAX; i++) {
		uint32_t share;

		if (images->meters.owner[i] == 0 || meter_at(images, i)->rate == 0)
			continue;
		share = cpus(arg, i, images->meters.owner[i]);
		if (share != 0 && share != images->meters.share[i])
			share_one(images, i, share);
	}
}
