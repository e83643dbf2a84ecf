// SPDX-License-Identifier: MIT OR Apache-2.0
// What kinds of rule sets are made of, as shares.
//
// Threads    constant data.
// Cost       none.
// Ownership  static.
#pragma once

#include <stdint.h>

#include "ruleset_gen.h"

// What a rule asks of a port.
enum ruleset_ports {
	RULESET_PORTS_ANY,
	RULESET_PORTS_LOW, // 0-1023
	RULESET_PORTS_HIGH, // 1024-65535
	RULESET_PORTS_ONE,
	RULESET_PORTS_RANGE,
};

// Shares are relative to the sum in their list. Lists end with a share of 0, and
// share comes first in all of them.
struct ruleset_pair {
	uint16_t share;
	uint8_t src_bits; // of an IPv4 prefix
	uint8_t dst_bits;
};

struct ruleset_length {
	uint16_t share;
	uint8_t bits;
};

struct ruleset_service {
	uint16_t share;
	int16_t proto; // -1: any
	uint8_t sport; // enum ruleset_ports
	uint8_t dport;
};

// How the addresses or ports of one side repeat themselves.
struct ruleset_side {
	uint8_t reuse_pct; // prefixes that stood in an earlier rule
	uint8_t rules_per_site; // places (a /16 of IPv4, a /32 of IPv6) there are
	uint8_t ports; // different ones
	uint8_t ranges; // different ones
	uint16_t width_max; // of most ranges, less one
};

struct ruleset_profile {
	// Pairs of lengths that are frequent together; the others are drawn side by side.
	const struct ruleset_pair *pair;
	const struct ruleset_length *src_length;
	const struct ruleset_length *dst_length;
	const struct ruleset_service *service;
	struct ruleset_side src;
	struct ruleset_side dst;
};

// @param kind  Not RULESET_DENSE.
const struct ruleset_profile *ruleset_profile_find(enum ruleset_kind kind);

// A pair with this length stands for "drawn side by side".
#define RULESET_BITS_DRAWN 0xff
