// SPDX-License-Identifier: MIT OR Apache-2.0
// How built-in analysers read their options.
//
// Threads    any.
// Cost       control path; nothing is allocated.
// Ownership  nothing is kept.
#pragma once

#include <push-packet/analyser.h>

// An option that a kind has. read stores it in out, which is the kind's own struct.
struct pp_option_reader {
	const char *key; // NULL ends the table
	int (*read)(const char *value, void *out, struct pp_error *err);
};

// Read all options by a table.
//
// @param kind  For the message about a key that is not in the table.
// @param at    Set to the option that err is about.
// @return      0; -EINVAL, with err set.
int pp_options_read(const struct pp_option_reader readers[],
		    const char *kind,
		    const struct pp_analyser_option option[],
		    uint32_t count,
		    void *out,
		    uint32_t *at,
		    struct pp_error *err);

// A time from min_ns to max_ns.
int pp_options_duration(const char *value,
			uint64_t min_ns,
			uint64_t max_ns,
			uint64_t *out_ns,
			struct pp_error *err);

// A power of two from min to max.
int pp_options_slots(
	const char *value, uint32_t min, uint32_t max, uint32_t *out, struct pp_error *err);
