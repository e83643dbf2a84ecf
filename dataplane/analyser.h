// SPDX-License-Identifier: MIT OR Apache-2.0
// One analysis thread of a consumer: takes packets from every worker, counts them, gives lent
// frames back.
//
// Threads    create, start, stop, destroy: control thread. handoff, returns: fixed after create;
//            the worker of that index produces into the one and consumes from the other. table,
//            ledger: any thread.
// Cost       the thread allocates and locks nothing; its one system call is the sleep when no
//            packet waits, which no worker ever has to end.
// Ownership  the analyser owns its rings and its table. The table of rules is under RCU (QSBR): the
//            thread is quiescent once a round and offline while it sleeps.
#pragma once

#include <push-packet/plane.h>

#include "rows.h"

struct pp_analyser;
struct pp_count_table;
struct pp_handoff;
struct pp_ring;
struct pp_rule_table;

struct pp_analyser_params {
	uint32_t index; // of the thread, for its name
	int32_t cpu; // -1: not pinned
	uint32_t worker_count;
	uint32_t handoff_bytes; // per worker
	uint32_t frames_away_max; // frames of one worker that can be lent at once
	const struct pp_rows *rows; // borrowed
	const uint8_t *frame_kind; // by interface; borrowed
	struct pp_rule_table *const *rules; // RCU; where the table in force is found
};

// @return  0; -ENOMEM, -EINVAL, with err set.
int pp_analyser_create(struct pp_analyser **out,
		       const struct pp_analyser_params *params,
		       struct pp_error *err);
// Stops first if needed. NULL is allowed.
void pp_analyser_destroy(struct pp_analyser *analyser);

int pp_analyser_start(struct pp_analyser *analyser, struct pp_error *err);
// Work off what waits, then end. The workers have been joined.
void pp_analyser_stop(struct pp_analyser *analyser);

struct pp_handoff *pp_analyser_handoff(struct pp_analyser *analyser, uint32_t worker);
struct pp_ring *pp_analyser_returns(struct pp_analyser *analyser, uint32_t worker);
const struct pp_count_table *pp_analyser_table(const struct pp_analyser *analyser);

// Add what this thread counted for a row.
void pp_analyser_ledger(const struct pp_analyser *analyser,
			uint32_t row,
			struct pp_ledger_row *sum);

// How a lent frame is named on its way back: the port's row and where the packet's bytes are.
// User-space addresses have 47 bits.
static inline uint64_t pp_analyser_frame(uint16_t row, const uint8_t *data)
{
	return (uint64_t)row << 48 | (uint64_t)(uintptr_t)data;
}
static inline uint16_t pp_analyser_frame_row(uint64_t frame)
{
	return (uint16_t)(frame >> 48);
}
static inline const uint8_t *pp_analyser_frame_data(uint64_t frame)
{
	return (const uint8_t *)(uintptr_t)(frame & ((1ull << 48) - 1));
}
