// SPDX-License-Identifier: MIT OR Apache-2.0
// Tell what rules do with each packet of a capture, and how often each rule was the one.
//
// Threads    main thread.
// Cost       control path; some microseconds a packet.
// Ownership  nothing is kept.
#pragma once

#include <stdbool.h>

#include "explain_rules.h"

// Explain a capture on standard output. Complains when that fails; what was told by then is
// followed by its summary.
//
// @param capture  A file; "-": standard input.
// @param json     One object a line.
// @return         enum pp_exit.
int pp_explain_capture(const struct pp_explain_rules *rules, const char *capture, bool json);

// The same for one rule, on the interface that it names, if it does.
//
// @return  enum pp_exit.
int pp_explain_rule(const char *rule, const char *capture, bool json);
