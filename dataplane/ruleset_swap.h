// SPDX-License-Identifier: MIT OR Apache-2.0
// How a change of many rules is all or nothing: made on a copy, which then trades places.
//
// Threads    the sets' writer.
// Cost       control path: two plain copies of a struct.
// Ownership  each set keeps its owner; the entries move.
#pragma once

#include <push-packet/ruleset.h>

// Exchange everything two sets hold. Cannot fail.
void pp_ruleset_swap(struct pp_ruleset *set, struct pp_ruleset *other);
