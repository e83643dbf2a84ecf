// SPDX-License-Identifier: MIT OR Apache-2.0
// What `push-packet bench rtt` was asked for.
//
// Threads    main thread reads, before any other starts.
// Cost       control path.
// Ownership  texts are borrowed from the command line.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"
#include "bench_packets.h"
#include "bench_read.h"
#include "option.h"

struct pp_bench_rtt_options {
	struct pp_bench_options bench;
	struct pp_bench_packets packets;
	struct pp_bench_list rates;
	struct pp_bench_cpus cpus;
	uint64_t for_ns;
	uint64_t warmup_ns;
	uint32_t rounds;
	uint8_t idle; // enum pp_idle_mode
	uint8_t mode; // 0: native, 1: skb
	bool stages;
	bool receive_times;
	const char *rules;
	const char *iface; // NULL: a laboratory
	uint32_t queue;
};

// Into a struct pp_bench_rtt_options.
extern const struct pp_option pp_bench_rtt_options[];
