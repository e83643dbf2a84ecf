// SPDX-License-Identifier: MIT OR Apache-2.0
// What is wrong with the operator's files: collected first, printed in one go.
//
//   FILE:LINE:COL: error: TEXT
//   FILE:LINE:COL: warning: TEXT
//
// Threads    a report belongs to its caller.
// Cost       control path; a line is allocated for each entry.
// Ownership  the report owns its texts.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// More errors than this are counted, not kept.
#define PP_REPORT_LINES_MAX 50

struct pp_report_line {
	char *file;
	uint32_t line; // from 1; 0: no position
	uint32_t col;
	bool error; // else a warning
	char *text;
};

struct pp_report {
	struct pp_report_line *line;
	uint32_t count;
	uint32_t errors; // more than there are in line[] when it overflowed
	uint32_t warnings;
};

// Prepare an empty report.
void pp_report_init(struct pp_report *report);

// Free what init and add took.
void pp_report_fini(struct pp_report *report);

// Add an error.
//
// @param file      Copied.
// @param line,col  From 1; 0: no position is printed.
void pp_report_error(struct pp_report *report,
		     const char *file,
		     uint32_t line,
		     uint32_t col,
		     const char *fmt,
		     ...) __attribute__((format(printf, 5, 6)));

// Add a warning; as pp_report_error().
void pp_report_warning(struct pp_report *report,
		       const char *file,
		       uint32_t line,
		       uint32_t col,
		       const char *fmt,
		       ...) __attribute__((format(printf, 5, 6)));

// Print every line in the order it was added, and how many were not kept.
void pp_report_print(const struct pp_report *report, FILE *out);
