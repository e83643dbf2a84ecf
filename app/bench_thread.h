// SPDX-License-Identifier: MIT OR Apache-2.0
// The thread that measures: on a CPU and in a network namespace of its own.
//
// Threads    run: main thread. place: the thread itself.
// Cost       control path.
// Ownership  nothing is kept.
#pragma once

#include <stdint.h>

#include <push-packet/error.h>

#include "bench_lab.h"

// Run fn(arg) on a thread and wait for its end.
//
// @return  0; -errno of its creation, with err set.
int pp_bench_thread_run(void *(*fn)(void *), void *arg, struct pp_error *err);

// Move the calling thread, and those that it creates, to a CPU and a side of the laboratory.
//
// @return  0; -errno with err set.
int pp_bench_thread_place(const struct pp_bench_lab *lab,
			  enum pp_bench_side side,
			  uint32_t cpu,
			  struct pp_error *err);
