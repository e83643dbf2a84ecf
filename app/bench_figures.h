// SPDX-License-Identifier: MIT OR Apache-2.0
// What runs of a packet source gave, as results.
//
// Threads    main thread.
// Cost       control path.
// Ownership  caller's storage.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench.h"

#define PP_BENCH_FIGURES_MAX 1000u // rounds

// Of a run at some rate.
struct pp_bench_figures {
	double sent_mpps, delivered_mpps;
	double lost; // of what was sent, 0 to 1
	double ring_lost; // of what was copied, 0 to 1
	double cycles; // of the worker, for each packet
	double batch; // packets
	uint64_t returned; // arrived where they were sent on to
};

// @param size_bytes  That results are named after; 0: there is one size only.
void pp_bench_figures_name(uint32_t size_bytes, const char *what, char *buf, size_t room);

// Add the results of some rounds.
//
// @param f       At most PP_BENCH_FIGURES_MAX.
// @param copied  With the loss at the ring.
// @param worked  With what the worker did.
void pp_bench_figures_add(struct pp_bench_run *run,
			  uint32_t size_bytes,
			  const struct pp_bench_figures f[],
			  uint32_t count,
			  bool copied,
			  bool worked);
