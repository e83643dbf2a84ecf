// SPDX-License-Identifier: MIT OR Apache-2.0
// One thread of an analyser: takes packets from every worker, shows them to the analyser, releases
// them.
//
// Threads    create, start, stop, destroy: control thread. Rings are fixed after create; the worker
//            of that index produces. ledger, analysed: any thread.
// Cost       the thread itself allocates and locks nothing; its one system call is the sleep when no
//            packet waits, which no worker ever has to end. What the analyser does is its own.
// Ownership  owns its rings. The table of rules is under RCU (QSBR): the thread is quiescent once a
//            round and offline while it sleeps.
#pragma once

#include <push-packet/analyser.h>
#include <push-packet/plane.h>

#include "rows.h"

struct pp_analyser;
struct pp_lane;

struct pp_analyser_params {
	char thread_name[16];
	int32_t cpu; // -1: not pinned
	uint32_t worker_count;
	uint32_t handoff_bytes; // per worker
	const struct pp_rows *rows; // borrowed
	const struct pp_analyser_ops *ops;
	bool foreign; // a plug-in's: nobody knows when it returns
	void *state; // of this thread
};

// @return  0; -ENOMEM, -EINVAL, with err set.
int pp_analyser_create(struct pp_analyser **out,
		       const struct pp_analyser_params *params,
		       struct pp_error *err);
// Stops first if needed. NULL is allowed.
void pp_analyser_destroy(struct pp_analyser *analyser);

int pp_analyser_start(struct pp_analyser *analyser, struct pp_error *err);
// Tell it to work off what waits, then to end. The workers have been joined.
void pp_analyser_end(struct pp_analyser *analyser);
// The same, and wait for it.
//
// @param limit_ns  For how long it may have no packet done; UINT64_MAX: for ever.
// @return          0; -ETIMEDOUT: it still runs, and uses what is its.
int pp_analyser_stop(struct pp_analyser *analyser, uint64_t limit_ns);

// The ring between it and a worker.
void pp_analyser_connect(struct pp_analyser *analyser, uint32_t worker, struct pp_lane *lane);

// Add what this thread counted for a row.
void pp_analyser_ledger(const struct pp_analyser *analyser,
			uint32_t row,
			struct pp_ledger_row *sum);

// Add what this thread analysed.
void pp_analyser_analysed(const struct pp_analyser *analyser, uint64_t *routed, uint64_t *copied);
