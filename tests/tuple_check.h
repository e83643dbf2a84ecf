// SPDX-License-Identifier: MIT OR Apache-2.0
// What must hold of a body of engine `tuple` and of the state beside it, after whatever was done.
//
// Threads    any.
// Cost       tests only: O(rules).
// Ownership  all is borrowed.
#pragma once

#include <push-packet/engine.h>

// @param rule  All that are in force.
// @return      NULL, or what does not hold.
const char *
tuple_check(void *state, const void *body, const struct pp_engine_rule *rule, uint32_t count);
