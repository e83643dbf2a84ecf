// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

const struct pp_engine *pp_engine_find(const char *name)
{
	if (strcmp(name, "linear") == 0 || strcmp(name, "auto") == 0)
		return &pp_engine_linear;
	return NULL;
}

int pp_bindings_iface(const struct pp_bindings *bindings, const char *name)
{
	for (uint32_t i = 0; i < bindings->iface_count; i++)
		if (strcmp(bindings->iface[i].name, name) == 0)
			return (int)i;
	return -1;
}

// An analyser takes both kinds; sink and reflect need a frame, which only a routed packet has.
static bool consumer_takes(const struct pp_consumer_config *consumer, bool route)
{
	return route || consumer->kind == PP_CONSUMER_COUNT;
}

// Without a name a route goes to the first sink or reflector before it goes to an analyser.
static int consumer_default(const struct pp_bindings *bindings, bool route)
{
	int found = PP_CONSUMER_NONE;

	for (uint32_t i = bindings->consumer_count; i-- > 0;)
		if (consumer_takes(&bindings->consumer[i], route))
			found = (int)i;
	for (uint32_t i = bindings->consumer_count; route && i-- > 0;)
		if (bindings->consumer[i].kind != PP_CONSUMER_COUNT)
			found = (int)i;
	return found;
}

int pp_bindings_consumer(const struct pp_bindings *bindings,
			 const char *name,
			 bool route,
			 struct pp_error *err)
{
	if (name[0] == '\0')
		return consumer_default(bindings, route);
	for (uint32_t i = 0; i < bindings->consumer_count; i++) {
		if (strcmp(bindings->consumer[i].name, name) != 0)
			continue;
		if (!consumer_takes(&bindings->consumer[i], route))
			return pp_error_set(
				err, -EINVAL, 0, 0,
				"consumer '%s' takes routed packets only; a copy goes to "
				"an analyser (kind count)",
				name);
		return (int)i;
	}
	return pp_error_set(err, -EINVAL, 0, 0, "no consumer is named '%s'", name);
}

const struct pp_consumer_config *pp_bindings_sole_sink(const struct pp_bindings *bindings,
						       const struct pp_ruleset *rules)
{
	const struct pp_consumer_config *sole = NULL;

	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		const struct pp_rule *rule = &pp_ruleset_at(rules, i)->rule;
		int consumer;

		if (rule->verdict != PP_VERDICT_ROUTE)
			continue;
		consumer = pp_bindings_consumer(bindings, rule->route_to, true, NULL);
		if (consumer < 0 || consumer == PP_CONSUMER_NONE ||
		    (sole != NULL && sole != &bindings->consumer[consumer]))
			return NULL;
		sole = &bindings->consumer[consumer];
	}
	return sole != NULL && sole->kind == PP_CONSUMER_SINK ? sole : NULL;
}

static int fill_action(struct pp_action *action,
		       const struct pp_ruleset_entry *entry,
		       const struct pp_bindings *bindings,
		       struct pp_error *err)
{
	const struct pp_rule *rule = &entry->rule;
	int consumer;

	*action = (struct pp_action){.rule_id = entry->id,
				     .take_bytes = rule->take_bytes,
				     .verdict = rule->verdict,
				     .copy = rule->copy,
				     .copy_to = PP_CONSUMER_NONE,
				     .route_to = PP_CONSUMER_NONE};
	if (rule->copy) {
		consumer = pp_bindings_consumer(bindings, rule->copy_to, false, err);
		if (consumer < 0)
			return consumer;
		action->copy_to = (uint8_t)consumer;
	}
	if (rule->verdict == PP_VERDICT_ROUTE) {
		consumer = pp_bindings_consumer(bindings, rule->route_to, true, err);
		if (consumer < 0)
			return consumer;
		action->route_to = (uint8_t)consumer;
		action->no_meta = consumer != PP_CONSUMER_NONE &&
				  bindings->sole_sink == &bindings->consumer[consumer];
	}
	if (rule->on[0] != '\0' && pp_bindings_iface(bindings, rule->on) < 0)
		return pp_error_set(err, -EINVAL, 0, 0, "interface '%s' is not configured",
				    rule->on);
	return 0;
}

int pp_engine_check_rule(const struct pp_ruleset_entry *entry,
			 const struct pp_bindings *bindings,
			 struct pp_error *err)
{
	struct pp_action action;

	return fill_action(&action, entry, bindings, err);
}

int pp_engine_fill_head(struct pp_image_head *head,
			const struct pp_ruleset *rules,
			const struct pp_bindings *bindings,
			uint32_t *rule_id,
			struct pp_error *err)
{
	head->generation = pp_ruleset_generation(rules);
	head->action[PP_SLOT_DEFAULT] = (struct pp_action){.verdict = pp_ruleset_default(rules),
							   .copy_to = PP_CONSUMER_NONE,
							   .route_to = PP_CONSUMER_NONE};
	for (uint32_t i = 0; i < pp_ruleset_count(rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(rules, i);
		int ret = fill_action(&head->action[entry->slot], entry, bindings, err);

		if (ret < 0) {
			*rule_id = entry->id;
			return ret;
		}
	}
	return 0;
}
