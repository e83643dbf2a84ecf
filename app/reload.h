// SPDX-License-Identifier: MIT OR Apache-2.0
// Read the configuration again while the daemon runs.
//
// What may change are the engine, the verdict cache, and the rules: rule files, inline rules, sets,
// protection and the default action. Rules are changed by difference: a rule or set that is still there stays with its id,
// counters and remaining ttl, and what came by command stays beside them; the default action
// becomes what the file says. Anything else that changed is an error at its place: interfaces,
// sockets, rings and threads are what they are until a restart.
//
// Threads    control thread; nothing is shared.
// Cost       control path: files are read; O(n) for each set.
// Ownership  rules and changed stay the caller's; next is the caller's on success.
#pragma once

#include <jansson.h>

#include "config.h"

// Make rules what the configuration file says now. The caller puts them in force.
//
// @param config_path  As the daemon was started with.
// @param running      The configuration in force; unchanged. Whether next wants another engine:
//                     pp_config_same_engine().
// @param rules        A copy of what is in force, after pp_ruleset_settle(). Changed on success
//                     only.
// @param now_ns       CLOCK_BOOTTIME.
// @param changed      An array. On success a string is appended for each thing that changed:
//                     "rules: 2 added, 1 deleted, 40 kept", "default: pass to drop"; none when
//                     nothing did.
// @param next         Set on success: the configuration from now on. Keep it instead of running
//                     once the rules are in force, else destroy it. pp_config_report(next, ...)
//                     has the place for what pp_plane_apply() says about a rule.
// @param report       Errors, and on success warnings (advice.h, protection), with their place.
// @return             0; -EINVAL: report says what and where; -ENOMEM.
int pp_reload(const char *config_path,
	      const struct pp_config *running,
	      struct pp_ruleset *rules,
	      uint64_t now_ns,
	      json_t *changed,
	      struct pp_config **next,
	      struct pp_report *report);
