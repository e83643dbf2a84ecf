// SPDX-License-Identifier: MIT OR Apache-2.0
// A program that measures a peer and prints one number.
//
// Threads    main thread; waits for the program's end.
// Cost       a process.
// Ownership  nothing is kept.
#pragma once

#include <push-packet/error.h>

// Run a program and read the number that it prints.
//
// @param argv  argv[0] is its path; ends with NULL.
// @return      0; -ENOENT: there is no such program; -EIO: it failed or printed something else;
//              with err set.
int pp_bench_peer_run(char *const argv[], double *out, struct pp_error *err);
