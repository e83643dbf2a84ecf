// SPDX-License-Identifier: MIT OR Apache-2.0
// The ledger's part of the tables: one line a column, one column a queue.
//
// Threads, Cost, Ownership: as stats_table.h.
#pragma once

#include <jansson.h>
#include <stdio.h>

// Print the ledgers of one element of "interfaces".
void pp_stats_ledger_print(const json_t *iface, FILE *out);
