// SPDX-License-Identifier: MIT OR Apache-2.0
// The first rows of several threads' tables of the same keys, each key's numbers put together.
//
// Nothing but these rows is copied: of the others only what they are sorted by is read.
//
// Threads    any, while the tables' threads count.
// Cost       control path: some 0.2 us a key, and a search for it in each other table; a bit for
//            each entry of the second and further tables is allocated.
// Ownership  tables are borrowed.
#pragma once

#include <push-packet/analyser.h>

#include "top_table.h"

struct pp_top_span {
	uint64_t first, now; // epochs of bins, both included
	uint64_t ns; // that rates are about
};

// @param table  count of them, 1 or more.
// @param out    found, count and row are set.
// @return       0; -ENOMEM.
int pp_top_select(const struct pp_top_table *const table[],
		  uint32_t count,
		  const struct pp_top_span *span,
		  const struct pp_analyser_query *query,
		  struct pp_analyser_top *out);
