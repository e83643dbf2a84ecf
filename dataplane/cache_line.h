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

// Fetch the lines of a ring of 64-bit slots that come behind the line of one: for a producer,
// which writes the next batch there. They are on the other side's CPU since it read them, and a
// store that has to wait for its line holds up all stores behind it.
//
// @param at     The next slot. Its line is left alone: the consumer waits for it there.
// @param mask   Slots - 1.
// @param slots  Of a batch: the last one's.
static inline void pp_prefetch_write(const void *ring, uint32_t at, uint32_t mask, uint32_t slots)
{
	uint32_t per_line = PP_CACHE_LINE / sizeof(uint64_t), lines = slots / per_line + 1;
	const uint64_t *slot = ring;

	for (uint32_t i = 1; i <= lines && i <= PP_PREFETCH_LINES_MAX; i++)
		__builtin_prefetch(&slot[(at + i * per_line) & mask], 1);
}

// The same for a consumer that has seen that there is something in the line of a slot.
static inline void pp_prefetch_read(const void *ring, uint32_t at, uint32_t mask, uint32_t slots)
{
	uint32_t per_line = PP_CACHE_LINE / sizeof(uint64_t), lines = slots / per_line;
	const uint64_t *slot = ring;

	for (uint32_t i = 1; i <= lines && i <= PP_PREFETCH_LINES_MAX; i++)
		__builtin_prefetch(&slot[(at + i * per_line) & mask], 0);
}
