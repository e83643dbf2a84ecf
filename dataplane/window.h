// SPDX-License-Identifier: MIT OR Apache-2.0
// Packets, bytes and sizes of the last some seconds: a ring of bins, each of a tenth of the window.
// The one under way comes on top, so that a whole window is always there.
//
// Threads    add: the one writer. sum: any thread, at any time; a bin that is begun anew meanwhile is
//            left out, and a packet may be seen a moment late.
// Cost       add: one or two cache lines, no allocation, lock or system call.
// Ownership  caller's storage; all zero is empty.
#pragma once

#include <push-packet/analyser.h>

#define PP_WINDOW_BINS 10

// Epochs count from 1, so that 0 is a bin that was never used or is being emptied.
struct pp_bin {
	uint64_t epoch;
	uint64_t bytes;
	uint32_t size_pkts[PP_SIZE_BUCKETS];
};

struct pp_window {
	struct pp_bin bin[PP_WINDOW_BINS + 1];
};

struct pp_window_sum {
	uint64_t pkts;
	uint64_t bytes;
	uint64_t size_pkts[PP_SIZE_BUCKETS];
};

static inline uint64_t pp_window_epoch(uint64_t now_ns, uint64_t window_ns)
{
	return now_ns / (window_ns / PP_WINDOW_BINS) + 1;
}

unsigned int pp_size_bucket(uint32_t bytes);

void pp_window_add(struct pp_window *window, uint64_t epoch, uint32_t len_bytes);

// Add the bins from epoch first to epoch now.
void pp_window_sum(const struct pp_window *window,
		   uint64_t first,
		   uint64_t now,
		   struct pp_window_sum *sum);

// The bytes alone, at a fraction of the cost.
uint64_t pp_window_bytes(const struct pp_window *window, uint64_t first, uint64_t now);

// Empty it for another use by the one writer.
void pp_window_clear(struct pp_window *window);
