// SPDX-License-Identifier: MIT OR Apache-2.0
// Whether rules may be put in force, and what to warn of.
//
// Threads    control thread.
// Cost       control path: the rules are compiled once and gone through a few times.
// Ownership  nothing is kept.
#pragma once

#include <jansson.h>

#include "config.h"
#include "jsonrpc.h"

struct pp_rules_check {
	const struct pp_config *config;
	const struct pp_ruleset *before; // what after was made from
	const struct pp_ruleset *after;
	const json_t *known; // conflicts of before, see below
	const char *ssh; // session of who asks; "": none
};

// Check names in rules and protected sets. A conflict that is known is no reason to refuse.
//
// @param conflicts  Set on success: an object whose keys say what of after would drop or route
//                   packets of protected sets; the caller's.
// @param warnings   New conflicts are appended where the configuration only reports them.
// @return           0; -EINVAL, -EPERM, -ENOMEM: err is set.
int pp_rules_check(const struct pp_rules_check *check,
		   json_t **conflicts,
		   json_t *warnings,
		   struct pp_rpc_error *err);

// Warn of new rules, and of a new default action, that would lock the operator out (advice.h).
void pp_rules_advise(const struct pp_rules_check *check, json_t *warnings);

// All conflicts of rules, as pp_rules_check() gives them.
//
// @return  NULL: no memory.
json_t *pp_rules_conflicts(const struct pp_ruleset *rules);

// @return  The greatest id of a rule; 0: there are no rules.
uint32_t pp_rules_greatest_id(const struct pp_ruleset *rules);
