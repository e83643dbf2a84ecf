// SPDX-License-Identifier: MIT OR Apache-2.0
// A rule set by name, for programs that measure.
//
// Threads    any; nothing is shared.
// Cost       tests only.
// Ownership  the caller frees the rules.
#pragma once

#include <push-packet/error.h>
#include <push-packet/rule.h>

// Open what spec names: `gen:KIND[:FAMILY]:COUNT:SEED` (ruleset_options_parse()), or a file of
// ClassBench's format (its first character is '@') or of our own.
//
// @param out  Rules in match order: by prio, then as they stand; free() it.
// @param err  Set on failure; line and col where it is about a file's text.
// @return     0; -EINVAL; -ENOMEM; -errno of the file.
int ruleset_open(const char *spec, struct pp_rule **out, uint32_t *count, struct pp_error *err);
