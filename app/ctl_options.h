// SPDX-License-Identifier: MIT OR Apache-2.0
// How a command finds the running daemon, and what it says when the daemon refuses.
//
// Threads    main thread.
// Cost       control path.
// Ownership  texts are borrowed from the command line.
#pragma once

#include "config.h"
#include "ctl_client.h"
#include "option.h"

#define PP_CTL_TIMEOUT_MS 10000

// The first member of the values of a command that uses PP_CTL_OPTIONS.
struct pp_ctl_options {
	const char *socket;
	const char *config;
};

// Rows for a command's table of options.
#define PP_CTL_OPTIONS                                                                             \
	{.name = "socket",                                                                         \
	 .letter = 's',                                                                            \
	 .arg = "SOCKET",                                                                          \
	 .help = "the control socket (default " PP_CONFIG_SOCKET ")",                              \
	 .complete = PP_COMPLETE_FILE,                                                             \
	 .read = pp_option_text,                                                                   \
	 .offset = offsetof(struct pp_ctl_options, socket)},                                       \
	{                                                                                          \
		.name = "config", .letter = 'c', .arg = "FILE",                                    \
		.help = "take the control socket from this configuration",                         \
		.complete = PP_COMPLETE_FILE, .read = pp_option_text,                              \
		.offset = offsetof(struct pp_ctl_options, config)                                  \
	}
#define PP_CTL_SYNOPSIS "[-s SOCKET | -c FILE]"
#define PP_CTL_EXIT_STATUS "0 done, 1 no daemon answers or it refuses, 2 usage"

// Connect to the daemon. Complains when that fails.
//
// @param path  argv[0].
// @param out   Set on success; close with pp_ctl_client_close().
// @return      enum pp_exit.
int pp_ctl_options_open(const struct pp_ctl_options *o,
			const char *path,
			struct pp_ctl_client **out);

// Tell people what went wrong.
//
// @return  PP_EXIT_FAILED.
int pp_ctl_options_complain(const struct pp_error *err);
