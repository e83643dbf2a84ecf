// SPDX-License-Identifier: MIT OR Apache-2.0
// From the daemon's answers to the model of `push-packet top`.
//
// Threads    main thread.
// Cost       a request to the daemon for rows, another one for ledger and rules.
// Ownership  nothing is kept.
#pragma once

#include "ctl_client.h"
#include "top_model.h"

// Ask for the rows that count most.
//
// @param limit  How many, 1 to 100,000.
// @return       0; -ENOMEM; as pp_ctl_client_call(), where -EREMOTEIO means that the analyser does not
//               list by that.
int pp_top_read_rows(struct pp_ctl_client *client,
		     struct pp_top_model *model,
		     uint32_t limit,
		     struct pp_error *err);

// Ask for the ledger and the rules.
int pp_top_read_stats(struct pp_ctl_client *client,
		      struct pp_top_model *model,
		      struct pp_error *err);

// What was read, for programs.
//
// @return  The caller's.
json_t *pp_top_read_json(const struct pp_top_model *model);

// Rows and totals out of the result of analysers.top; ledger and rules out of that of stats.
int pp_top_read_rows_of(struct pp_top_model *model, const json_t *result, uint64_t now_ns);
int pp_top_read_stats_of(struct pp_top_model *model, const json_t *result, uint64_t now_ns);
