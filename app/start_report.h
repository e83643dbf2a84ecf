// SPDX-License-Identifier: MIT OR Apache-2.0
// What a run prints when it begins: what is in force, which need not be what was asked for.
//
// Threads    the control thread.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include <stdio.h>

#include <push-packet/plane.h>

#include "config.h"

void pp_start_report_print(const struct pp_plane *plane, const struct pp_config *config, FILE *out);
