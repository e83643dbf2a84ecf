// SPDX-License-Identifier: MIT OR Apache-2.0
// The subcommands of push-packet. Each parses its own options, argv[0] being "push-packet NAME".
//
// Threads    main thread.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

enum pp_exit {
	PP_EXIT_OK = 0,
	PP_EXIT_FAILED = 1, // at run time, or because of the configuration
	PP_EXIT_USAGE = 2, // the command line makes no sense
};

struct pp_command {
	const char *name; // NULL ends the table
	const char *summary;
	int (*run)(int argc, char **argv); // returns enum pp_exit
};

// In the order --help shows them.
extern const struct pp_command pp_commands[];

int pp_cmd_run(int argc, char **argv);
int pp_cmd_check(int argc, char **argv);
int pp_cmd_stats(int argc, char **argv);

// Complain about the command line.
//
// @param command  argv[0].
// @return         PP_EXIT_USAGE.
int pp_command_usage(const char *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
