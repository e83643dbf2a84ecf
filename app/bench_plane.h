// SPDX-License-Identifier: MIT OR Apache-2.0
// A dataplane of the library's own, to be measured: one interface, or two to forward, the rules of a file, and behind
// them one rule that takes everything else.
//
// Threads    main thread, in the interface's network namespace.
// Cost       control path.
// Ownership  the plane is the caller's, to close with pp_plane_close().
#pragma once

#include <stdint.h>

#include <push-packet/plane.h>

struct pp_bench_plane_params {
	const char *iface;
	const char *out; // interface for the consumer wire (forward); NULL: there is none
	const char *rules; // a file, as in rules.files; NULL: none
	const char *last; // the rule behind them: "route any to mirror". Consumers are sink, mirror
		// (reflect) and counter (count, on the worker)
	int32_t worker_cpu;
	uint8_t idle; // enum pp_idle_mode
	uint8_t mode; // enum pp_xdp_mode
	bool stamp; // mirror writes times; timestamps are on
	uint32_t copy_ring_bytes; // 0: the default
};

#define PP_BENCH_PLANE_RING_SLOTS 2048u // of each ring; the fill ring has twice as many
#define PP_BENCH_PLANE_FRAMES 16384u // as the peers of scripts/bench-peers.sh have
#define PP_BENCH_PLANE_LAST_PRIO 1000000 // of the last rule

// Open and start it.
//
// @return  0; -EINVAL, -errno with err set: FILE:LINE:COL in its text where a rule is wrong.
int pp_bench_plane_open(struct pp_plane **out,
			const struct pp_bench_plane_params *params,
			struct pp_error *err);

// Wait until nothing is on its way, some seconds at most.
//
// @param out  Set to the sum over all queues.
// @return     Whether the ledger balances.
bool pp_bench_plane_settle(const struct pp_plane *plane, struct pp_ledger_row *out);

// Packets that the last rule judged: those of the file let the others go elsewhere.
uint64_t pp_bench_plane_last_pkts(const struct pp_plane *plane);
