// SPDX-License-Identifier: MIT OR Apache-2.0
// Packet headers for a rule set: what an engine is measured and compared with.
//
// Threads    any; nothing is shared.
// Cost       tests only: some 100 ns a header.
// Ownership  caller's storage.
#pragma once

#include <push-packet/abi.h>
#include <push-packet/rule.h>

#include "oracle.h"
#include "packet.h"

enum trace_mode {
	TRACE_INSIDE, // a random packet of a random rule: each rule is as likely as another
	TRACE_CORNERS, // a rule's first or last address and port, or the one beyond
};

struct trace_options {
	enum trace_mode mode;
	uint32_t count;
	uint32_t flows; // different headers, which come back at random; 0: all are different
	uint64_t seed;
};

// Make headers. They are such as packets can have: no ports where the protocol has none. All come
// in on the first interface of rule_gen.h, but for rules with `on`.
//
// Where the rules leave no room for so many different headers, some come twice.
//
// @param out  options.count headers.
// @return     0; -EINVAL: no rules, or a rule that names a set; -ENOMEM.
int trace_make(const struct trace_options *options,
	       const struct pp_rule *rule,
	       uint32_t rule_count,
	       struct oracle_packet *out);

// What the XDP program's parser makes of a packet with that header.
//
// @param iface  Index in the configuration.
void trace_key(const struct oracle_packet *packet, uint32_t iface, struct pp_key *out);

// Build a short packet that has the header: Ethernet, IP, and a whole transport header.
void trace_packet(const struct oracle_packet *header, struct packet *out);
