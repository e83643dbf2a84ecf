// SPDX-License-Identifier: MIT OR Apache-2.0
// Time in nanoseconds.
//
// Threads    any.
// Cost       of clock_gettime(): no system call for the clocks used here.
#pragma once

#include <stdint.h>
#include <sys/cdefs.h>
#include <time.h>

__BEGIN_DECLS

// @param clock  CLOCK_MONOTONIC and the like, of <time.h>.
uint64_t pp_clock_ns(int clock);

__END_DECLS
