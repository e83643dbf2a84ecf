// SPDX-License-Identifier: MIT OR Apache-2.0
// Two runs of the same measurement, result by result.
//
// Threads    main thread.
// Cost       control path.
// Ownership  documents are borrowed; what comes out is the caller's.
#pragma once

#include <jansson.h>

#include <push-packet/error.h>

// Compare two documents (bench.h). Comes out as {kind, warnings, results}; a result has name, unit,
// of ("median", "p50", ...), a, b, ratio (b / a), lo, hi and says: "better", "worse", "no
// difference shown". The interval of a ratio of medians is a bootstrap's (bench_stats.h); that of
// a ratio of percentiles is made of each one's own 95 % interval by ranks, and is as wide as both.
//
// @return  0; -EINVAL with err set: a document is none of a run, or the two are of different kinds.
int pp_bench_compare(const json_t *a, const json_t *b, json_t **out, struct pp_error *err);

// Read a document of a run.
//
// @return  0; -EINVAL with err set, with line and column of the fault: the file cannot be read, is no
//          JSON or no run's document.
int pp_bench_load(const char *path, json_t **out, struct pp_error *err);
