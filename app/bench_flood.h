// SPDX-License-Identifier: MIT OR Apache-2.0
// One run of a packet source against a dataplane in this process: what was sent, what became of
// it, and what the worker did meanwhile.
//
// Threads    main thread; the source has its own.
// Cost       as long as the run lasts.
// Ownership  caller's storage.
#pragma once

#include <stdint.h>

#include <push-packet/plane.h>

#include "bench_lab.h"
#include "bench_packets.h"

struct pp_bench_flood_params {
	const struct pp_bench_lab *lab;
	const struct pp_bench_packets *packets;
	const struct pp_plane *plane;
	const char *iface; // where to send, on the source's side of the lab
	uint32_t size_bytes;
	uint64_t rate_pps; // 0: as fast as possible
	uint64_t for_ns;
	uint32_t cpu;
};

struct pp_bench_flood {
	uint64_t sent; // by the source
	uint64_t elapsed_ns; // from the first to the last
	int64_t driver_dropped; // of sent, before the XDP program; -1: unknown
	struct pp_ledger_row ledger; // of this run
	bool balanced;
	uint64_t busy_cycles; // of the worker, in loops that found something
	uint64_t bursts;
	bool stopped; // by a signal
};

// @return  0; what gen_live.h returns, with err set.
int pp_bench_flood_run(const struct pp_bench_flood_params *params,
		       struct pp_bench_flood *out,
		       struct pp_error *err);
