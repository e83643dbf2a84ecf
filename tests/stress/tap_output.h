// SPDX-License-Identifier: MIT OR Apache-2.0
// TAP from plain programs: Criterion does not run under ThreadSanitizer.
#pragma once

#include <stdbool.h>
#include <stdio.h>

static int tap_failed, tap_done;

static inline void tap_plan(int tests)
{
	printf("1..%d\n", tests);
}

static inline void tap_result(bool good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tap_done, name);
	fflush(stdout);
	tap_failed += !good;
}

// @return  The exit status.
static inline int tap_end(void)
{
	return tap_failed ? 1 : 0;
}
