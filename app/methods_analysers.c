// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

#include "analyser_json.h"
#include "methods.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 100000
#define MS_NS 1000000ull

static json_t *call_list(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const struct pp_rules_service *service = arg;
	json_t *list = json_array(), *sizes = json_array();

	(void)call;
	(void)err;
	for (uint32_t i = 0; i < pp_plane_consumer_count(service->plane); i++) {
		json_t *analyser = pp_analyser_json(service->plane, i);

		if (analyser)
			json_array_append_new(list, analyser);
	}
	for (uint32_t i = 0; i < PP_SIZE_BUCKETS - 1; i++)
		json_array_append_new(sizes, json_integer(pp_size_bucket_max_bytes[i]));
	return json_pack("{s:o, s:o}", "analysers", list, "size_max_bytes", sizes);
}

const struct pp_rpc_method pp_method_analysers_list = {
	.name = "analysers.list",
	.summary = "the analysers: threads, packets handed over, lost and analysed, their numbers",
	.call = call_list,
};

static int64_t number_param(const struct pp_rpc_call *call, const char *key, int64_t absent)
{
	const json_t *value = json_object_get(call->params, key);

	return value ? json_integer_value(value) : absent;
}

static const char *text_param(const struct pp_rpc_call *call, const char *key, const char *absent)
{
	const char *text = json_string_value(json_object_get(call->params, key));

	return text ? text : absent;
}

// @return  The index of the analyser of that name; -1: err is set.
static int find_analyser(const struct pp_plane *plane, const char *name, struct pp_rpc_error *err)
{
	struct pp_analyser_info info;

	for (uint32_t i = 0; i < pp_plane_consumer_count(plane); i++)
		if (!strcmp(pp_plane_consumer(plane, i)->name, name)) {
			if (!pp_plane_analyser(plane, i, -1, &info))
				return (int)i;
			pp_rpc_fail(err, PP_RPC_REFUSED, "consumer '%.40s' is no analyser", name);
			return -1;
		}
	pp_rpc_fail(err, PP_RPC_NOT_FOUND, "there is no consumer '%.40s'", name);
	return -1;
}

static bool read_query(const struct pp_rpc_call *call,
		       struct pp_analyser_query *query,
		       struct pp_rpc_error *err)
{
	const char *by_name = text_param(call, "by", "source");
	const char *sort_name = text_param(call, "sort", "bytes");
	int by = pp_analyser_by(by_name), sort = pp_analyser_sort(sort_name);

	if (by < 0)
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
				   "by '%.40s' is none of source, destination, port, protocol, "
				   "rule, flow, text",
				   by_name);
	if (sort < 0)
		return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
				   "sort '%.40s' is none of bytes, packets, rate, new, bits",
				   sort_name);
	*query = (struct pp_analyser_query){
		.by = (uint8_t)by,
		.sort = (uint8_t)sort,
		.limit = (uint32_t)number_param(call, "limit", LIMIT_DEFAULT),
		.window_ns = (uint64_t)number_param(call, "window_ms", 0) * MS_NS,
		.now_ns = pp_clock_ns(CLOCK_MONOTONIC),
	};
	return true;
}

static json_t *call_top(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const struct pp_rules_service *service = arg;
	struct pp_analyser_query query;
	struct pp_analyser_top top = {0};
	struct pp_error error = {0};
	json_t *result = NULL;
	uint64_t realtime_ns;
	int index, ret;

	index = find_analyser(service->plane, text_param(call, "analyser", ""), err);
	if (index < 0 || !read_query(call, &query, err))
		return NULL;
	realtime_ns = pp_clock_ns(CLOCK_REALTIME);
	top.row = calloc(query.limit, sizeof(*top.row));
	if (!top.row)
		return pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
	ret = pp_plane_analyser_top(service->plane, (uint32_t)index, &query, &top, &error);
	if (ret)
		pp_rpc_fail(err, ret == -ENOMEM ? PP_RPC_INTERNAL_ERROR : PP_RPC_REFUSED, "%s",
			    error.text);
	else
		result = pp_analyser_top_json(service->plane, &top, realtime_ns - query.now_ns);
	free(top.row);
	return result;
}

static const struct pp_rpc_param top_params[] = {
	{"analyser", PP_RPC_STRING, true, 0, 0, "the name of the consumer"},
	{"by", PP_RPC_STRING, false, 0, 0,
	 "source, destination, port, protocol, rule, flow or text (default source)"},
	{"sort", PP_RPC_STRING, false, 0, 0, "bytes, packets, rate, new or bits (default bytes)"},
	{"limit", PP_RPC_INTEGER, false, 1, LIMIT_MAX, "rows at most (default 20)"},
	{"window_ms", PP_RPC_INTEGER, false, 1, 3600000,
	 "how far to look back (default as far as the analyser does)"},
	{0}};

const struct pp_rpc_method pp_method_analysers_top = {
	.name = "analysers.top",
	.summary = "what an analyser counted most of, and how far its numbers may be off",
	.params = top_params,
	.call = call_top,
};
