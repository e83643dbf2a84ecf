// SPDX-License-Identifier: MIT OR Apache-2.0
// Filter expressions of libpcap (pcap-filter(7)) to numbers for the daemon.
//
// Threads    one: libpcap's compiler.
// Cost       control path; names in an expression are looked up.
// Ownership  the caller's.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include <push-packet/error.h>

// Compile for a kind of frames.
//
// @param frame_kind  enum pp_frame_kind.
// @return            An array of strings 'code jt jf k'; NULL: err says why, line is 1, and col where
//                    the first word stands that cannot follow what is before it, from 1.
json_t *pp_dump_filter_compile(const char *expression, int frame_kind, struct pp_error *err);

// A program that no packet matches.
json_t *pp_dump_filter_none(void);
