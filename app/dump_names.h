// SPDX-License-Identifier: MIT OR Apache-2.0
// Names of what a dump's records have numbers for: interfaces, rules, what became of a packet.
//
// Threads    one.
// Cost       a rule that was not seen lately is asked for at the control socket.
// Ownership  init() and fini(); names are borrowed until the next call.
#pragma once

#include <jansson.h>

#include <push-packet/dump.h>
#include <push-packet/rule.h>

#include "ctl_client.h"

#define PP_DUMP_RULES_KEPT 1024 // a power of two
#define PP_DUMP_FATE_BYTES 96

struct pp_dump_rule_name {
	uint32_t id; // 0: none
	char name[PP_NAME_BYTES]; // "": it has none
};

struct pp_dump_names {
	struct pp_ctl_client *client; // borrowed
	json_t *ifaces; // owned
	struct pp_dump_rule_name rule[PP_DUMP_RULES_KEPT]; // by id
	char text[PP_NAME_BYTES + 16];
};

// @param started  The result of dump.start; borrowed.
void pp_dump_names_init(struct pp_dump_names *names,
			struct pp_ctl_client *client,
			const json_t *started);
void pp_dump_names_fini(struct pp_dump_names *names);

uint32_t pp_dump_names_ifaces(const struct pp_dump_names *names);
const char *pp_dump_names_iface(const struct pp_dump_names *names, uint32_t iface);
// enum pp_frame_kind.
uint8_t pp_dump_names_frame_kind(const struct pp_dump_names *names, uint32_t iface);

// Name of the rule that judged, else #ID; "default"; "-": none did.
const char *pp_dump_names_rule(struct pp_dump_names *names, const struct pp_dump_note *note);

// What became of the packet: "drop", "copy,pass", "pass(route_no_socket)".
void pp_dump_names_fate(const struct pp_dump_note *note, char out[PP_DUMP_FATE_BYTES]);
