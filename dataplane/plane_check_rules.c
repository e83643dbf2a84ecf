// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/plane.h>

#include "engine.h"

static int check_name(const struct pp_ruleset_entry *entry,
		      const struct pp_bindings *bindings,
		      struct pp_where *where,
		      struct pp_error *err)
{
	int ret = pp_engine_check_rule(entry, bindings, err);

	if (ret < 0 && where != NULL)
		*where = (struct pp_where){PP_WHERE_RULE, entry->id, 0};
	return ret;
}

// Rules that an engine holds, if it was asked for by name: auto finds one that has room. What no
// engine is called is not looked at here.
static uint32_t rules_max(const struct pp_plane_config *config)
{
	const struct pp_engine *engine;

	if (config->own.ops != NULL)
		return config->own.ops->rules_max ?: UINT32_MAX;
	engine = pp_engine_find(config->engine);
	return engine != NULL ? engine->ops->rules_max : UINT32_MAX;
}

static int check_room(const struct pp_plane_config *config,
		      const struct pp_ruleset *rules,
		      struct pp_where *where,
		      struct pp_error *err)
{
	uint32_t most = rules_max(config);

	if (pp_ruleset_count(rules) <= most)
		return 0;
	if (where != NULL)
		*where = (struct pp_where){PP_WHERE_RULE, pp_ruleset_at(rules, most)->id, 0};
	return pp_engine_full(config->own.ops != NULL ? config->own.ops->name : config->engine,
			      most, err);
}

static struct pp_bindings bindings_of(const struct pp_plane_config *config)
{
	return (struct pp_bindings){
		config->iface, config->iface_count, config->consumer, config->consumer_count,
		NULL,	       config->copy,	    config->route};
}

int pp_plane_check_rules(const struct pp_plane_config *config,
			 const struct pp_ruleset *rules,
			 struct pp_where *where,
			 struct pp_error *err)
{
	const struct pp_bindings bindings = bindings_of(config);
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(rules, 0);
	const struct pp_ruleset_entry *entry;
	int ret = check_room(config, rules, where, err);

	while (ret == 0 && (entry = pp_ruleset_next(&cursor)) != NULL)
		ret = check_name(entry, &bindings, where, err);
	return ret;
}

int pp_plane_check_change(const struct pp_plane_config *config,
			  const struct pp_ruleset *rules,
			  const struct pp_ruleset_diff *diff,
			  struct pp_where *where,
			  struct pp_error *err)
{
	const struct pp_bindings bindings = bindings_of(config);
	int ret = check_room(config, rules, where, err);

	for (uint32_t i = 0; ret == 0 && i < diff->added_count; i++)
		ret = check_name(diff->added[i], &bindings, where, err);
	return ret;
}
