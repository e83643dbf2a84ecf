// SPDX-License-Identifier: MIT OR Apache-2.0
#include "dump_names.h"

#include <stdio.h>
#include <string.h>

#include <push-packet/ledger.h>

#include "ctl_options.h"

void pp_dump_names_init(struct pp_dump_names *names,
			struct pp_ctl_client *client,
			const json_t *started)
{
	memset(names, 0, sizeof(*names));
	names->client = client;
	names->ifaces = json_incref(json_object_get(started, "interfaces"));
}

void pp_dump_names_fini(struct pp_dump_names *names)
{
	json_decref(names->ifaces);
}

uint32_t pp_dump_names_ifaces(const struct pp_dump_names *names)
{
	return (uint32_t)json_array_size(names->ifaces);
}

const char *pp_dump_names_iface(const struct pp_dump_names *names, uint32_t iface)
{
	return pp_ctl_options_string(json_array_get(names->ifaces, iface), "name");
}

uint8_t pp_dump_names_frame_kind(const struct pp_dump_names *names, uint32_t iface)
{
	const json_t *entry = json_array_get(names->ifaces, iface);

	return strcmp(pp_ctl_options_string(entry, "frames"), "raw-ip") ? PP_FRAME_ETHERNET
									: PP_FRAME_RAW_IP;
}

// A rule that is gone by now, or a daemon that is, leaves the id.
static void ask(struct pp_dump_names *names, struct pp_dump_rule_name *rule, uint32_t id)
{
	struct pp_error ignored;
	const char *name;
	json_t *result;

	*rule = (struct pp_dump_rule_name){.id = id};
	if (pp_ctl_client_call(names->client, "rules.get", json_pack("{s:I}", "id", (json_int_t)id),
			       PP_CTL_TIMEOUT_MS, &result, &ignored))
		return;
	name = json_string_value(json_object_get(result, "name"));
	if (name)
		snprintf(rule->name, sizeof(rule->name), "%s", name);
	json_decref(result);
}

const char *pp_dump_names_rule(struct pp_dump_names *names, const struct pp_dump_note *note)
{
	uint32_t id = note->meta.rule_id;
	struct pp_dump_rule_name *rule = &names->rule[id % PP_DUMP_RULES_KEPT];

	if (note->meta.generation == 0)
		return "-";
	if (id == 0)
		return "default";
	if (rule->id != id)
		ask(names, rule, id);
	if (rule->name[0])
		return rule->name;
	snprintf(names->text, sizeof(names->text), "#%u", id);
	return names->text;
}

static const char *verdict_of(enum pp_count exit)
{
	switch (exit) {
	case PP_COUNT_DROPPED:
		return "drop";
	case PP_COUNT_REDIRECTED:
		return "route";
	case PP_COUNT_ABORTED:
		return "abort";
	default:
		return "pass";
	}
}

void pp_dump_names_fate(const struct pp_dump_note *note, char out[PP_DUMP_FATE_BYTES])
{
	const char *copy = "", *verdict = "?", *because = NULL;

	for (enum pp_count i = PP_COUNT_PASSED; i < PP_COUNT_END; i++) {
		if (!(note->counted >> i & 1))
			continue;
		if (i <= PP_COUNT_ABORTED)
			verdict = verdict_of(i);
		else if (i == PP_COUNT_COPIED)
			copy = "copy,";
		// The column of the ledger where it is not what the rule wanted.
		if (i == PP_COUNT_ROUTE_NO_SOCKET || i == PP_COUNT_ROUTE_NO_META ||
		    i > PP_COUNT_COPIED)
			because = pp_ledger_name((enum pp_ledger_column)i);
	}
	snprintf(out, PP_DUMP_FATE_BYTES, "%s%s%s%s%s", copy, verdict, because ? "(" : "",
		 because ? because : "", because ? ")" : "");
}
