// SPDX-License-Identifier: MIT OR Apache-2.0
// Times to live as rules and sets have them: N(ms|s|m|h|d), 1ms to 3650d.
//
// Threads    any.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PP_DURATION_EXPECTED "a time from 1ms to 3650d, such as 30s, 10m, 2h or 7d,"
#define PP_DURATION_TEXT_BYTES 24

// @param text  len bytes, not terminated.
// @param ns    Set on success.
// @return      Whether it is one.
bool pp_duration_parse(const char *text, size_t len, uint64_t *ns);

// Write it in the largest unit that is exact; what is finer than a millisecond is cut off.
//
// @param buf  PP_DURATION_TEXT_BYTES.
void pp_duration_format(uint64_t ns, char *buf);
