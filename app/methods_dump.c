// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/dump.h>

#include "methods.h"
#include "units.h"

#define SNAP_DEFAULT 256
#define RING_DEFAULT (8u << 20)

static const json_t *param(const struct pp_rpc_call *call, const char *name)
{
	return json_object_get(call->params, name);
}

static uint32_t
number_param(const struct pp_rpc_call *call, const char *name, uint32_t default_value)
{
	const json_t *value = param(call, name);

	return value ? (uint32_t)json_integer_value(value) : default_value;
}

static bool read_instruction(const char *text, struct sock_filter *out)
{
	unsigned int code, jt, jf, k;
	char more;

	if (sscanf(text, "%u %u %u %u%c", &code, &jt, &jf, &k, &more) != 4 || code > UINT16_MAX ||
	    jt > UINT8_MAX || jf > UINT8_MAX)
		return false;
	*out = (struct sock_filter){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
	return true;
}

// @param out  insn is to be freed, also on failure.
static bool read_filter(const struct pp_rpc_call *call,
			const char *name,
			struct pp_dump_filter *out,
			struct pp_rpc_error *err)
{
	const json_t *lines = param(call, name), *line;
	size_t count = json_array_size(lines), i;
	struct sock_filter *insn = calloc(count ? count : 1, sizeof(*insn));

	*out = (struct pp_dump_filter){insn, (uint32_t)count};
	if (!insn)
		return pp_rpc_fail(err, PP_RPC_INTERNAL_ERROR, "out of memory");
	json_array_foreach(lines, i, line)
	{
		if (!read_instruction(json_string_value(line), &insn[i]))
			return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
					   "%s: expected 'code jt jf k', found '%.40s'", name,
					   json_string_value(line));
	}
	return true;
}

static bool
read_columns(const struct pp_rpc_call *call, uint32_t *counted, struct pp_rpc_error *err)
{
	const json_t *names = param(call, "columns"), *name;
	uint32_t column;
	size_t i;

	json_array_foreach(names, i, name)
	{
		column = PP_COUNT_PASSED;
		while (column < PP_COUNT_END &&
		       strcmp(pp_ledger_name(column), json_string_value(name)))
			column++;
		if (column == PP_COUNT_END)
			return pp_rpc_fail(err, PP_RPC_INVALID_PARAMS,
					   "a packet leaves by no column '%.40s'",
					   json_string_value(name));
		*counted |= 1u << column;
	}
	return true;
}

static const struct pp_ruleset_entry *find_named(const struct pp_ruleset *rules, const char *name)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(rules, 0);
	const struct pp_ruleset_entry *entry;

	while ((entry = pp_ruleset_next(&cursor)) && strcmp(entry->rule.name, name))
		;
	return entry;
}

static bool read_rule(const struct pp_rules_service *service,
		      const struct pp_rpc_call *call,
		      int64_t *rule_id,
		      struct pp_rpc_error *err)
{
	const char *text = json_string_value(param(call, "rule"));
	const struct pp_ruleset_entry *entry;
	uint64_t id;

	if (!text)
		return true;
	if (!strcmp(text, "default")) {
		*rule_id = 0;
		return true;
	}
	entry = pp_units_parse_number(text, 1, UINT32_MAX, &id)
			? find_named(service->rules, text)
			: pp_ruleset_find(service->rules, (uint32_t)id);
	if (!entry)
		return pp_rpc_fail(err, PP_RPC_NOT_FOUND,
				   "there is no rule '%.40s'; expected an id, a name or 'default'",
				   text);
	*rule_id = entry->id;
	return true;
}

static bool read_interface(const struct pp_plane *plane,
			   const struct pp_rpc_call *call,
			   int32_t *iface,
			   struct pp_rpc_error *err)
{
	const char *name = json_string_value(param(call, "interface"));
	struct pp_iface_info info;

	for (uint32_t i = 0; name && i < pp_plane_iface_count(plane); i++) {
		pp_plane_iface(plane, i, &info);
		if (!strcmp(info.name, name)) {
			*iface = (int32_t)i;
			return true;
		}
	}
	if (name)
		return pp_rpc_fail(err, PP_RPC_NOT_FOUND, "no interface '%.40s' is configured",
				   name);
	return true;
}

static json_t *interfaces_json(const struct pp_plane *plane)
{
	json_t *list = json_array();
	struct pp_iface_info info;

	for (uint32_t i = 0; i < pp_plane_iface_count(plane); i++) {
		pp_plane_iface(plane, i, &info);
		json_array_append_new(
			list,
			json_pack("{s:s, s:s}", "name", info.name, "frames",
				  info.frame_kind == PP_FRAME_RAW_IP ? "raw-ip" : "ethernet"));
	}
	return list;
}

static json_t *start(const struct pp_rules_service *service,
		     const struct pp_rpc_call *call,
		     const struct pp_dump_config *config,
		     struct pp_rpc_error *err)
{
	struct pp_error error = {0};
	struct pp_dump_info info;
	uint32_t dump;
	int ret = pp_plane_dump_start(service->dump_plane, config, &dump, &error);

	if (ret)
		return pp_rpc_fail_errno(err, ret, "", &error);
	pp_plane_dump_get(service->dump_plane, dump, &info);
	call->peer->dumps |= 1u << dump;
	call->peer->fd[0] = info.ring_fd;
	call->peer->fd[1] = info.counts_fd;
	call->peer->fd_count = 2;
	call->peer->fd_dump = dump;
	return json_pack("{s:I, s:I, s:I, s:I, s:[s, s], s:o}", "dump", (json_int_t)dump, "snap",
			 (json_int_t)info.config.snap_bytes, "ring_bytes",
			 (json_int_t)info.config.ring_bytes, "cpus", (json_int_t)info.cpu_count,
			 "descriptors", "ring", "counts", "interfaces",
			 interfaces_json(service->dump_plane));
}

static json_t *call_start(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	struct pp_dump_config config = {.rule_id = PP_DUMP_ANY_RULE,
					.iface = PP_DUMP_ANY_IFACE,
					.snap_bytes = number_param(call, "snap", SNAP_DEFAULT),
					.ring_bytes = number_param(call, "ring", RING_DEFAULT)};
	const struct pp_rules_service *service = arg;
	struct pp_dump_filter *filter = config.filter;
	json_t *result = NULL;

	if (!service->dump_plane)
		return pp_rpc_fail(err, PP_RPC_REFUSED, "nothing is attached");
	if (call->peer->fd_count)
		return pp_rpc_fail(err, PP_RPC_REFUSED, "a batch can have one dump.start");
	if (read_filter(call, "filter", &filter[PP_FRAME_ETHERNET], err) &&
	    read_filter(call, "filter_raw", &filter[PP_FRAME_RAW_IP], err) &&
	    read_columns(call, &config.counted, err) &&
	    read_rule(service, call, &config.rule_id, err) &&
	    read_interface(service->dump_plane, call, &config.iface, err))
		result = start(service, call, &config, err);
	free((void *)filter[PP_FRAME_ETHERNET].insn);
	free((void *)filter[PP_FRAME_RAW_IP].insn);
	return result;
}

static const struct pp_rpc_param start_params[] = {
	{"filter", PP_RPC_STRINGS, false, 0, 0,
	 "for Ethernet frames: classic BPF, 'code jt jf k' each, as tcpdump -ddd prints it "
	 "(default: everything)"},
	{"filter_raw", PP_RPC_STRINGS, false, 0, 0,
	 "the same for interfaces without Ethernet header"},
	{"columns", PP_RPC_STRINGS, false, 0, 0,
	 "of the ledger: dropped, copied, ...; packets that moved one of them (default: all)"},
	{"rule", PP_RPC_STRING, false, 0, 0, "id or name of the rule that judged, or 'default'"},
	{"interface", PP_RPC_STRING, false, 0, 0, "where they came in"},
	{"snap", PP_RPC_INTEGER, false, 1, PP_DUMP_SNAP_MAX, "bytes of each packet (default 256)"},
	{"ring", PP_RPC_INTEGER, false, 4096, PP_DUMP_RING_BYTES_MAX,
	 "bytes, a power of two (default 8 MiB)"},
	{0}};

const struct pp_rpc_method pp_method_dump_start = {
	.name = "dump.start",
	.summary =
		"packets from now on, what is dropped included, into a BPF ring: its descriptor, and "
		"that of the counters, come with the answer (SCM_RIGHTS); ends with the connection",
	.privileged = true,
	.params = start_params,
	.call = call_start,
};

static json_t *call_stop(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	const struct pp_rules_service *service = arg;
	uint32_t dump = number_param(call, "dump", 0);
	struct pp_dump_stats stats;

	if (!(call->peer->dumps >> dump & 1))
		return pp_rpc_fail(err, PP_RPC_NOT_FOUND, "you have no dump %u", dump);
	pp_plane_dump_stop(service->dump_plane, dump, &stats);
	call->peer->dumps &= ~(1u << dump);
	if (call->peer->fd_dump == dump)
		call->peer->fd_count = 0; // of its start in the same batch: they are closed
	return json_pack("{s:I, s:I}", "matched", (json_int_t)stats.matched, "lost",
			 (json_int_t)stats.lost);
}

static const struct pp_rpc_param stop_params[] = {
	{"dump", PP_RPC_INTEGER, true, 0, PP_DUMPS_MAX - 1, "as dump.start gave it"}, {0}};

const struct pp_rpc_method pp_method_dump_stop = {
	.name = "dump.stop",
	.summary = "end a dump of this connection; the counts are final",
	.privileged = true,
	.params = stop_params,
	.call = call_stop,
};

void pp_methods_gone(void *arg, struct pp_rpc_peer *peer)
{
	const struct pp_rules_service *service = arg;

	for (uint32_t dump = 0; dump < PP_DUMPS_MAX; dump++)
		if (peer->dumps >> dump & 1)
			pp_plane_dump_stop(service->dump_plane, dump, NULL);
	peer->dumps = 0;
}
