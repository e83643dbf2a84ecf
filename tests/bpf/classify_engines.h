// SPDX-License-Identifier: MIT OR Apache-2.0
// Engines that can be measured alone.
//
// Threads    constant data.
// Cost       none.
// Ownership  static.
#pragma once

#include "classify_run.h"

// @return  NULL: none has this name.
const struct classify_engine *classify_engine_find(const char *name);
