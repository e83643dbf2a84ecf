// SPDX-License-Identifier: MIT OR Apache-2.0
// Rows from several threads, put together by key; then the first of them in an order.
//
// Threads    caller's.
// Cost       control path: about 0.2 us a row.
// Ownership  fini() frees.
#pragma once

#include <push-packet/analyser.h>

#include "top_key.h"

struct pp_top_rows {
	struct pp_top_seed seed;
	uint32_t room;
	uint32_t count;
	struct pp_analyser_row *row;
	uint32_t mask;
	uint32_t *index; // by hash: row, from 1; 0: none
};

// @return  0; -ENOMEM.
int pp_top_rows_init(struct pp_top_rows *rows, uint32_t room);
void pp_top_rows_fini(struct pp_top_rows *rows);

// Add a row to that of the same key, or as a new one while there is room. arg: the rows. Numbers
// are summed; first_ns is the first, last_ns the last, turned that of the first.
void pp_top_rows_add(void *arg, const struct pp_analyser_row *row);

// Add the numbers of a row to those of another one of the same key.
void pp_top_rows_merge(struct pp_analyser_row *sum, const struct pp_analyser_row *row);

bool pp_top_rows_has(const struct pp_top_rows *rows, const struct pp_analyser_key *key);

// Move the first rows in the order of query->sort to out: found, count and row.
void pp_top_rows_pick(struct pp_top_rows *rows,
		      const struct pp_analyser_query *query,
		      struct pp_analyser_top *out);
