// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <string.h>

#include "caps.h"
#include "images_priv.h"
#include "plane_priv.h"

int pp_plane_check_engine_name(const struct pp_plane_config *config,
			       struct pp_where *where,
			       struct pp_error *err)
{
	int ret;

	if (where != NULL)
		*where = (struct pp_where){PP_WHERE_ENGINE, 0, 0};
	if (config->own.ops != NULL)
		ret = pp_engine_check(&config->own, err);
	else if (pp_engine_pick(config->engine, NULL, 0) == NULL)
		ret = pp_error_set(err, -EINVAL, 0, 0, "no engine is named '%s'; expected %s",
				   config->engine, pp_engine_names());
	else
		ret = 0;
	return ret;
}

// In memory, without the kernel.
static int compile(const struct pp_engine *engine,
		   const struct pp_ruleset *rules,
		   const struct pp_bindings *bindings,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	struct pp_image_sets sets = {0};
	struct pp_images images;
	int ret;

	pp_used_sets_find(&sets.used, rules);
	pp_images_clear(&images);
	images.engine = engine;
	ret = pp_images_compile(&images, rules, &sets, bindings, rule_id, err);
	pp_images_forget(&images);
	return ret;
}

// As pp_plane_publish() will: what cannot be bounded in tables falls to a simpler engine where it may.
static int compile_built_in(const struct pp_plane_config *config,
			    const struct pp_ruleset *rules,
			    const struct pp_bindings *bindings,
			    uint32_t *rule_id,
			    struct pp_error *err)
{
	uint32_t count = pp_ruleset_count(rules);
	const struct pp_engine *engine = pp_engine_pick(config->engine, NULL, count);
	int ret = compile(engine, rules, bindings, rule_id, err);

	if (ret != -E2BIG || pp_engine_simpler(config->engine, engine, count) == NULL)
		return ret;
	*rule_id = 0;
	return 0;
}

// All programs into the kernel and out again.
static int load(const struct pp_plane_config *config,
		const struct pp_engine *engine,
		const struct pp_ruleset *rules,
		const struct pp_bindings *bindings,
		uint32_t *rule_id,
		struct pp_error *err)
{
	const struct pp_tap_config tap_config = {.frame_kind = PP_FRAME_ETHERNET,
						 .queue_count = 1,
						 .timestamps = config->timestamps};
	struct pp_tap_out *out = NULL;
	struct pp_tap *tap = NULL;
	struct pp_maps maps;
	int ret = pp_maps_init(&maps, 2, PP_COPY_RING_BYTES_MIN, err);

	if (ret < 0)
		return ret;
	maps.cache_mode = config->cache;
	ret = pp_maps_reshape_unread(&maps, engine, rules, bindings, rule_id, err);
	ret = ret ?: pp_tap_open(&tap, &maps, &tap_config, err);
	ret = ret ?: pp_tap_load_frags(tap, err);
	ret = ret ?: pp_tap_out_open(&out, &maps, &tap_config, err);
	pp_tap_out_close(out);
	pp_tap_close(tap);
	pp_maps_fini(&maps);
	return ret;
}

int pp_plane_check_engine(const struct pp_plane_config *config,
			  const struct pp_ruleset *rules,
			  struct pp_where *where,
			  struct pp_error *err)
{
	const struct pp_bindings bindings = {
		config->iface, config->iface_count, config->consumer, config->consumer_count,
		NULL,	       config->copy,	    config->route};
	const struct pp_engine engine = pp_engine_of(&config->own);
	struct pp_where at = {PP_WHERE_ENGINE, 0, 0};
	uint32_t rule_id = 0;
	int ret = pp_plane_check_engine_name(config, &at, err);

	if (ret == 0 && config->own.ops != NULL)
		ret = compile(&engine, rules, &bindings, &rule_id, err);
	else if (ret == 0)
		ret = compile_built_in(config, rules, &bindings, &rule_id, err);
	if (ret == 0 && config->own.ops != NULL && pp_caps_check(NULL) == 0) {
		at.kind = PP_WHERE_ENGINE_OBJECT;
		ret = load(config, &engine, rules, &bindings, &rule_id, err);
	}
	if (rule_id != 0)
		at = (struct pp_where){PP_WHERE_RULE, rule_id, 0};
	if (ret < 0 && where != NULL)
		*where = at;
	return ret;
}
