// SPDX-License-Identifier: MIT OR Apache-2.0
// Inside of a worker: what its files share. worker.c has its life, its loop and what is routed,
// worker_rings.c what is copied, worker_idle.c what it does when there is nothing.
//
// Threads    the worker's, where a field does not say otherwise.
// Cost       see worker.h.
// Ownership  see worker.h.
#pragma once

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <push-packet/clock.h>

#include "port_list.h"
#include "worker.h"

struct pp_worker {
	struct pp_worker_params params;
	struct pp_port_list *ports; // RCU: one of list[]
	struct pp_port_list list[2];
	const struct pp_rule_table *rules; // RCU: of this loop
	struct pp_ledger_row *ledger; // by row; written by the thread
	struct pollfd *pollfd;
	struct pp_worker_info info; // written by the thread, cpu aside
	uint32_t *ring_rest; // by ring: loops that it is left alone for
	uint32_t spins; // empty loops in a row
	bool analyses; // some analyser runs on it
	uint64_t now_ns; // of this loop; 0: nobody wanted to know yet
	uint64_t looked_cycles; // when it was last seen whether a tick is due
	uint64_t next_tick_ns;
	uint32_t away_count;
	struct pp_lanes *away[PP_CONSUMERS_MAX]; // to analysers with threads of their own
	bool stamps; // a consumer wants times
	pthread_t thread;
	bool running;
	bool stop;
};

// CLOCK_MONOTONIC, read once in a loop.
static inline uint64_t pp_worker_now(struct pp_worker *worker)
{
	if (worker->now_ns == 0)
		worker->now_ns = pp_clock_ns(CLOCK_MONOTONIC);
	return worker->now_ns;
}

// Take a burst from each copy ring and hand it to the consumers.
//
// @return  Records taken.
uint32_t pp_worker_serve_rings(struct pp_worker *worker);

// After a loop that found nothing: pause, or sleep until something comes, as the mode says.
void pp_worker_idle(struct pp_worker *worker);
