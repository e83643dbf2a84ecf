// SPDX-License-Identifier: MIT OR Apache-2.0
// Numbers with units, as they are written on the command line and in the configuration.
//
// Threads    any.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include <stdint.h>

// Parse a duration: a whole number and one of ns, us, ms, s, m, h ("60s", "500ms", "10m").
// A bare number is refused, because nobody can tell what it counts; only "0" needs no unit.
//
// @param out_ns  Set on success, untouched on failure.
// @return        0; -EINVAL: not of this form; -ERANGE: does not fit 64 bits of nanoseconds.
int pp_units_parse_duration(const char *text, uint64_t *out_ns);

// Parse a count: a whole number, and k, M or G for the thousandfold, millionfold and
// thousand-millionfold ("1000000", "1M", "10k").
//
// @return  0; -EINVAL; -ERANGE: does not fit 64 bits.
int pp_units_parse_count(const char *text, uint64_t *out);

// Parse a rate in packets per second: a count, with or without "pps" ("250k", "1Mpps").
//
// @return  0; -EINVAL; -ERANGE.
int pp_units_parse_rate(const char *text, uint64_t *out_pps);

// Parse a whole number in decimal, or in hexadecimal after 0x, that lies in lo to hi.
//
// @return  0; -EINVAL: not a number; -ERANGE: outside lo to hi.
int pp_units_parse_number(const char *text, uint64_t lo, uint64_t hi, uint64_t *out);
