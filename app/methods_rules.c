// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "methods.h"

static json_t *
rule_json(const struct pp_plane *plane, const struct pp_ruleset_entry *entry, uint64_t now_ns)
{
	const char *name = entry->rule.name[0] ? entry->rule.name : NULL;
	struct pp_rule_stats stats = {0};
	char text[PP_RULE_TEXT_BYTES];

	pp_rule_format(&entry->rule, text, sizeof(text));
	if (plane)
		pp_plane_rule_stats(plane, entry->slot, &stats);
	return json_pack("{s:I, s:I, s:s, s:s?, s:s, s:o, s:I, s:I}", "id", (json_int_t)entry->id,
			 "prio", (json_int_t)entry->rule.prio, "text", text, "name", name, "origin",
			 pp_method_origin(entry->origin), "ttl_ms",
			 pp_method_ttl(entry->expires_ns, now_ns), "packets",
			 (json_int_t)stats.pkts, "bytes", (json_int_t)stats.bytes);
}

static json_t *call_list(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const struct pp_rules_service *service = arg;
	const struct pp_ruleset *rules = service->rules;
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(rules, 0);
	const struct pp_ruleset_entry *entry;
	uint64_t now_ns = pp_rules_now_ns();
	json_t *list = json_array();

	(void)call;
	(void)err;
	while ((entry = pp_ruleset_next(&cursor)))
		json_array_append_new(list, rule_json(service->plane, entry, now_ns));
	return json_pack("{s:I, s:s, s:o}", "generation", (json_int_t)pp_ruleset_generation(rules),
			 "default", pp_ruleset_default(rules) == PP_VERDICT_DROP ? "drop" : "pass",
			 "rules", list);
}

const struct pp_rpc_method pp_method_rules_list = {
	.name = "rules.list",
	.summary = "the rules in force, in match order, with what they counted",
	.call = call_list,
};

static json_t *call_get(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const struct pp_rules_service *service = arg;
	json_int_t id = json_integer_value(json_object_get(call->params, "id"));
	const struct pp_ruleset_entry *entry = pp_ruleset_find(service->rules, (uint32_t)id);

	if (!entry)
		return pp_rpc_fail(err, PP_RPC_NOT_FOUND, "there is no rule %lld", (long long)id);
	return rule_json(service->plane, entry, pp_rules_now_ns());
}

static const struct pp_rpc_param get_params[] = {
	{"id", PP_RPC_INTEGER, true, 1, UINT32_MAX, "of the rule"}, {0}};

const struct pp_rpc_method pp_method_rules_get = {
	.name = "rules.get",
	.summary = "one rule in force, with what it counted",
	.params = get_params,
	.call = call_get,
};

static bool set_ttl(struct pp_rule *rule, const json_t *ttl_ms, struct pp_rpc_error *err)
{
	if (!ttl_ms)
		return true;
	if (rule->ttl_ns)
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
				   "the rule has a ttl of its own: leave ttl_ms out");
	rule->ttl_ns = (uint64_t)json_integer_value(ttl_ms) * 1000000;
	return true;
}

static bool read_rule(const json_t *text, struct pp_rule *rule, struct pp_rpc_error *err)
{
	struct pp_error error = {0};
	int ret = pp_rule_parse(json_string_value(text), rule, &error);

	if (ret)
		pp_rpc_fail_errno(err, ret, "", &error);
	return !ret;
}

static json_t *call_add(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	struct pp_error error = {0};
	struct pp_rule rule;
	uint32_t id;
	int ret;

	if (!read_rule(json_object_get(call->params, "rule"), &rule, err) ||
	    !set_ttl(&rule, json_object_get(call->params, "ttl_ms"), err))
		return NULL;
	ret = pp_ruleset_add(service->trial.rules, &rule, PP_ORIGIN_COMMAND, pp_rules_now_ns(), &id,
			     &error);
	if (ret)
		return pp_rpc_fail_errno(err, ret, "", &error);
	return json_pack("{s:I, s:[]}", "id", (json_int_t)id, "warnings");
}

static const struct pp_rpc_param add_params[] = {
	{"rule", PP_RPC_STRING, true, 0, 0, "the rule's text"},
	{"ttl_ms", PP_RPC_INTEGER, false, 1, PP_METHOD_TTL_MS_MAX, "how long it stays"},
	{0}};

const struct pp_rpc_method pp_method_rules_add = {
	.name = "rules.add",
	.summary = "add a rule behind those of its prio",
	.write = true,
	.params = add_params,
	.call = call_add,
};

static json_t *call_delete(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	json_int_t id = json_integer_value(json_object_get(call->params, "id"));
	struct pp_rules_service *service = arg;
	struct pp_error error = {0};
	int ret = pp_ruleset_remove(service->trial.rules, (uint32_t)id, &error);

	return ret ? pp_rpc_fail_errno(err, ret, "", &error) : json_object();
}

static const struct pp_rpc_param delete_params[] = {
	{"id", PP_RPC_INTEGER, true, 1, UINT32_MAX, "the rule's id"}, {0}};

const struct pp_rpc_method pp_method_rules_delete = {
	.name = "rules.delete",
	.summary = "delete a rule",
	.write = true,
	.params = delete_params,
	.call = call_delete,
};

// @param rule  count of them, set on success; free() it.
static bool
read_rules(const json_t *texts, struct pp_rule **rule, uint32_t *count, struct pp_rpc_error *err)
{
	size_t texts_count = json_array_size(texts);
	struct pp_rule *list;

	if (texts_count > PP_RULES_MAX)
		return pp_rpc_fail(err, PP_RPC_REFUSED, "there can be at most %u rules",
				   PP_RULES_MAX);
	list = calloc(texts_count + 1, sizeof(*list));
	if (!list)
		return pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
	for (size_t i = 0; i < texts_count; i++) {
		if (read_rule(json_array_get(texts, i), &list[i], err))
			continue;
		pp_rpc_add_index(err, i);
		free(list);
		return false;
	}
	*rule = list;
	*count = (uint32_t)texts_count;
	return true;
}

static json_t *
ids_and_change(const uint32_t *id, uint32_t count, const struct pp_ruleset_change *change)
{
	json_t *ids = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(ids, json_integer(id[i]));
	return json_pack("{s:o, s:I, s:I, s:I, s:[]}", "ids", ids, "added",
			 (json_int_t)change->added, "deleted", (json_int_t)change->deleted, "kept",
			 (json_int_t)change->kept, "warnings");
}

static json_t *replace(struct pp_ruleset *rules,
		       const struct pp_rule *rule,
		       uint32_t count,
		       struct pp_rpc_error *err)
{
	uint32_t *id = calloc(count + 1, sizeof(*id)), line; // one more: there may be no rules
	struct pp_ruleset_change change;
	struct pp_error error = {0};
	json_t *result = NULL;
	int ret;

	if (!id)
		return pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
	ret = pp_ruleset_replace(rules, rule, count, PP_ORIGIN_ANY, pp_rules_now_ns(), id, &change,
				 &error);
	line = error.line;
	if (!ret) {
		result = ids_and_change(id, count, &change);
	} else {
		// Not a line of a text, but which of the rules it was.
		error.line = 0;
		pp_rpc_fail_errno(err, ret, "", &error);
		if (line)
			pp_rpc_add_index(err, line - 1);
	}
	free(id);
	return result;
}

static json_t *call_replace(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	struct pp_rule *rule = NULL;
	uint32_t count = 0;
	json_t *result;

	if (!read_rules(json_object_get(call->params, "rules"), &rule, &count, err))
		return NULL;
	result = replace(service->trial.rules, rule, count, err);
	free(rule);
	return result;
}

static const struct pp_rpc_param replace_params[] = {
	{"rules", PP_RPC_STRINGS, true, 0, 0, "the texts of all rules"}, {0}};

const struct pp_rpc_method pp_method_rules_replace = {
	.name = "rules.replace",
	.summary = "exchange all rules for others, by difference: an equal rule stays",
	.write = true,
	.params = replace_params,
	.call = call_replace,
};

static json_t *call_flush(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	struct pp_ruleset_change change;
	struct pp_error error = {0};
	int ret = pp_ruleset_replace(service->trial.rules, NULL, 0, PP_ORIGIN_ANY,
				     pp_rules_now_ns(), NULL, &change, &error);

	(void)call;
	if (ret)
		return pp_rpc_fail_errno(err, ret, "", &error);
	return json_pack("{s:I}", "deleted", (json_int_t)change.deleted);
}

const struct pp_rpc_method pp_method_rules_flush = {
	.name = "rules.flush",
	.summary = "delete all rules",
	.write = true,
	.call = call_flush,
};

static json_t *call_test(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_rules_service *service = arg;
	char text[PP_RULE_TEXT_BYTES];
	struct pp_rule rule;
	json_t *warnings;

	if (!read_rule(json_object_get(call->params, "rule"), &rule, err))
		return NULL;
	warnings = json_array();
	if (pp_rules_service_try(service, &rule, call->peer->ssh, warnings, err)) {
		json_decref(warnings);
		return NULL;
	}
	pp_rule_format(&rule, text, sizeof(text));
	return json_pack("{s:s, s:o}", "text", text, "warnings", warnings);
}

static const struct pp_rpc_param test_params[] = {
	{"rule", PP_RPC_STRING, true, 0, 0, "the rule's text"}, {0}};

const struct pp_rpc_method pp_method_rules_test = {
	.name = "rules.test",
	.summary = "find out whether a rule would be accepted now",
	.params = test_params,
	.call = call_test,
};
