// SPDX-License-Identifier: MIT OR Apache-2.0
// The first rows of a list in an order, while the list goes by: a heap of as many as are asked for.
//
// Threads    caller's.
// Cost       O(log limit) for a row that is kept, one comparison for another one.
// Ownership  rows are in the caller's struct pp_analyser_top.
#pragma once

#include <push-packet/analyser.h>

struct pp_top_best {
	struct pp_analyser_row *row;
	uint32_t limit;
	uint32_t count;
	uint8_t sort; // enum pp_analyser_sort
};

// @param out  Has room for query->limit rows.
void pp_top_best_init(struct pp_top_best *best,
		      const struct pp_analyser_query *query,
		      struct pp_analyser_top *out);

// What a row is sorted by: the most comes first, of equal ones the lower key.
double pp_top_best_value(const struct pp_analyser_row *row, uint8_t sort);

// Whether a row of this value and key would be kept.
bool pp_top_best_wants(const struct pp_top_best *best,
		       double value,
		       const struct pp_analyser_key *key);

// Keep a row, if it is wanted.
void pp_top_best_offer(struct pp_top_best *best, const struct pp_analyser_row *row);

// Put the rows in their order.
//
// @return  How many there are.
uint32_t pp_top_best_finish(struct pp_top_best *best);
