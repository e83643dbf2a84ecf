// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules that are right and still lock the operator out: warnings for ARP, neighbour discovery
// and the ssh session that asks.
//
// Threads    any; nothing is shared.
// Cost       control path: the rules are gone through once for each flow and interface; after a
//            change only where one of the new rules matches the flow.
// Ownership  nothing is kept.
#pragma once

#include "config.h"
#include "report.h"

// Add a warning for each rule, and for the default action, that would drop or route
//   - ARP on an Ethernet interface,
//   - IPv6 neighbour discovery on an Ethernet interface,
//   - packets that an ssh client sends to this machine,
// and what pp_advice_consumer_warn() adds.
//
// @param config            Has the interfaces, and the places of its rules.
// @param rules             What is judged: config->rules, or what is to be put in force.
// @param first_id,last_id  Only warn of rules with these ids; the default action stands as 0. So
//                          0 and UINT32_MAX: of all; one id twice: of what was added.
// @param ssh               What sshd gives its session: "CLIENT PORT SERVER PORT"
//                          (SSH_CONNECTION) or "CLIENT PORT PORT" (SSH_CLIENT); NULL or anything
//                          else: no session.
void pp_advice_warn(const struct pp_config *config,
		    const struct pp_ruleset *rules,
		    uint32_t first_id,
		    uint32_t last_id,
		    const char *ssh,
		    struct pp_report *report);

// The same after a change: warn of new rules that drop or route.
//
// @param diff      The change.
// @param first_id  Rules of the change with lower ids are not new.
void pp_advice_warn_change(const struct pp_config *config,
			   const struct pp_ruleset *rules,
			   const struct pp_ruleset_diff *diff,
			   uint32_t first_id,
			   const char *ssh,
			   struct pp_report *report);
