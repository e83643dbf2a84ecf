// SPDX-License-Identifier: MIT OR Apache-2.0
// Statements as they were read: statements_read.c fills them, statements_apply.c uses them.
//
// Threads    one at a time.
// Ownership  statements own their rules and hold a reference to each set.
#pragma once

#include <push-packet/ruleset.h>

struct pp_place {
	uint32_t text; // which call of pp_statements_read()
	uint32_t line;
	uint32_t col;
};

struct pp_statement_set {
	struct pp_set *set;
	struct pp_place at;
};

struct pp_statement_protect {
	char name[PP_NAME_BYTES];
	struct pp_place at;
};

struct pp_statements {
	uint32_t texts; // read so far
	uint32_t rule_count;
	struct pp_statement_rule *rule;
	uint32_t set_count;
	struct pp_statement_set *set;
	uint32_t protect_count;
	struct pp_statement_protect *protect;
};
