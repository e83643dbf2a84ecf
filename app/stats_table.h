// SPDX-License-Identifier: MIT OR Apache-2.0
// Statistics for people: what pp_stats_json() made, as tables.
//
// Of the ledger, the columns that every run has are always there; losses and other rarities
// only when they are not 0. The JSON may come from another version: what is missing counts as 0.
//
// Threads    any.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include <jansson.h>
#include <stdio.h>

// Print everything.
void pp_stats_table_print(const json_t *stats, FILE *out);

// Print whether the ledger balances, and if not, which equations lack how many.
void pp_stats_table_print_balance(const json_t *stats, FILE *out);

// Print packets per second from one snapshot to the next, on one line.
void pp_stats_table_print_rates(const json_t *before,
				const json_t *after,
				double seconds,
				FILE *out);
