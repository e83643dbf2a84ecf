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

static inline uint64_t pp_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

__END_DECLS
