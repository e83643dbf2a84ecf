// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/clock.h>

#include <time.h>

uint64_t pp_clock_ns(int clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}
