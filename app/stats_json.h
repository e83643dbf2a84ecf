// SPDX-License-Identifier: MIT OR Apache-2.0
// Everything the dataplane counts, as JSON: what `stats --json` prints and the control socket
// answers. Ledger columns have the names that pp_ledger_name() gives.
//
// Threads    the control thread.
// Cost       control path; O(queues + rules * consumers).
// Ownership  the caller's reference.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include <push-packet/plane.h>

#define PP_STATS_SOURCES_DEFAULT 10
#define PP_STATS_SOURCES_MAX 1000

// Take a snapshot.
//
// @param uptime_s  Since the start of packet processing.
// @param sources   Sources of each consumer to list, those with the most packets first.
// @return          A new reference; NULL: no memory.
json_t *pp_stats_json(const struct pp_plane *plane, uint64_t uptime_s, uint32_t sources);
