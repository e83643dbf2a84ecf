// SPDX-License-Identifier: MIT OR Apache-2.0
// A measured dataplane in the document of a run.
//
// Threads    main thread.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include <push-packet/plane.h>

#include "bench.h"

// Note what the plane is: engine, rules, rings, and whether its queue is zero-copy.
//
// @param rules  File that the rules are from; NULL: none.
void pp_bench_describe_plane(struct pp_bench_run *run,
			     const struct pp_plane *plane,
			     const char *rules);

// Put the member "ledger" into the document, once nothing is on its way: every column, and whether
// it balances. Warns when it does not, and when rules of the file took packets.
void pp_bench_put_ledger(struct pp_bench_run *run, const struct pp_plane *plane);
