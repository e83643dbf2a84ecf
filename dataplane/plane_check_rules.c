// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/plane.h>

#include "engine.h"

int pp_plane_check_rules(const struct pp_plane_config *config,
			 const struct pp_ruleset *rules,
			 struct pp_where *where,
			 struct pp_error *err)
{
	const struct pp_bindings bindings = {config->iface, config->iface_count, config->consumer,
					     config->consumer_count, NULL};
	struct pp_action action;

	if (where != NULL)
		*where = (struct pp_where){PP_WHERE_NONE, 0, 0};
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules, i);
		int ret = pp_engine_action_fill(&action, entry, &bindings, err);

		if (ret < 0 && where != NULL)
			*where = (struct pp_where){PP_WHERE_RULE, entry->id, 0};
		if (ret < 0)
			return ret;
	}
	return 0;
}
