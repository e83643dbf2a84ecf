// SPDX-License-Identifier: MIT OR Apache-2.0
// A pinned thread that serves AF_XDP ports and copy rings: receive, hand to consumers, send.
//
// Threads    create, start, stop, destroy, set_ports: control thread. ledger, info: any thread.
//            A port is served by one worker, which alone sends by it: what a worker forwards goes out by
//            a port of its own.
// Cost       the thread allocates, locks and logs nothing. Its system calls are the AF_XDP kick
//            and, outside busy mode, poll() when there is nothing to do.
// Ownership  ports, rings and consumers are borrowed. The list of ports and the table of rules are
//            under RCU (QSBR): the thread is quiescent once a loop and offline while it sleeps,
//            so that after pp_worker_set_ports() nobody looks at a port that left the list.
#pragma once

#include <push-packet/plane.h>

#include "lane.h"
#include "rows.h"

struct pp_copy_ring;
struct pp_port;
struct pp_rule_table;
struct pp_worker;

// Where a worker's packets for a consumer go.
struct pp_worker_consumer {
	uint8_t kind; // enum pp_consumer_kind
	bool stamp; // REFLECT: write times into the packet
	uint16_t forward_iface; // FORWARD: index in the configuration
	struct pp_lanes lanes; // of an analyser
};

struct pp_worker_params {
	uint32_t index;
	int32_t cpu;
	uint8_t idle; // enum pp_idle_mode
	const struct pp_rows *rows;
	volatile uint64_t *wake; // by CPU: 1 asks the XDP program to wake us
	struct pp_rule_table *const *rules; // RCU; where the table in force is found
	uint32_t consumer_count;
	struct pp_worker_consumer consumer[PP_CONSUMERS_MAX];
	uint32_t ring_count;
	struct pp_copy_ring **ring; // copied
};

// @return  0; -ENOMEM, with err set.
int pp_worker_create(struct pp_worker **out,
		     const struct pp_worker_params *params,
		     struct pp_error *err);
// Stops first if needed. NULL is allowed.
void pp_worker_destroy(struct pp_worker *worker);

int pp_worker_start(struct pp_worker *worker, struct pp_error *err);
void pp_worker_end(struct pp_worker *worker);
// @param until_ns  As pp_thread_join().
// @return          0; -ETIMEDOUT: it still runs: an analyser on it does not return.
int pp_worker_stop(struct pp_worker *worker, uint64_t until_ns);

// Replace the ports that the worker serves. Returns when the thread has let go of the old list.
//
// @param leaving  Ports that it only takes lent frames back for.
void pp_worker_set_ports(struct pp_worker *worker,
			 struct pp_port *const port[],
			 uint32_t count,
			 struct pp_port *const leaving[],
			 uint32_t leaving_count);

// Add what this thread counted for a row.
void pp_worker_ledger(const struct pp_worker *worker, uint32_t row, struct pp_ledger_row *sum);

void pp_worker_info(const struct pp_worker *worker, struct pp_worker_info *out);
