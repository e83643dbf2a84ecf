// SPDX-License-Identifier: MIT OR Apache-2.0
// What a change of rules is told to subscribers as.
//
//   {"event":"rules","generation","rules":N,"added":[ID,...],"deleted":N,"default":"pass"}
//   {"event":"sets","generation","sets":[{"name","entries"},...]}     entries null: it is gone
//   {"event":"expired","generation","rules":N,"entries":N}
//   {"event":"reload","generation","changed":["rules: 2 added, ...",...]}
//
// Threads    control thread.
// Cost       control path: O(changes).
// Ownership  the caller's references.
#pragma once

#include <jansson.h>

#include "rules_service.h"

// @param before   In force until now.
// @param last_id  Rules of change with greater ids are new.
// @return         An array, empty when there is nothing to tell; NULL: no memory.
json_t *pp_rules_news(const struct pp_ruleset *before,
		      const struct pp_rules_change *change,
		      uint32_t last_id);
