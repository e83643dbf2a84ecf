// SPDX-License-Identifier: MIT OR Apache-2.0
#include "jsonrpc.h"

#include <string.h>

static const char *const type_names[] = {
	[PP_RPC_STRING] = "string",
	[PP_RPC_INTEGER] = "integer",
	[PP_RPC_STRINGS] = "array of strings",
	[PP_RPC_OBJECTS] = "array of objects",
};

static const struct pp_rpc_param no_params[] = {{0}};

static const struct pp_rpc_param *params_of(const struct pp_rpc_method *method)
{
	return method->params ? method->params : no_params;
}

static bool is_array_of(const json_t *value, json_type type)
{
	json_t *entry;
	size_t i;

	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, entry)
	{
		if (json_typeof(entry) != type)
			return false;
	}
	return true;
}

static bool has_type(const json_t *value, enum pp_rpc_type type)
{
	switch (type) {
	case PP_RPC_STRING:
		return json_is_string(value);
	case PP_RPC_INTEGER:
		return json_is_integer(value);
	case PP_RPC_STRINGS:
		return is_array_of(value, JSON_STRING);
	case PP_RPC_OBJECTS:
		return is_array_of(value, JSON_OBJECT);
	}
	return false;
}

static bool
check_param(const struct pp_rpc_param *param, const json_t *value, struct pp_rpc_error *err)
{
	json_int_t number = json_integer_value(value);

	if (!has_type(value, param->type))
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "%s must be %s %s", param->name,
				   param->type == PP_RPC_STRING ? "a" : "an",
				   type_names[param->type]);
	if (param->type == PP_RPC_INTEGER && (number < param->min || number > param->max))
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
				   "%s must be a number from %lld to %lld", param->name,
				   (long long)param->min, (long long)param->max);
	return true;
}

static const struct pp_rpc_param *find_param(const struct pp_rpc_method *method, const char *name)
{
	const struct pp_rpc_param *param = params_of(method);

	while (param->name && strcmp(param->name, name))
		param++;
	return param->name ? param : NULL;
}

bool pp_rpc_check_params(const struct pp_rpc_method *method,
			 const json_t *params,
			 struct pp_rpc_error *err)
{
	const struct pp_rpc_param *param;
	const char *key;
	json_t *value;

	if (json_is_array(params) && json_array_size(params))
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
				   "params go by name: expected an object");
	json_object_foreach((json_t *)params, key, value)
	{
		param = find_param(method, key);
		if (!param)
			return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
					   "%s knows no parameter '%.40s'", method->name, key);
		if (!check_param(param, value, err))
			return false;
	}
	for (param = params_of(method); param->name; param++) {
		if (param->required && !json_object_get(params, param->name))
			return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "%s needs the parameter %s",
					   method->name, param->name);
	}
	return true;
}

const struct pp_rpc_method *pp_rpc_find(const struct pp_rpc_method *const *methods,
					const char *name)
{
	while (*methods && strcmp((*methods)->name, name))
		methods++;
	return *methods;
}

static json_t *describe_params(const struct pp_rpc_method *method)
{
	json_t *list = json_array(), *entry;

	for (const struct pp_rpc_param *param = params_of(method); param->name; param++) {
		entry = json_pack("{s:s, s:s, s:b, s:s}", "name", param->name, "type",
				  type_names[param->type], "required", param->required, "summary",
				  param->summary);
		if (param->type == PP_RPC_INTEGER) {
			json_object_set_new(entry, "min", json_integer(param->min));
			json_object_set_new(entry, "max", json_integer(param->max));
		}
		json_array_append_new(list, entry);
	}
	return list;
}

json_t *pp_rpc_discover(const struct pp_rpc_method *const *methods)
{
	json_t *list = json_array();

	for (; *methods; methods++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:o}", "name", (*methods)->name, "summary",
				  (*methods)->summary, "access",
				  (*methods)->write || (*methods)->privileged ? "write" : "read",
				  "params", describe_params(*methods)));
	return json_pack("{s:o}", "methods", list);
}
