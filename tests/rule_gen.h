// SPDX-License-Identifier: MIT OR Apache-2.0
// Random rules that often collide, and packets that stand at their corners. The same seed gives
// the same sequence on every machine: print it when a test fails.
//
// Threads    one struct rule_gen a thread.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include <stdint.h>

#include <push-packet/ruleset.h>

#include "oracle.h"

#define RULE_GEN_IFACES 3
#define RULE_GEN_CONSUMERS 2

// What generated `on` and `to` name; packets come in on the same interfaces.
extern const char *const rule_gen_iface[RULE_GEN_IFACES];
extern const char *const rule_gen_copy_consumer[RULE_GEN_CONSUMERS];
extern const char *const rule_gen_route_consumer[RULE_GEN_CONSUMERS];

struct rule_gen {
	uint64_t state;
};

void rule_gen_init(struct rule_gen *gen, uint64_t seed);

// @return  A number from 0 to below - 1; below is at least 1.
uint32_t rule_gen_below(struct rule_gen *gen, uint32_t below);

// Make a rule that pp_rule_parse() could have read.
void rule_gen_rule(struct rule_gen *gen, struct pp_rule *out);

// Put RULE_GEN_SETS sets into a rule set, of prefixes that generated packets often lie in.
//
// @return  0; -ENOMEM.
#define RULE_GEN_SETS 3u
int rule_gen_put_sets(struct rule_gen *gen, struct pp_ruleset *set);

// Make a rule ask for some of these sets, now and then.
void rule_gen_use_sets(struct rule_gen *gen, struct pp_rule *rule);

// Make a packet close to the edges of a random rule of the set, or of none. It is one that can be
// built: ports only where the protocol has some, no number of an IPv6 extension header as
// protocol. A protocol that has ports without has_ports is a later fragment.
void rule_gen_packet(struct rule_gen *gen, const struct pp_ruleset *set, struct oracle_packet *out);

// @return  Whether two rules say the same, field by field.
bool rule_gen_same(const struct pp_rule *a, const struct pp_rule *b);
