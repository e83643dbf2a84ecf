// SPDX-License-Identifier: MIT OR Apache-2.0
// Load a configuration and hold it against this machine: what `check` and `run` have in common.
//
// Threads    main thread.
// Cost       control path; nothing is attached.
// Ownership  as config.h.
#pragma once

#include "config.h"

// Load path, add warnings (advice.h), and ask pp_plane_check().
//
// @param out     Set on success.
// @param report  Errors and warnings.
// @return        0; -EINVAL: report has errors; -ENOMEM.
int pp_config_check(const char *path, struct pp_config **out, struct pp_report *report);

// Report what would drop or route packets of protected sets, at its place: errors, or warnings
// where the configuration says `protect: report`.
//
// @param rules  What is judged: config->rules, or what is to be put in force.
void pp_config_check_protected(const struct pp_config *config,
			       const struct pp_ruleset *rules,
			       struct pp_report *report);

// Report what pp_plane_check() or pp_plane_open() said, at its place in the file.
void pp_config_report(const struct pp_config *config,
		      const struct pp_where *where,
		      const struct pp_error *error,
		      struct pp_report *report);
