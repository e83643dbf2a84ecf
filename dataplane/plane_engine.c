// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pp_plane_engine_init(struct pp_plane_engine *out,
			 const struct pp_plane_config *config,
			 struct pp_error *err)
{
	*out = (struct pp_plane_engine){.own = config->own, .cache = config->cache};
	memcpy(out->name, config->engine, sizeof(out->name));
	if (config->own.ops == NULL)
		return 0;
	out->engine = malloc(sizeof(*out->engine));
	if (out->engine == NULL)
		return pp_plane_no_memory(err);
	*out->engine = pp_engine_of(&config->own);
	pp_engine_hold(&config->own);
	return 0;
}

void pp_plane_engine_fini(struct pp_plane_engine *wanted)
{
	if (wanted->engine != NULL)
		pp_engine_unload(&wanted->own);
	free(wanted->engine);
	*wanted = (struct pp_plane_engine){0};
}

const struct pp_engine *pp_plane_engine_pick(const struct pp_plane_engine *wanted,
					     const struct pp_engine *current,
					     uint32_t count)
{
	if (wanted->engine != NULL)
		return wanted->engine;
	// What is not built in says nothing about which of those should stay.
	if (current != NULL && pp_engine_find(current->ops->name) != current)
		current = NULL;
	return pp_engine_pick(wanted->name, current, count);
}

// With a comma before every three digits.
static const char *grouped(uint32_t n, char *buf, size_t bytes)
{
	if (n < 1000)
		snprintf(buf, bytes, "%" PRIu32, n);
	else if (n < 1000000)
		snprintf(buf, bytes, "%" PRIu32 ",%03" PRIu32, n / 1000, n % 1000);
	else
		snprintf(buf, bytes, "%" PRIu32 ",%03" PRIu32 ",%03" PRIu32, n / 1000000,
			 n / 1000 % 1000, n % 1000);
	return buf;
}

void pp_plane_engine_say_why(struct pp_plane *plane,
			     const struct pp_plane_engine *wanted,
			     uint32_t count)
{
	char number[32];

	if (wanted->engine != NULL || strcmp(wanted->name, PP_ENGINE_AUTO) != 0)
		snprintf(plane->engine_why, sizeof(plane->engine_why), "configured");
	else
		snprintf(plane->engine_why, sizeof(plane->engine_why), "auto: %s rule%s%s",
			 grouped(count, number, sizeof(number)), count == 1 ? "" : "s",
			 plane->engine_refused > 0 ? " that fit into no tables" : "");
}

static void set_config(struct pp_plane *plane, const struct pp_plane_engine *wanted)
{
	memcpy(plane->config.engine, wanted->name, sizeof(wanted->name));
	plane->config.own = wanted->own;
	plane->config.cache = wanted->cache;
}

static int apply_with(struct pp_plane *plane,
		      const struct pp_plane_engine *next,
		      struct pp_ruleset *rules,
		      struct pp_where *where,
		      struct pp_error *err)
{
	struct pp_ruleset *copy = NULL;
	int ret = rules == NULL ? pp_ruleset_copy(&copy, plane->rules) : 0;

	if (ret < 0)
		return pp_plane_no_memory(err);
	plane->engine_next = next;
	set_config(plane, next);
	ret = pp_plane_apply(plane, rules ?: copy, where, err);
	plane->engine_next = NULL;
	if (ret < 0)
		pp_ruleset_destroy(copy);
	return ret;
}

static int set_engine_locked(struct pp_plane *plane,
			     const struct pp_plane_config *config,
			     struct pp_ruleset *rules,
			     struct pp_where *where,
			     struct pp_error *err)
{
	struct pp_where unused, *at = where ?: &unused;
	struct pp_plane_engine next;
	int ret = pp_plane_check_engine_name(config, at, err);

	if (ret < 0)
		return ret;
	*at = (struct pp_where){PP_WHERE_NONE, 0, 0};
	ret = pp_plane_engine_init(&next, config, err);
	if (ret < 0)
		return ret;
	ret = apply_with(plane, &next, rules, at, err);
	if (ret < 0) {
		if (at->kind == PP_WHERE_NONE)
			at->kind = PP_WHERE_ENGINE;
		set_config(plane, &plane->engine);
		pp_plane_engine_fini(&next);
		return ret;
	}
	pp_plane_engine_fini(&plane->engine);
	plane->engine = next;
	return 0;
}

int pp_plane_set_engine(struct pp_plane *plane,
			const struct pp_plane_config *config,
			struct pp_ruleset *rules,
			struct pp_where *where,
			struct pp_error *err)
{
	int ret;

	pp_plane_lock(plane);
	ret = set_engine_locked(plane, config, rules, where, err);
	pp_plane_unlock(plane);
	return ret;
}

const char *pp_plane_engine(const struct pp_plane *plane)
{
	return plane->maps.images.engine->ops->name;
}

void pp_plane_engine_info(const struct pp_plane *plane, struct pp_engine_info *out)
{
	const struct pp_images *images = &plane->maps.images;

	*out = (struct pp_engine_info){
		.name = images->engine->ops->name,
		.rules = pp_ruleset_count(plane->rules),
		.tables = images->stats.tables,
		.steps_max = images->stats.steps_max,
		.used_bytes = images->stats.used_bytes,
		.image_bytes = images->layout.half_bytes,
		.loads = plane->apply.loads,
	};
	memcpy(out->why, plane->engine_why, sizeof(out->why));
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		uint32_t insns = pp_tap_verified_insns(plane->iface[i].tap);

		if (insns > out->verified_insns)
			out->verified_insns = insns;
		out->load_ns += pp_tap_load_ns(plane->iface[i].tap);
	}
	pp_cache_stats(&images->cache, &out->cache);
}
