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

static struct pp_engine_rule *engine_rules(const struct pp_ruleset *rules,
					   const struct pp_image_sets *sets,
					   const struct pp_bindings *bindings)
{
	uint32_t count = pp_ruleset_count(rules);
	struct pp_engine_rule *out = calloc(count ?: 1, sizeof(*out));

	for (uint32_t i = 0; out != NULL && i < count; i++)
		pp_engine_rule_fill(&out[i], pp_ruleset_at(rules, i), i + 1, bindings, &sets->used);
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
		return pp_error_set(err, -ENOSPC, 0, 0, "engine %s holds at most %u rules",
				    ops->name, ops->rules_max);
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
	struct pp_engine_rule *rule = engine_rules(rules, sets, bindings);
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

	if (ret < 0)
		*rule_id = entry->id;
	else
		pp_images_touch(images, (uint64_t)((uint8_t *)action - images->shadow),
				sizeof(*action));
	return ret;
}

static int fill_actions(struct pp_images *images,
			const struct pp_ruleset *rules,
			const struct pp_bindings *bindings,
			uint32_t *rule_id,
			struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < pp_ruleset_count(rules); i++)
		ret = fill_action(images, pp_ruleset_at(rules, i), bindings, rule_id, err);
	images->sole_sink = bindings->sole_sink != NULL;
	return ret;
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
	images->engine->ops->stats(images->state, &images->stats);
	return 0;
}

int pp_images_update(struct pp_images *images,
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
	ret = ret ?: pp_images_fill(images, rules, bindings, rule_id, err);
	if (ret < 0)
		pp_images_forget(images);
	return ret;
}
