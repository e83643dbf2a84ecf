// SPDX-License-Identifier: MIT OR Apache-2.0
// Whether rules may be put in force, and what to warn of.
//
// Threads    control thread.
// Cost       control path: what a change added is looked at. Where sets are protected and the
//            change touches what protects them, all rules are.
// Ownership  nothing is kept.
#pragma once

#include <jansson.h>

#include "config.h"
#include "jsonrpc.h"

struct pp_rules_check {
	const struct pp_config *config;
	const struct pp_ruleset *before; // what after was made from
	const struct pp_ruleset *after;
	const struct pp_ruleset_diff *diff; // from before to after
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

// All conflicts after a change, from those before it.
//
// @param known  Conflicts of before.
// @return       NULL: no memory.
json_t *pp_rules_conflicts_after(const json_t *known,
				 const struct pp_ruleset *before,
				 const struct pp_ruleset *after,
				 const struct pp_ruleset_diff *diff);
