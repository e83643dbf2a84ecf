// SPDX-License-Identifier: MIT OR Apache-2.0
#include "jsonrpc.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	const char *method;
	const json_t *params; // NULL: none
	json_t *id; // borrowed; NULL: a notification
};

static bool __attribute__((format(printf, 3, 4)))
fail(struct pp_rpc_error *err, enum pp_rpc_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return false;
}

static json_t *error_object(const struct pp_rpc_error *err, json_t *id)
{
	// A key of the client's, cut in the middle of a character, would be no JSON.
	json_t *text = json_string(err->text);

	if (!text)
		text = json_string("invalid request");
	return json_pack("{s:s, s:{s:i, s:o}, s:O?}", "jsonrpc", "2.0", "error", "code", err->code,
			 "message", text, "id", id ? id : json_null());
}

// The text of a message, with the newline that ends it.
static char *to_line(json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL, *line = NULL;

	json_decref(message);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

char *pp_rpc_refusal(enum pp_rpc_code code, const char *text)
{
	struct pp_rpc_error err;

	fail(&err, code, "%s", text);
	return to_line(error_object(&err, NULL));
}

static bool read_member(struct request *req,
			const char *key,
			json_t *value,
			bool *version,
			struct pp_rpc_error *err)
{
	if (!strcmp(key, "jsonrpc")) {
		*version = json_is_string(value) && !strcmp(json_string_value(value), "2.0");
	} else if (!strcmp(key, "method")) {
		req->method = json_string_value(value);
	} else if (!strcmp(key, "params")) {
		if (!json_is_object(value) && !json_is_array(value))
			return fail(err, PP_RPC_INVALID_REQUEST, "params must be an object");
		req->params = value;
	} else if (strcmp(key, "id")) {
		return fail(err, PP_RPC_INVALID_REQUEST, "unknown member '%.40s'", key);
	}
	return true;
}

// req->id is set even for a bad request, where there is one: the answer carries it.
static bool read_request(json_t *message, struct request *req, struct pp_rpc_error *err)
{
	bool version = false;
	const char *key;
	json_t *value;

	*req = (struct request){0};
	if (!json_is_object(message))
		return fail(err, PP_RPC_INVALID_REQUEST, "expected a request object");
	value = json_object_get(message, "id");
	if (value && !json_is_string(value) && !json_is_number(value) && !json_is_null(value))
		return fail(err, PP_RPC_INVALID_REQUEST, "id must be a string or a number");
	req->id = value;

	json_object_foreach(message, key, value)
	{
		if (!read_member(req, key, value, &version, err))
			return false;
	}
	if (!version)
		return fail(err, PP_RPC_INVALID_REQUEST, "expected \"jsonrpc\":\"2.0\"");
	if (!req->method)
		return fail(err, PP_RPC_INVALID_REQUEST, "method must be a string");
	return true;
}

static bool
check_params(const struct pp_rpc_method *method, const json_t *params, struct pp_rpc_error *err)
{
	const char *key;
	json_t *value;

	if (json_is_array(params) && json_array_size(params))
		return fail(err, PP_RPC_INVALID_PARAMS, "params go by name: expected an object");
	json_object_foreach((json_t *)params, key, value)
	{
		const char *const *name = method->params;

		while (*name && strcmp(*name, key))
			name++;
		if (!*name)
			return fail(err, PP_RPC_INVALID_PARAMS, "%s knows no parameter '%.40s'",
				    method->name, key);
	}
	return true;
}

static json_t *call(const struct pp_rpc_method *methods,
		    void *arg,
		    const struct request *req,
		    struct pp_rpc_error *err)
{
	while (methods->name && strcmp(methods->name, req->method))
		methods++;
	if (!methods->name) {
		fail(err, PP_RPC_METHOD_NOT_FOUND, "no method '%.40s'", req->method);
		return NULL;
	}
	if (req->params && !check_params(methods, req->params, err))
		return NULL;
	return methods->call(arg, json_is_object(req->params) ? req->params : NULL, err);
}

// NULL: a notification, which gets no answer.
static json_t *answer_one(const struct pp_rpc_method *methods, void *arg, json_t *message)
{
	struct pp_rpc_error err = {.code = PP_RPC_INTERNAL_ERROR, .text = "out of memory"};
	struct request req;
	json_t *result;

	if (!read_request(message, &req, &err))
		return error_object(&err, req.id);
	result = call(methods, arg, &req, &err);
	if (!req.id) {
		json_decref(result);
		return NULL;
	}
	if (!result)
		return error_object(&err, req.id);
	return json_pack("{s:s, s:o, s:O}", "jsonrpc", "2.0", "result", result, "id", req.id);
}

static json_t *answer_batch(const struct pp_rpc_method *methods, void *arg, json_t *batch)
{
	struct pp_rpc_error err;
	json_t *answers, *message;
	size_t i;

	if (!json_array_size(batch) || json_array_size(batch) > PP_RPC_BATCH_MAX) {
		fail(&err, PP_RPC_INVALID_REQUEST, "a batch has 1 to %u requests",
		     PP_RPC_BATCH_MAX);
		return error_object(&err, NULL);
	}
	answers = json_array();
	json_array_foreach(batch, i, message)
	{
		json_t *answer = answer_one(methods, arg, message);

		if (answer)
			json_array_append_new(answers, answer);
	}
	if (!json_array_size(answers)) {
		json_decref(answers);
		return NULL;
	}
	return answers;
}

static json_t *answer_junk(const json_error_t *error)
{
	struct pp_rpc_error err;

	if (json_error_code(error) == json_error_duplicate_key)
		fail(&err, PP_RPC_INVALID_PARAMS, "%.150s", error->text);
	else
		fail(&err, PP_RPC_PARSE_ERROR, "no JSON: %.150s", error->text);
	return error_object(&err, NULL);
}

char *pp_rpc_answer(const struct pp_rpc_method *methods, void *arg, const char *line, size_t len)
{
	json_error_t error;
	json_t *message = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error),
	       *answer;

	if (!message)
		answer = answer_junk(&error);
	else if (json_is_array(message))
		answer = answer_batch(methods, arg, message);
	else
		answer = answer_one(methods, arg, message);
	json_decref(message);
	return to_line(answer);
}
