// SPDX-License-Identifier: MIT OR Apache-2.0
// What a configuration may not change while it is in force: everything but rules and engine.
//
// Threads    any; nothing is shared.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include "config.h"
#include "report.h"

// Whether both want the same engine and the same of the verdict cache. Files of an engine that were
// written anew are another engine.
bool pp_config_same_engine(const struct pp_config *a, const struct pp_config *b);

// Report each value that differs, as an error at its place in next.
void pp_config_diff_fixed(const struct pp_config *running,
			  const struct pp_config *next,
			  struct pp_report *report);
