// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules that copy or route to nobody: accepted, because consumers are the operator's, but seldom meant.
//
// Threads    any; nothing is shared.
// Cost       control path: where a consumer is missing the rules are gone through once, or what a
//            change added.
// Ownership  nothing is kept.
#pragma once

#include "config.h"
#include "report.h"

// Add a warning for the first rule that routes where no consumer is configured, and for the first
// that copies where no analyser is.
//
// @param diff              Look at what it added only; NULL: at all rules.
// @param first_id,last_id  As pp_advice_warn().
void pp_advice_consumer_warn(const struct pp_config *config,
			     const struct pp_ruleset *rules,
			     const struct pp_ruleset_diff *diff,
			     uint32_t first_id,
			     uint32_t last_id,
			     struct pp_report *report);
