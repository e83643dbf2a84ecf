// SPDX-License-Identifier: MIT OR Apache-2.0
// An option of a command: how it is written, what help says about it, how it is read.
//
// Threads    main thread.
// Cost       control path.
// Ownership  tables are constant; texts that are read are borrowed from the command line.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <push-packet/error.h>

enum pp_complete {
	PP_COMPLETE_NONE,
	PP_COMPLETE_FILE,
	PP_COMPLETE_IFACE,
	PP_COMPLETE_COMMAND, // of push-packet, with subcommands as further words
	PP_COMPLETE_WORDS, // one of the words given
};

struct pp_option {
	const char *name; // --name; NULL ends a table
	char letter; // -letter; 0: there is none
	const char *arg; // what help calls its argument; NULL: it takes none
	bool optional; // the argument may be left out; as a word of its own it starts with a digit
	bool required; // the option must be given
	const char *help; // wrapped where it is printed; a newline breaks the line
	const char *heading; // printed above; NULL: none
	enum pp_complete complete; // of its argument
	const char *words; // with blanks between

	// Take the option.
	//
	// @param text    Its argument; NULL: none was given.
	// @param values  As given to pp_command_parse().
	// @return        0; -EINVAL: err says what was expected.
	int (*read)(const struct pp_option *option,
		    const char *text,
		    void *values,
		    struct pp_error *err);
	size_t offset; // in values, where the functions below store
	int id; // for a read() that serves many
};

// Set a bool.
int pp_option_flag(const struct pp_option *option,
		   const char *text,
		   void *values,
		   struct pp_error *err);

// Set a const char *.
int pp_option_text(const struct pp_option *option,
		   const char *text,
		   void *values,
		   struct pp_error *err);

// Set a uint64_t to nanoseconds, at least one.
int pp_option_duration(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err);
