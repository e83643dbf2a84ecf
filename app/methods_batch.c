// SPDX-License-Identifier: MIT OR Apache-2.0
#include <string.h>

#include "methods.h"

static json_t *call_default(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const char *word = json_string_value(json_object_get(call->params, "verdict"));
	struct pp_rules_service *service = arg;
	uint8_t verdict;

	if (!strcmp(word, "pass"))
		verdict = PP_VERDICT_PASS;
	else if (!strcmp(word, "drop"))
		verdict = PP_VERDICT_DROP;
	else
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "verdict must be pass or drop");
	if (verdict != pp_ruleset_default(service->trial.rules))
		pp_ruleset_set_default(service->trial.rules, verdict);
	return json_pack("{s:[]}", "warnings");
}

static const struct pp_rpc_param default_params[] = {
	{"verdict", PP_RPC_STRING, true, 0, 0, "pass or drop"}, {0}};

const struct pp_rpc_method pp_method_default_set = {
	.name = "default.set",
	.summary = "what happens to packets that no rule matches",
	.write = true,
	.params = default_params,
	.call = call_default,
};

// What a batch may hold: what changes the trial and nothing else.
static const struct pp_rpc_method *const batch_methods[] = {
	&pp_method_rules_add,	 &pp_method_rules_delete, &pp_method_rules_replace,
	&pp_method_rules_flush,	 &pp_method_sets_add,	  &pp_method_sets_delete,
	&pp_method_sets_replace, &pp_method_default_set,  NULL};

static bool check_members(const json_t *command, struct pp_rpc_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)command, key, value)
	{
		if (strcmp(key, "method") && strcmp(key, "params"))
			return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "unknown member '%.40s'",
					   key);
	}
	return true;
}

static json_t *run_command(void *arg,
			   const struct pp_rpc_call *batch,
			   const json_t *command,
			   struct pp_rpc_error *err)
{
	const char *name = json_string_value(json_object_get(command, "method"));
	const json_t *params = json_object_get(command, "params");
	struct pp_rpc_call call = {.peer = batch->peer, .params = params};

	if (!check_members(command, err))
		return NULL;
	if (!name)
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "method must be a string");
	if (params && !json_is_object(params))
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "params must be an object");
	call.method = pp_rpc_find(batch_methods, name);
	if (!call.method)
		return pp_rpc_fail(err, PP_RPC_METHOD_NOT_FOUND,
				   "no method '%.40s' that a batch may hold", name);
	if (!pp_rpc_check_params(call.method, params, err))
		return NULL;
	return call.method->call(arg, &call, err);
}

static json_t *call_batch(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const json_t *commands = json_object_get(call->params, "commands"), *command;
	json_t *results = json_array(), *result;
	size_t i;

	json_array_foreach(commands, i, command)
	{
		result = run_command(arg, call, command, err);
		if (!result) {
			pp_rpc_add_index(err, i);
			json_decref(results);
			return NULL;
		}
		json_array_append_new(results, result);
	}
	return json_pack("{s:o, s:[]}", "results", results, "warnings");
}

static const struct pp_rpc_param batch_params[] = {
	{"commands", PP_RPC_OBJECTS, true, 0, 0,
	 "objects with method and params; what changes rules, sets or the default action"},
	{0}};

const struct pp_rpc_method pp_method_batch = {
	.name = "batch",
	.summary = "several changes in one step: all of them or none",
	.write = true,
	.params = batch_params,
	.call = call_batch,
};
