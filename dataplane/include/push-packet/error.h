// SPDX-License-Identifier: MIT OR Apache-2.0
// The sentence that goes with a negative errno.
//
// Threads    a struct belongs to its caller.
// Cost       filled only on failure; nothing is allocated.
// Ownership  caller's storage.
#pragma once

#include <stdint.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

// line and col count from 1; 0 where the error is not about a text. text has no newline and
// no trailing full stop, and says what was expected or what to do.
struct pp_error {
	uint32_t line;
	uint32_t col;
	char text[500];
};

// Fill err (which may be NULL) with a position and a printf-style text.
//
// @param line,col  From 1; 0: none.
// @return          err_no, so that a caller can write `return pp_error_set(err, -EINVAL, ...)`.
int pp_error_set(
	struct pp_error *err, int err_no, uint32_t line, uint32_t col, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

__END_DECLS
