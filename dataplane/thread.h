// SPDX-License-Identifier: MIT OR Apache-2.0
// Starting a thread with a name and a place.
#pragma once

#include <pthread.h>
#include <stdint.h>

#include <push-packet/error.h>

// Wait for a thread to end.
//
// @param until_ns  CLOCK_MONOTONIC; UINT64_MAX: as long as it takes.
// @return          0; -ETIMEDOUT: it still runs.
int pp_thread_join(pthread_t thread, uint64_t until_ns);

// Start fn(arg) with every signal blocked: signals are the control thread's.
//
// @param name  Up to 15 characters, as ps and the tracepoints show it.
// @param cpu   Where it stays; -1: anywhere.
// @return      0; -errno, with err set.
int pp_thread_start(pthread_t *out,
		    const char *name,
		    int32_t cpu,
		    void *(*fn)(void *),
		    void *arg,
		    struct pp_error *err);
