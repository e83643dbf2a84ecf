// SPDX-License-Identifier: MIT OR Apache-2.0
// The loop of `push-packet top`: ask, draw, take keys, keep the rules in step.
//
// Threads    main thread.
// Ownership  terminal, rules and the daemon of its own are given back at the end.
#pragma once

#include "top_options.h"

// @param path  argv[0].
// @return      enum pp_exit.
int pp_top_run(struct pp_top_options *o, const char *path);
