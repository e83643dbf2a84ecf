// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules as engines see them, from rules as users write them. Interfaces are those of rule_gen.h; a
// set named sN is number N.
//
// Threads    any; nothing is shared.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include <push-packet/engine.h>
#include <push-packet/rule.h>

// @param rule  As pp_rule_parse() leaves it.
void engine_rule_make(const struct pp_rule *rule,
		      uint32_t slot,
		      uint32_t rank,
		      struct pp_engine_rule *out);
