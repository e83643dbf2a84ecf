// SPDX-License-Identifier: MIT OR Apache-2.0
// The library of a plug-in analyser, read and linked.
//
// Threads    control thread.
// Cost       control path.
// Ownership  shared by all who hold it: pp_analyser_hold(), pp_analyser_unload().
#pragma once

#include <push-packet/analyser.h>

// One more holder. All zero is allowed.
void pp_analyser_hold(const struct pp_analyser_own *own);

// Whether ops are complete and of this version; of a program that embeds the library, too.
//
// @param whose  For the message.
// @return       0; -EPROTO, with err set.
int pp_analyser_check_ops(const struct pp_analyser_ops *ops,
			  const char *whose,
			  struct pp_error *err);
