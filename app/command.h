// SPDX-License-Identifier: MIT OR Apache-2.0
// The commands of push-packet as a table: parsing, --help, man pages and completion are made
// from it, so that what is written about an option is about an option that is there.
//
// A command stands in its own file, app/cmd_NAME.c, and in the list in command.c.
//
// Threads    main thread.
// Cost       control path.
// Ownership  tables are constant.
#pragma once

#include <stdio.h>

#include "option.h"

enum pp_exit {
	PP_EXIT_OK = 0,
	PP_EXIT_FAILED = 1, // at run time, or because of the configuration
	PP_EXIT_USAGE = 2, // the command line makes no sense
};

// A word that is no option.
struct pp_argument {
	const char *name; // what help calls it; NULL ends a table
	bool optional; // may be left out, with all behind it
	bool many; // the last one: may be there more than once
	enum pp_complete complete;
	const char *words; // with blanks between, for PP_COMPLETE_WORDS
};

struct pp_command {
	const char *name;
	const char *summary; // one line
	const char *synopsis; // what may follow the name; a line for each form
	const char *description; // paragraphs, wrapped where they are printed
	const struct pp_option *options; // NULL: none but --help
	const struct pp_argument *arguments; // NULL: none
	const char *exit_status;
	const char *examples; // command lines
	const struct pp_command *const *sub; // ends with NULL; a command that has some has no run()

	// @param argv  argv[0] is what was typed so far, "push-packet NAME".
	// @return      enum pp_exit.
	int (*run)(const struct pp_command *command, int argc, char **argv);
};

// push-packet itself, whose subcommands are all others, in the order --help shows them.
extern const struct pp_command pp_program;

extern const struct pp_command pp_command_bench;
extern const struct pp_command pp_command_check;
extern const struct pp_command pp_command_default;
extern const struct pp_command pp_command_dump;
extern const struct pp_command pp_command_explain;
extern const struct pp_command pp_command_gen;
extern const struct pp_command pp_command_help;
extern const struct pp_command pp_command_reload;
extern const struct pp_command pp_command_rule;
extern const struct pp_command pp_command_run;
extern const struct pp_command pp_command_set;
extern const struct pp_command pp_command_stats;
extern const struct pp_command pp_command_top;

#define PP_PARSED (-1)

// Find a subcommand.
//
// @return  NULL: there is none of that name.
const struct pp_command *pp_command_find(const struct pp_command *command, const char *name);

// Run the subcommand that argv[1] names, or show help.
//
// @return  enum pp_exit.
int pp_command_dispatch(const struct pp_command *command, int argc, char **argv);

// Read a command line. Complains about what is wrong, and answers --help.
//
// @param argv    May be reordered.
// @param values  Where the options' read() stores; holds the defaults.
// @param words   Set to the words that are no options, as many as command->arguments wants; ends
//                with NULL. May be NULL.
// @return        PP_PARSED: go on; else enum pp_exit: end with it.
int pp_command_parse(
	const struct pp_command *command, int argc, char **argv, void *values, char ***words);

// Complain about the command line.
//
// @param command  argv[0].
// @return         PP_EXIT_USAGE.
int pp_command_usage(const char *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

// Print --help, a man page in scdoc's language, the script that completes for bash.
//
// @param path  What is to be typed, "push-packet NAME".
void pp_command_print_help(const struct pp_command *command, const char *path, FILE *out);
void pp_command_print_man(const struct pp_command *command, const char *path, FILE *out);
void pp_command_print_bash(const struct pp_command *program, FILE *out);
