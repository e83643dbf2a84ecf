// SPDX-License-Identifier: MIT OR Apache-2.0
// What two threads must not share by accident.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PP_CACHE_LINE 64

// bytes, rounded up to whole cache lines, as aligned_alloc() wants it.
static inline size_t pp_cache_lines(size_t bytes)
{
	return (bytes + PP_CACHE_LINE - 1) & ~(size_t)(PP_CACHE_LINE - 1);
}

#define PP_PREFETCH_LINES_MAX 32u

// Fetch for writing the lines of a ring of 64-bit slots that the next batch goes to. They are on
// the other side's CPU since it read them; a store that has to wait for its line holds up all
// stores behind it, the one that shows the batch as well.
//
// @param at     The next slot.
// @param mask   Slots - 1.
// @param slots  Of a batch: the last one's.
static inline void
pp_prefetch_write(const uint64_t slot[], uint32_t at, uint32_t mask, uint32_t slots)
{
	uint32_t per_line = PP_CACHE_LINE / sizeof(slot[0]);
	uint32_t lines = slots / per_line + 1;

	if (lines > PP_PREFETCH_LINES_MAX)
		lines = PP_PREFETCH_LINES_MAX;
	for (uint32_t i = 0; i < lines; i++)
		__builtin_prefetch(&slot[(at + i * per_line) & mask], 1);
}
