// SPDX-License-Identifier: MIT OR Apache-2.0
// Single-producer, single-consumer ring of 64-bit values between two threads: blocks of a capture
// on their way to its writer and back.
//
// Threads    push: producer only. pop: consumer only. create, destroy: control thread, before
//            the two threads start and after both were joined.
// Cost       push and pop never block, allocate, log or make a system call.
// Ownership  values are the caller's; the ring never looks inside.
#pragma once

#include <stdint.h>

struct pp_ring;

#define PP_RING_SLOTS_MAX (1u << 20)

// Create an empty ring.
//
// @param slots  Capacity: a power of two, 2 to PP_RING_SLOTS_MAX.
// @return       0; -EINVAL: bad slots; -ENOMEM. out is untouched on failure.
int pp_ring_create(struct pp_ring **out, uint32_t slots);

// Free the ring. NULL is allowed.
void pp_ring_destroy(struct pp_ring *ring);

// @return  Values accepted, oldest first, 0 to n; the rest stay with the caller.
uint32_t pp_ring_push(struct pp_ring *ring, const uint64_t value[], uint32_t n);

// @return  Values stored, oldest first, 0 to max.
uint32_t pp_ring_pop(struct pp_ring *ring, uint64_t value[], uint32_t max);
