// SPDX-License-Identifier: MIT OR Apache-2.0
// Analysers and what they list as JSON.
//
// Threads    control thread.
// Cost       control path.
// Ownership  results are the caller's.
#pragma once

#include <jansson.h>

#include <push-packet/plane.h>

// @return  What became of an analyser's packets, all threads and each of them, and its numbers; NULL:
//          the consumer is no analyser.
json_t *pp_analyser_json(const struct pp_plane *plane, uint32_t consumer);

// @param offset_ns  From CLOCK_MONOTONIC to CLOCK_REALTIME, which times are given in.
json_t *pp_analyser_top_json(const struct pp_plane *plane,
			     const struct pp_analyser_top *top,
			     uint64_t offset_ns);

// @return  The value; -1: none has that name.
int pp_analyser_by(const char *name);
int pp_analyser_sort(const char *name);
