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
#define PP_CTL_LONG_MS 60000 // for what reads files

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
// The table of a command that has no others.
extern const struct pp_option pp_ctl_options_only[];

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

// Call a method. Complains when that fails; prints the warnings that come with the result.
//
// @param params  Stolen; NULL: none.
// @param result  Set on success; may be NULL.
// @return        enum pp_exit.
int pp_ctl_options_call(struct pp_ctl_client *client,
			const char *method,
			json_t *params,
			uint32_t timeout_ms,
			json_t **result);

// Connect, call one method, hang up.
//
// @param path  argv[0].
// @return      As pp_ctl_options_open() and _call(); params are stolen in any case.
int pp_ctl_options_ask(const struct pp_ctl_options *o,
		       const char *path,
		       const char *method,
		       json_t *params,
		       uint32_t timeout_ms,
		       json_t **result);

// Print a result's list of warnings, if there is one.
void pp_ctl_options_warn(const json_t *result);

// A member of a result that is a number; 0: it is not there.
json_int_t pp_ctl_options_number(const json_t *result, const char *key);

// A member that is a text; "?": it is not there.
const char *pp_ctl_options_string(const json_t *result, const char *key);

// Print a result for programs.
void pp_ctl_options_print_json(const json_t *result);

// Tell people what went wrong.
//
// @return  PP_EXIT_FAILED.
int pp_ctl_options_complain(const struct pp_error *err);
