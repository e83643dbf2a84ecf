// SPDX-License-Identifier: MIT OR Apache-2.0
// The commands below `push-packet rule`; their table is in cmd_rule.c.
//
// Threads    main thread.
// Cost       control path: one connection, one request.
// Ownership  nothing is kept.
#pragma once

#include "command.h"
#include "ctl_options.h"

struct pp_rule_options {
	struct pp_ctl_options ctl;
	bool json;
	const char *file; // NULL: none
	uint64_t ttl_ns; // 0: for ever
};

// run() of the commands that send rules or ids.
int pp_cmd_rule_add(const struct pp_command *command, int argc, char **argv);
int pp_cmd_rule_replace(const struct pp_command *command, int argc, char **argv);
int pp_cmd_rule_del(const struct pp_command *command, int argc, char **argv);
int pp_cmd_rule_flush(const struct pp_command *command, int argc, char **argv);
int pp_cmd_rule_test(const struct pp_command *command, int argc, char **argv);
