// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int pp_bindings_iface(const struct pp_bindings *bindings, const char *name)
{
	for (uint32_t i = 0; i < bindings->iface_count; i++)
		if (strcmp(bindings->iface[i].name, name) == 0)
			return (int)i;
	return -1;
}

// What the program reads itself goes to nobody else. An analyser takes both kinds; sink and reflect
// need a frame, which only a routed packet has.
static bool consumer_takes(const struct pp_bindings *bindings,
			   const struct pp_consumer_config *consumer,
			   bool route)
{
	bool program =
		route ? bindings->route == PP_ROUTE_CHANNEL : bindings->copy == PP_COPY_RECEIVER;

	if (program || consumer->kind == PP_CONSUMER_PROGRAM)
		return program && consumer->kind == PP_CONSUMER_PROGRAM;
	return route || pp_consumer_is_analyser(consumer->kind);
}

static int refuse_consumer(const struct pp_bindings *bindings,
			   const struct pp_consumer_config *consumer,
			   bool route,
			   struct pp_error *err)
{
	if (consumer->kind == PP_CONSUMER_PROGRAM)
		return pp_error_set(
			err, -EINVAL, 0, 0,
			"consumer '%s' is the program, and %s packets go to workers here",
			consumer->name, route ? "routed" : "copied");
	if (route || bindings->copy == PP_COPY_RECEIVER)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "consumer '%s' has workers, and the program takes %s packets "
				    "itself here",
				    consumer->name, route ? "routed" : "copied");
	return pp_error_set(err, -EINVAL, 0, 0,
			    "consumer '%s' takes routed packets only; a copy goes to an analyser "
			    "(count, histogram, flows, ...)",
			    consumer->name);
}

// Without a name a route goes to the first sink or reflector before it goes to an analyser.
static int consumer_default(const struct pp_bindings *bindings, bool route)
{
	int found = PP_CONSUMER_NONE;

	for (uint32_t i = bindings->consumer_count; i-- > 0;)
		if (consumer_takes(bindings, &bindings->consumer[i], route))
			found = (int)i;
	for (uint32_t i = bindings->consumer_count; route && i-- > 0;)
		if (!pp_consumer_is_analyser(bindings->consumer[i].kind) &&
		    consumer_takes(bindings, &bindings->consumer[i], route))
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
		if (!consumer_takes(bindings, &bindings->consumer[i], route))
			return refuse_consumer(bindings, &bindings->consumer[i], route, err);
		return (int)i;
	}
	return pp_error_set(err, -EINVAL, 0, 0, "no consumer is named '%s'", name);
}

static uint16_t pack_consumer(int consumer, unsigned int shift)
{
	return (uint16_t)((unsigned int)consumer << shift);
}

static int fill_route(struct pp_action *action,
		      const struct pp_rule *rule,
		      const struct pp_bindings *bindings,
		      struct pp_error *err)
{
	int consumer = pp_bindings_consumer(bindings, rule->route_to, true, err);

	if (consumer < 0)
		return consumer;
	action->how |= pack_consumer(consumer, PP_ACTION_ROUTE_TO_SHIFT);
	if (consumer != PP_CONSUMER_NONE && bindings->sole == &bindings->consumer[consumer])
		action->how |= PP_ACTION_ROUTE_BARE;
	return 0;
}

static int fill_copy(struct pp_action *action,
		     const struct pp_rule *rule,
		     const struct pp_bindings *bindings,
		     struct pp_error *err)
{
	uint32_t take = rule->take_bytes < PP_COPY_BYTES_MAX ? rule->take_bytes : PP_COPY_BYTES_MAX;
	int consumer = pp_bindings_consumer(bindings, rule->copy_to, false, err);

	if (consumer < 0)
		return consumer;
	action->how |= PP_ACTION_COPY | pack_consumer(consumer, PP_ACTION_COPY_TO_SHIFT);
	action->take_last = (uint16_t)(take - 1);
	return 0;
}

static int
check_modes(const struct pp_rule *rule, const struct pp_bindings *bindings, struct pp_error *err)
{
	if (rule->copy && bindings->copy == PP_COPY_OFF)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "a rule with copy, and copying is off: open with "
				    "PP_COPY_RECEIVER or PP_COPY_WORKERS");
	if (rule->verdict == PP_VERDICT_ROUTE && bindings->route == PP_ROUTE_OFF)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "a rule with route, and routing is off: open with "
				    "PP_ROUTE_CHANNEL or PP_ROUTE_WORKERS");
	return 0;
}

int pp_engine_action_fill(struct pp_action *out,
			  const struct pp_ruleset_entry *entry,
			  const struct pp_bindings *bindings,
			  struct pp_error *err)
{
	const struct pp_rule *rule = &entry->rule;
	struct pp_action action = {.rule_id = entry->id, .how = rule->verdict};
	int ret = check_modes(rule, bindings, err);

	if (ret == 0 && rule->copy)
		ret = fill_copy(&action, rule, bindings, err);
	if (ret == 0 && rule->verdict == PP_VERDICT_ROUTE)
		ret = fill_route(&action, rule, bindings, err);
	if (ret == 0 && rule->on[0] != '\0' && pp_bindings_iface(bindings, rule->on) < 0)
		ret = pp_error_set(err, -EINVAL, 0, 0, "interface '%s' is not configured",
				   rule->on);
	if (ret == 0)
		*out = action;
	return ret;
}

struct pp_action pp_engine_action_default(const struct pp_ruleset *rules)
{
	return (struct pp_action){.how = pp_ruleset_default(rules)};
}

int pp_engine_check_rule(const struct pp_ruleset_entry *entry,
			 const struct pp_bindings *bindings,
			 struct pp_error *err)
{
	struct pp_action action;

	return pp_engine_action_fill(&action, entry, bindings, err);
}

int pp_engine_full(const char *name, uint32_t rules_max, struct pp_error *err)
{
	char number[32];

	if (rules_max < 1000)
		snprintf(number, sizeof(number), "%u", rules_max);
	else
		snprintf(number, sizeof(number), "%u,%03u", rules_max / 1000, rules_max % 1000);
	return pp_error_set(err, -ENOSPC, 0, 0,
			    "engine %s holds at most %s rules; `engine: auto` takes more", name,
			    number);
}
