// SPDX-License-Identifier: MIT OR Apache-2.0
// When to send how many: an open loop with absolute deadlines on CLOCK_MONOTONIC, ended by a
// count, a duration or a signal.
//
// A source that is late catches up at twice its rate and not faster, so that a receiver on the
// same core gets its turn in between.
//
// Threads    the sending thread only.
// Cost       pp_gen_pace_next(): two system calls; it sleeps until frames are due.
// Ownership  caller's storage; pp_gen_pace_fini() closes the descriptor it holds.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// A paced source never sends more frames in one burst: they share the core with a consumer.
#define PP_GEN_BURST_MAX 64u

struct pp_gen_pace {
	uint64_t rate_pps; // 0: as fast as possible
	uint64_t count; // UINT64_MAX: no end by count
	uint64_t for_ns; // UINT64_MAX: no end by time
	uint32_t burst_pkts; // paced: frames to wait for before the sender wakes
	uint64_t start_ns;
	uint64_t sent;
	uint64_t last_ns; // when the last burst was due to be sent
	uint64_t last_pkts;
	int signal_fd; // readable when SIGINT, SIGTERM or SIGHUP came
	bool stopped; // by one of these
	// While it sleeps: call watch(watch_arg) when watch_fd is readable. -1: none.
	int watch_fd;
	void (*watch)(void *arg);
	void *watch_arg;
};

uint64_t pp_gen_now_ns(void);

// Block every signal in this process (a signal ends a live run without a count) and open the
// descriptor that reports the ones that stop us.
//
// @return       0; -errno.
int pp_gen_pace_init(struct pp_gen_pace *pace, uint64_t rate_pps, uint64_t count, uint64_t for_ns);
void pp_gen_pace_fini(struct pp_gen_pace *pace);

// Run before every ordinary thread, so that a busy receiver on the same core delays no burst. Only
// for a source that sleeps in between; without CAP_SYS_NICE nothing changes.
void pp_gen_pace_go_first(void);

// Sleep, watching, until deadline_ns or a signal.
void pp_gen_pace_sleep(struct pp_gen_pace *pace, uint64_t deadline_ns);

// Wait until frames are due. The caller adds what it really sent to pace->sent.
//
// @param chunk_pkts  The most to return when no rate is set.
// @return            Frames to send now; 0: the end.
uint64_t pp_gen_pace_next(struct pp_gen_pace *pace, uint64_t chunk_pkts);
