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

// Fetch a line to write to it: nobody else has it then. __builtin_prefetch(line, 1) is a fetch to
// read, unless the compiler may use what not every x86-64 CPU has. Those that lack PREFETCHW do
// nothing (Intel SDM, volume 2, PREFETCHW).
static inline void pp_prefetch_own(const void *line)
{
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
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
		pp_prefetch_own(&slot[(at + i * per_line) & mask]);
}

// Fetch the lines of so many bytes behind the line of the first: they come together then, not one
// after the other.
static inline void pp_prefetch_read(const void *begin, uint32_t bytes)
{
	for (uint32_t i = 1; i <= bytes / PP_CACHE_LINE && i <= PP_PREFETCH_LINES_MAX; i++)
		__builtin_prefetch((const char *)begin + i * PP_CACHE_LINE, 0);
}
