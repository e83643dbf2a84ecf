// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules on their way to the daemon, with the place each was read from.
//
// Threads    one.
// Cost       control path.
// Ownership  pp_rule_lines_fini() frees; text borrows from the command line or the file read.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include <push-packet/error.h>

struct pp_rule_line {
	const char *text;
	uint32_t number; // of its line; from the command line: which rule, from 1
};

struct pp_rule_lines {
	struct pp_rule_line *line;
	uint32_t count;
	const char *file; // borrowed; NULL: from the command line
	char *owned; // what text points into, if it was a file
};

// Take rules from the command line.
//
// @param rule  Ends with NULL.
// @return      0; -ENOMEM with err set.
int pp_rule_lines_take(struct pp_rule_lines *lines, char *const *rule, struct pp_error *err);

// Read a file of rules: one a line, comments, empty lines. Sets and protection are no rules and
// refused.
//
// @param file  "-": standard input.
// @return      0; -EINVAL, with line and col where they are known; -ENOMEM; -errno of the file.
int pp_rule_lines_read(struct pp_rule_lines *lines, const char *file, struct pp_error *err);

void pp_rule_lines_fini(struct pp_rule_lines *lines);

// Complain about a line: its place, what is wrong, and for the command line where.
//
// @param index  From 0.
// @param col    From 1; 0: unknown.
void pp_rule_lines_complain(const struct pp_rule_lines *lines,
			    uint32_t index,
			    uint32_t col,
			    const char *text);

// Complain about a line, or what else it is, as the daemon says what it refuses.
//
// @param refusal  As pp_ctl_client_refusal() returns it; NULL: err says it all.
void pp_rule_lines_complain_refusal(const struct pp_rule_lines *lines,
				    const json_t *refusal,
				    const struct pp_error *err);
