// SPDX-License-Identifier: MIT OR Apache-2.0
// Which rule judges a packet, worked out rule by rule from struct pp_rule: slow, and independent
// of every engine.
//
// Threads    any; nothing is shared.
// Cost       control path: judge() is O(rules).
// Ownership  rules are borrowed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/ruleset.h>

struct pp_flow {
	uint8_t family; // enum pp_family; NONE: not IP
	uint8_t proto;
	uint8_t src[16]; // network order, IPv4 in the first four
	uint8_t dst[16];
	bool dst_unknown; // conditions on dst may or may not hold
	bool src_unknown;
	uint8_t direction; // enum pp_direction
	bool ports;
	uint16_t sport;
	uint16_t dport;
};

// Whether a rule matches the flow where it comes in on iface or goes out, as pp_flow_judge() sees it.
//
// @param rules  Have the sets that the rule names.
bool pp_flow_matches(const struct pp_ruleset *rules,
		     const struct pp_rule *rule,
		     const char *iface,
		     const struct pp_flow *flow);

// The rule that judges the flow where it comes in on iface. A rule that may match (dst_unknown, src_unknown)
// counts as matching when its verdict is not pass: the worst case.
//
// @return  The entry; NULL: the default action.
const struct pp_ruleset_entry *
pp_flow_judge(const struct pp_ruleset *rules, const char *iface, const struct pp_flow *flow);

// Parse an address.
//
// @param text  Without a prefix length; a zone (%eth0) is ignored.
// @return      enum pp_family; PP_FAMILY_NONE: no address.
uint8_t pp_flow_parse_address(const char *text, uint8_t addr[16]);
