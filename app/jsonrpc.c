// SPDX-License-Identifier: MIT OR Apache-2.0
#include "jsonrpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
	const char *method;
	const json_t *params; // NULL: none
	json_t *id; // borrowed; NULL: a notification
};

// One message on its way through a service.
struct turn {
	const struct pp_rpc_service *service;
	struct pp_rpc_peer *peer;
	struct pp_rpc_reply *reply;
};

// A key of the client's, cut in the middle of a character, would be no JSON.
static json_t *error_text(const struct pp_rpc_error *err)
{
	json_t *text = json_string(err->text);

	return text ? text : json_string("invalid request");
}

static json_t *error_member(const struct pp_rpc_error *err)
{
	return json_pack("{s:i, s:o, s:O*}", "code", err->code, "message", error_text(err), "data",
			 err->data);
}

static json_t *error_object(const struct pp_rpc_error *err, json_t *id)
{
	return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "error", error_member(err), "id",
			 id ? json_incref(id) : json_null());
}

json_t *pp_rpc_refusal(const struct pp_rpc_error *err)
{
	return error_object(err, NULL);
}

char *pp_rpc_line(const json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL, *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
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
			return pp_rpc_fail(err, PP_RPC_INVALID_REQUEST, "params must be an object");
		req->params = value;
	} else if (strcmp(key, "id")) {
		return pp_rpc_fail(err, PP_RPC_INVALID_REQUEST, "unknown member '%.40s'", key);
	}
	return true;
}

// req->id is set even for a bad request, where there is one: the answer carries it.
static bool read_request(const json_t *message, struct request *req, struct pp_rpc_error *err)
{
	bool version = false;
	const char *key;
	json_t *value;

	*req = (struct request){0};
	if (!json_is_object(message))
		return pp_rpc_fail(err, PP_RPC_INVALID_REQUEST, "expected a request object");
	value = json_object_get(message, "id");
	if (value && !json_is_string(value) && !json_is_number(value) && !json_is_null(value))
		return pp_rpc_fail(err, PP_RPC_INVALID_REQUEST, "id must be a string or a number");
	req->id = value;

	json_object_foreach((json_t *)message, key, value)
	{
		if (!read_member(req, key, value, &version, err))
			return false;
	}
	if (!version)
		return pp_rpc_fail(err, PP_RPC_INVALID_REQUEST, "expected \"jsonrpc\":\"2.0\"");
	if (!req->method)
		return pp_rpc_fail(err, PP_RPC_INVALID_REQUEST, "method must be a string");
	return true;
}

static json_t *
call(const struct turn *turn, const struct request *req, bool *pending, struct pp_rpc_error *err)
{
	const struct pp_rpc_service *service = turn->service;
	const struct pp_rpc_method *method = pp_rpc_find(service->methods, req->method);
	struct pp_rpc_call call = {method, turn->peer, NULL};

	if (!method)
		return pp_rpc_fail(err, PP_RPC_METHOD_NOT_FOUND, "no method '%.40s'", req->method);
	if ((method->write || method->privileged) && !turn->peer->may_write)
		return pp_rpc_fail(err, PP_RPC_DENIED, "%s %s: you may only read", method->name,
				   method->write ? "changes something" : "shows packets");
	if (!pp_rpc_check_params(method, req->params, err))
		return NULL;
	if (json_is_object(req->params))
		call.params = req->params;
	if (method->write)
		return service->transact(service->arg, &call, pending, err);
	return method->call(service->arg, &call, err);
}

// NULL: a notification, which gets no answer.
static json_t *answer_one(const struct turn *turn, const json_t *message)
{
	struct pp_rpc_error err = {.code = PP_RPC_INTERNAL_ERROR, .text = "out of memory"};
	json_t *result = NULL, *answer = NULL;
	bool pending = false;
	struct request req;

	if (!read_request(message, &req, &err))
		return error_object(&err, req.id);
	result = call(turn, &req, &pending, &err);
	if (req.id && result)
		answer = json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "result", result, "id",
				   req.id);
	else if (req.id)
		answer = error_object(&err, req.id);
	turn->reply->pending |= pending;
	if (pending && answer) {
		if (!turn->reply->held)
			turn->reply->held = json_array();
		json_array_append(turn->reply->held, answer);
	}
	json_decref(err.data);
	json_decref(result);
	return answer;
}

static json_t *answer_batch(const struct turn *turn, const json_t *batch)
{
	json_t *answers, *message;
	struct pp_rpc_error err;
	size_t i;

	if (!json_array_size(batch) || json_array_size(batch) > PP_RPC_BATCH_MAX) {
		err.data = NULL;
		pp_rpc_fail(&err, PP_RPC_INVALID_REQUEST, "a batch has 1 to %u requests",
			    PP_RPC_BATCH_MAX);
		return error_object(&err, NULL);
	}
	answers = json_array();
	json_array_foreach(batch, i, message)
	{
		json_t *answer = answer_one(turn, message);

		if (answer)
			json_array_append_new(answers, answer);
	}
	if (!json_array_size(answers)) {
		json_decref(answers);
		return NULL;
	}
	return answers;
}

json_t *pp_rpc_parse(const char *line, size_t len, struct pp_rpc_error *err)
{
	json_error_t error;
	json_t *message = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

	if (message)
		return message;
	if (json_error_code(&error) == json_error_duplicate_key)
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "%.150s", error.text);
	return pp_rpc_fail(err, PP_RPC_PARSE_ERROR, "no JSON: %.150s", error.text);
}

bool pp_rpc_reads(const struct pp_rpc_service *service, const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "method"));
	const struct pp_rpc_method *method = name ? pp_rpc_find(service->methods, name) : NULL;
	json_t *entry;
	size_t i;

	json_array_foreach(message, i, entry)
	{
		if (!json_is_array(entry) && pp_rpc_reads(service, entry))
			return true;
	}
	return method && !method->write;
}

void pp_rpc_answer(const struct pp_rpc_service *service,
		   struct pp_rpc_peer *peer,
		   const json_t *message,
		   struct pp_rpc_reply *reply)
{
	struct turn turn = {service, peer, reply};

	*reply = (struct pp_rpc_reply){0};
	reply->message =
		json_is_array(message) ? answer_batch(&turn, message) : answer_one(&turn, message);
}

void pp_rpc_reply_confirm(struct pp_rpc_reply *reply, uint32_t generation)
{
	json_t *answer;
	size_t i;

	json_array_foreach(reply->held, i, answer)
	{
		json_object_set_new(json_object_get(answer, "result"), "generation",
				    json_integer(generation));
	}
}

void pp_rpc_reply_fail(struct pp_rpc_reply *reply, const struct pp_rpc_error *err)
{
	json_t *answer;
	size_t i;

	json_array_foreach(reply->held, i, answer)
	{
		json_object_del(answer, "result");
		json_object_set_new(answer, "error", error_member(err));
	}
}

void pp_rpc_reply_fini(struct pp_rpc_reply *reply)
{
	json_decref(reply->held);
	json_decref(reply->message);
}
