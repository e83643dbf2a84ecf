// SPDX-License-Identifier: MIT OR Apache-2.0
// Packet headers for a rule set: what an engine is measured and compared with.
//
// Threads    any; nothing is shared.
// Cost       control path: some 100 ns a header.
// Ownership  caller's storage.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/abi.h>
#include <push-packet/rule.h>

__BEGIN_DECLS

// What is true of a packet, as who made it knows. is_ip false: all that follows up to iface is 0.
struct pp_trace_header {
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

enum pp_trace_mode {
	PP_TRACE_INSIDE, // a random packet of a random rule: each rule is as likely as another
	PP_TRACE_CORNERS, // a rule's first or last address and port, or the one beyond
};

struct pp_trace_options {
	enum pp_trace_mode mode;
	uint32_t count;
	uint32_t flows; // different headers, which come back at random; 0: all are different
	uint64_t seed;
	const char *iface; // where packets come in, but for rules with `on`; NULL: "pp0"
};

// Make headers. They are such as packets can have: no ports where the protocol has none.
//
// Where the rules leave no room for so many different headers, some come twice.
//
// @param out  options.count headers.
// @return     0; -EINVAL: no rules, or a rule that names a set; -ENOMEM.
int pp_trace_make(const struct pp_trace_options *options,
		  const struct pp_rule *rule,
		  uint32_t rule_count,
		  struct pp_trace_header *out);

// What the XDP program's parser makes of a packet with that header.
//
// @param iface  Index in the configuration.
void pp_trace_key(const struct pp_trace_header *packet, uint32_t iface, struct pp_key *out);

__END_DECLS
