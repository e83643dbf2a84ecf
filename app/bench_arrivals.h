// SPDX-License-Identifier: MIT OR Apache-2.0
// When replies arrived, by the clock that says it: the driver's where it gives times, else
// CLOCK_MONOTONIC at the entry of the XDP program.
//
// The driver's clock is mostly the one of its hardware, which runs on its own and may have any offset:
// a time of one clock is never subtracted from a time of the other. What is recorded is how much the
// stretch between two replies differs from the stretch between the moments when their packets were
// due. Both ends of a stretch are of one clock.
//
// Threads    one.
// Cost       take: no allocation, no system call.
// Ownership  caller's storage; fini() frees the histograms.
#pragma once

#include <stdint.h>

#include <push-packet/histogram.h>

enum pp_bench_clock {
	PP_BENCH_CLOCK_DRIVER,
	PP_BENCH_CLOCK_ENTRY, // of the XDP program, CLOCK_MONOTONIC
	PP_BENCH_CLOCKS,
};

struct pp_bench_arrivals {
	uint64_t count[PP_BENCH_CLOCKS]; // replies with a time of this clock
	struct pp_histogram *spacing[PP_BENCH_CLOCKS]; // ns; how far off each stretch was
	struct {
		uint64_t due_ns;
		uint64_t time_ns; // 0: there is none before
	} last[PP_BENCH_CLOCKS];
};

// @return  0; -ENOMEM: fini() may follow.
int pp_bench_arrivals_init(struct pp_bench_arrivals *arrivals);
void pp_bench_arrivals_fini(struct pp_bench_arrivals *arrivals);

// "driver", "XDP entry": as in tables. Borrowed, constant.
const char *pp_bench_arrivals_clock_name(enum pp_bench_clock clock);

// Forget everything.
void pp_bench_arrivals_clear(struct pp_bench_arrivals *arrivals);

// Packets that follow were not sent in line with those before: no stretch between them counts.
void pp_bench_arrivals_begin(struct pp_bench_arrivals *arrivals);

// A reply.
//
// @param due_ns     When its packet was due, CLOCK_MONOTONIC.
// @param driver_ns  0: the driver gave no time.
// @param entry_ns   CLOCK_MONOTONIC.
void pp_bench_arrivals_take(struct pp_bench_arrivals *arrivals,
			    uint64_t due_ns,
			    uint64_t driver_ns,
			    uint64_t entry_ns);
