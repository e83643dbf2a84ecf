// SPDX-License-Identifier: MIT OR Apache-2.0
// Numbers as people read them, and tables that are as wide as what stands in them.
//
// Threads    any.
// Cost       control path.
// Ownership  caller's storage; a table copies its texts until pp_table_fini().
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PP_TABLE_NUMBER_BYTES 32

// Write a number with commas between thousands.
//
// @return  buf.
const char *pp_table_number(int64_t value, char buf[PP_TABLE_NUMBER_BYTES]);

// Write a time that is left, rounded up to seconds: "58s", "9m58s", "3h20m", "4d03h".
//
// @return  buf.
#define PP_TABLE_TIME_BYTES 24
const char *pp_table_time(uint64_t ms, char buf[PP_TABLE_TIME_BYTES]);

#define PP_TABLE_COLUMNS_MAX 12

struct pp_table_column {
	const char *heading;
	bool right; // numbers stand at the right
};

struct pp_table {
	const struct pp_table_column *column; // borrowed
	uint32_t columns;
	size_t cells;
	char **cell; // row by row
	bool no_memory;
};

// @param columns  1 to PP_TABLE_COLUMNS_MAX.
void pp_table_init(struct pp_table *table, const struct pp_table_column *column, uint32_t columns);
void pp_table_fini(struct pp_table *table);

// Put the next cell, after the one before in its row or first in the next row.
void pp_table_put(struct pp_table *table, const char *text);

// Print headings and rows; no blanks at the end of a line.
//
// @return  0; -ENOMEM: a cell could not be kept, nothing was printed.
int pp_table_print(const struct pp_table *table, FILE *out);
