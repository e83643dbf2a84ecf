// SPDX-License-Identifier: MIT OR Apache-2.0
// What the rules say of a packet, worked out the slow and obvious way: rule after rule, bit after
// bit, straight from struct pp_rule. Engines are compared with it; it shares no code with them.
//
// Threads    any; nothing is shared.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/ruleset.h>
#include <push-packet/trace.h>

// What the naive matcher judges by is what traces are made of.
#define oracle_packet pp_trace_header

// @return  Whether a rule matches a packet, its sets left aside.
bool oracle_rule_matches(const struct pp_rule *rule, const struct oracle_packet *packet);

// @return  The id of the first rule that matches, or 0: the default action.
uint32_t oracle_match(const struct pp_ruleset *set, const struct oracle_packet *packet);
