// SPDX-License-Identifier: MIT OR Apache-2.0
// An analyser of the configuration: its state, its threads, and the lanes of every worker to them.
//
// Threads    control thread. Lanes are the worker's they are made for; info: any thread.
// Cost       control path.
// Ownership  owns states, threads and lanes; holds the library of a plug-in.
#pragma once

#include <push-packet/analyser.h>
#include <push-packet/plane.h>

#include "lane.h"
#include "rows.h"

struct pp_analysis;
struct pp_rule_table;

struct pp_analysis_params {
	const struct pp_consumer_config *config; // borrowed, but for its options
	uint32_t worker_count;
	uint32_t handoff_bytes; // of each worker to each thread
	bool timestamps;
	const struct pp_rows *rows; // borrowed
	const uint8_t *frame_kind; // by interface; borrowed
	uint32_t iface_count;
	const struct pp_iface_config *iface; // borrowed
	struct pp_rule_table *const *rules; // RCU; where the table in force is found
};

// @return  The functions of a consumer of this kind; NULL: it is no analyser.
const struct pp_analyser_ops *pp_analysis_ops(const struct pp_consumer_config *config);

// @param err  Never NULL.
// @return     0; -ENOMEM; what the analyser says, with err set.
int pp_analysis_create(struct pp_analysis **out,
		       const struct pp_analysis_params *params,
		       struct pp_error *err);
// Stops first if needed. NULL is allowed.
void pp_analysis_destroy(struct pp_analysis *analysis);

int pp_analysis_start(struct pp_analysis *analysis, struct pp_error *err);
// Tell its threads to end. The workers have been joined.
void pp_analysis_end(struct pp_analysis *analysis);
// It has no threads of its own.
bool pp_analysis_on_workers(const struct pp_analysis *analysis);
// End, wait for its threads, and let it finish, once.
//
// @param limit_ns  As pp_analyser_stop(), for each thread.
// @return          0; -ETIMEDOUT: not all have ended, and the analyser's state is still in use.
int pp_analysis_stop(struct pp_analysis *analysis, uint64_t limit_ns);

// What a worker needs; a copy is the worker's.
struct pp_lanes pp_analysis_lanes(struct pp_analysis *analysis, uint32_t worker);

// What create() made; the state behind a kind that is known, such as pp_count_ops.
void *pp_analysis_state(const struct pp_analysis *analysis);

void pp_analysis_ledger(const struct pp_analysis *analysis,
			uint32_t row,
			struct pp_ledger_row *sum);

// @param thread  -1: all together.
void pp_analysis_info(const struct pp_analysis *analysis,
		      int32_t thread,
		      struct pp_analyser_info *out);
