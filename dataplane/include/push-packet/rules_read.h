// SPDX-License-Identifier: MIT OR Apache-2.0
// A text of rules as an array in match order, for what measures: a rule file as the configuration
// names them, or a ClassBench filter set, told by its first character that stands for something.
//
// Threads    any; nothing is shared.
// Cost       control path.
// Ownership  the caller frees the rules.
#pragma once

#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/error.h>
#include <push-packet/rule.h>

__BEGIN_DECLS

// Read a text.
//
// @param text   Ends with NUL.
// @param out    Rules by prio, then as they stand; free() it.
// @param err    Set on failure, with line and col.
// @return       0; -EINVAL: a fault in the text, a rule that names a set, or no rule; -ENOMEM.
int pp_rules_read(const char *text, struct pp_rule **out, uint32_t *count, struct pp_error *err);

__END_DECLS
