// SPDX-License-Identifier: MIT OR Apache-2.0
#include "methods.h"

#include "stats_json.h"

static json_t *call_version(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	(void)arg;
	(void)call;
	(void)err;
	return json_pack("{s:s, s:s}", "name", "push-packet", "version", PP_VERSION);
}

const struct pp_rpc_method pp_method_version = {
	.name = "version", .summary = "who answers", .call = call_version};

static json_t *call_discover(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	(void)arg;
	(void)call;
	(void)err;
	return pp_rpc_discover(pp_methods);
}

const struct pp_rpc_method pp_method_discover = {
	.name = "rpc.discover",
	.summary = "every method, its parameters, and whether it reads or writes",
	.call = call_discover,
};

static json_t *call_stats(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const json_t *sources = json_object_get(call->params, "sources");
	const struct pp_rules_service *service = arg;

	(void)err;
	return pp_stats_json(service->plane, pp_rules_service_uptime_s(service),
			     sources ? (uint32_t)json_integer_value(sources)
				     : PP_STATS_SOURCES_DEFAULT);
}

static const struct pp_rpc_param stats_params[] = {
	{"sources", PP_RPC_INTEGER, false, 0, PP_STATS_SOURCES_MAX,
	 "sources of each analyser to list (default 10)"},
	{0}};

const struct pp_rpc_method pp_method_stats = {
	.name = "stats",
	.summary = "all counters, the ledger, interfaces and workers",
	.params = stats_params,
	.call = call_stats,
};

static json_t *call_subscribe(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	json_t *names = json_object_get(call->params, "events"), *name;
	uint32_t events = names ? 0 : PP_EVENT_ALL;
	size_t i;

	(void)arg;
	json_array_foreach(names, i, name)
	{
		uint32_t bit = pp_rules_event_bit(json_string_value(name));

		if (!bit)
			return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS, "there is no event '%.40s'",
					   json_string_value(name));
		events |= bit;
	}
	call->peer->events = events;
	return json_pack("{s:o}", "subscribed", pp_rules_event_names(events));
}

static const struct pp_rpc_param subscribe_params[] = {
	{"events", PP_RPC_STRINGS, false, 0, 0,
	 "rules, sets, expired, reload, interface (default all; none ends it)"},
	{0}};

const struct pp_rpc_method pp_method_subscribe = {
	.name = "subscribe",
	.summary = "be told of events on this connection from now on, by the notification 'event'",
	.params = subscribe_params,
	.call = call_subscribe,
};

const struct pp_rpc_method *const pp_methods[] = {
	&pp_method_version,	   &pp_method_discover,	     &pp_method_stats,
	&pp_method_analysers_list, &pp_method_analysers_top, &pp_method_rules_list,
	&pp_method_rules_add,	   &pp_method_rules_delete,  &pp_method_rules_test,
	&pp_method_rules_replace,  &pp_method_rules_flush,   &pp_method_sets_list,
	&pp_method_sets_entries,   &pp_method_sets_add,	     &pp_method_sets_delete,
	&pp_method_sets_replace,   &pp_method_default_set,   &pp_method_batch,
	&pp_method_reload,	   &pp_method_rules_get,     &pp_method_dump_start,
	&pp_method_dump_stop,	   &pp_method_subscribe,     NULL,
};
