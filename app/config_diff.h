// SPDX-License-Identifier: MIT OR Apache-2.0
// What a configuration may not change while it is in force: everything but rules.
//
// Threads    any; nothing is shared.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include "config.h"
#include "report.h"

// Report each value that differs, as an error at its place in next.
void pp_config_diff_fixed(const struct pp_config *running,
			  const struct pp_config *next,
			  struct pp_report *report);
