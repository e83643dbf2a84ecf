// SPDX-License-Identifier: MIT OR Apache-2.0
// Interfaces whose driver lacks what the configuration asks for: a start would fail.
//
// Threads    any; nothing is shared.
// Cost       control path: some system calls for each interface.
// Ownership  nothing is kept.
#pragma once

#include "config.h"
#include "report.h"

// Add a warning for each interface that is there and has no native XDP where mode is native, or no
// zero-copy where bind is zerocopy, as its driver says (Linux 6.3 and newer; before, nobody does).
void pp_advice_driver_warn(const struct pp_config *config, struct pp_report *report);
