// SPDX-License-Identifier: MIT OR Apache-2.0
// What two threads must not share by accident.
#pragma once

#include <stddef.h>

#define PP_CACHE_LINE 64

// bytes, rounded up to whole cache lines, as aligned_alloc() wants it.
static inline size_t pp_cache_lines(size_t bytes)
{
	return (bytes + PP_CACHE_LINE - 1) & ~(size_t)(PP_CACHE_LINE - 1);
}
