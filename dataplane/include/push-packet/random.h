// SPDX-License-Identifier: MIT OR Apache-2.0
// Numbers that look random and are the same each time: splitmix64 (Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", OOPSLA 2014). For measuring and testing, not for
// secrets.
//
// Threads    a state belongs to its caller; any value is a seed.
// Cost       some instructions.
#pragma once

#include <stdint.h>

static inline uint64_t pp_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

// @return  0 to limit - 1; limit is at least 1.
static inline uint32_t pp_random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((pp_random(state) >> 32) * limit >> 32);
}
