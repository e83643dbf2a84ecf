// SPDX-License-Identifier: MIT OR Apache-2.0
// Engine `linear`: scans the rules in order. Best for a handful of them.
//
// Threads    control thread.
// Cost       compiles all rules for every change: some 10 us for 100 rules.
// Ownership  static.
#pragma once

#include <push-packet/engine.h>

extern const struct pp_engine_ops pp_engine_linear_ops;
