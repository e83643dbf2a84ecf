// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules as engines see them, for tests of engines: made from struct pp_rule or at random, and matched
// the slow and obvious way.
//
// Threads    any; nothing is shared.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/engine.h>
#include <push-packet/rule.h>

#include "oracle.h"
#include "rule_gen.h"

// @param rule  Of rule_gen: its sets are s0 to s2, which become bits.
void engine_rule_of(struct pp_engine_rule *out,
		    const struct pp_rule *rule,
		    uint32_t slot,
		    uint32_t rank,
		    uint32_t rule_id);

// What the parser makes of a packet.
struct pp_key engine_key_of(const struct oracle_packet *packet);

// @param sets  Those that hold the addresses, as pp_tuple_match() takes them.
bool engine_rule_matches(const struct pp_engine_rule *rule,
			 const struct pp_key *key,
			 uint64_t sets);

// @return  Slot of the rule of the lowest rank that matches, or PP_SLOT_DEFAULT.
uint32_t engine_rules_match(const struct pp_engine_rule *rule,
			    uint32_t count,
			    const struct pp_key *key,
			    uint64_t sets);

// How random rules look. Zero: the condition never occurs.
struct engine_mix {
	uint32_t addresses; // how many there are, at most 8; 0: any
	uint32_t ports; // at most 4; 0: any
	bool host_only; // prefixes are whole addresses
	uint8_t family; // PP_FAMILY_*; NONE: all
	uint32_t one_in_proto; // one rule in so many has the condition
	uint32_t one_in_ports;
	uint32_t one_in_iface;
	uint32_t one_in_sets;
	uint32_t one_in_any; // matches frames that are not IP, too
};

// slot, rank and rule_id are the caller's to set.
void engine_rule_random(struct rule_gen *gen,
			const struct engine_mix *mix,
			struct pp_engine_rule *out);

// A packet at the edges of a rule.
void engine_key_near(struct rule_gen *gen,
		     const struct pp_engine_rule *rule,
		     struct pp_key *key,
		     uint64_t *sets);
