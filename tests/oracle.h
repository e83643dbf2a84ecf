// SPDX-License-Identifier: MIT OR Apache-2.0
// What the rules say of a packet, worked out the slow and obvious way: rule after rule, bit after
// bit, straight from struct pp_rule. Engines are compared with it; it shares no code with them.
//
// Threads    any; nothing is shared.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <push-packet/ruleset.h>

// What is true of a packet, as who made it knows. is_ip false: all that follows up to iface is 0.
struct oracle_packet {
	bool is_ip;
	uint8_t family; // enum pp_family
	uint8_t src[16]; // network order; IPv4 in the first four
	uint8_t dst[16];
	uint8_t proto; // after IPv6 extension headers
	bool has_ports; // false in a later fragment, whatever proto is
	uint16_t sport; // host order
	uint16_t dport;
	char iface[IFNAMSIZ]; // where it comes in, or goes out
	bool out;
};

// @return  Whether a rule matches a packet, its sets left aside.
bool oracle_rule_matches(const struct pp_rule *rule, const struct oracle_packet *packet);

// @return  The id of the first rule that matches, or 0: the default action.
uint32_t oracle_match(const struct pp_ruleset *set, const struct oracle_packet *packet);
