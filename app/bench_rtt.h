// SPDX-License-Identifier: MIT OR Apache-2.0
// Round trips in an open loop: packet k is due k / rate after the start, whatever became of those
// before, and its latency counts from then: a stall is paid by every packet that it delayed, and
// not by one (no coordinated omission).
//
// Threads    the thread that measures; it spins.
// Cost       no allocation, no lock while it runs; the system calls of bench_client.h.
// Ownership  caller's storage; pp_bench_rtt_fini() frees.
#pragma once

#include <stdint.h>

#include <push-packet/error.h>
#include <push-packet/histogram.h>

#include "bench_arrivals.h"
#include "bench_client.h"

// Stretches of a round trip, each from the end of the one before.
enum pp_bench_stage {
	PP_BENCH_STAGE_WAIT, // due -> given to the kernel
	PP_BENCH_STAGE_OUT, // -> the reflector's XDP program
	PP_BENCH_STAGE_RECEIVE, // -> its worker
	PP_BENCH_STAGE_WORK, // -> put in line to be sent
	PP_BENCH_STAGE_BACK, // -> our XDP program
	PP_BENCH_STAGE_TAKE, // -> here
	PP_BENCH_STAGES,
};

struct pp_bench_rtt_params {
	uint64_t rate_pps;
	uint64_t warmup_ns; // at the rate, before what counts
	uint64_t for_ns;
	uint64_t drain_ns; // how long to wait for the last replies
	bool stages; // the reflector stamps
};

struct pp_bench_rtt {
	struct pp_histogram *total; // ns
	struct pp_histogram *stage[PP_BENCH_STAGES]; // ns; NULL without stages
	struct pp_bench_arrivals *arrivals; // NULL: not wanted. Borrowed; replies have times then
	struct pp_bench_sent_slot *slot; // of packets on their way
	uint64_t next; // number of the next packet
	// Of the last run, warm-up aside.
	uint64_t sent;
	uint64_t unsent; // the interface did not take them in twice the time
	uint64_t received;
	uint64_t duplicates;
	uint64_t strays; // replies to packets of earlier runs, or too late to be told apart
	uint64_t elapsed_ns; // from the first one due to the last one given to the kernel
};

// @return  0; -ENOMEM with err set; fini() may follow in any case.
int pp_bench_rtt_init(struct pp_bench_rtt *rtt, bool stages, struct pp_error *err);
void pp_bench_rtt_fini(struct pp_bench_rtt *rtt);

// "out", "receive", ...: as in tables. Borrowed, constant.
const char *pp_bench_rtt_stage_name(enum pp_bench_stage stage);

// Forget what the histograms hold.
void pp_bench_rtt_clear(struct pp_bench_rtt *rtt);

// Measure. Histograms are added to, counts are of this run.
void pp_bench_rtt_run(struct pp_bench_rtt *rtt,
		      struct pp_bench_client *client,
		      const struct pp_bench_rtt_params *params);
