// SPDX-License-Identifier: MIT OR Apache-2.0
// DPDK's rte_ring, single producer and single consumer, bursts, with a ring there and one back. Who
// includes it defines what goes there: loop_push() and loop_take(). See handoff_peer.h.
//
// Threads    as handoff_loop.h has it.
// Cost       as rte_ring.
// Ownership  ends with the process.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include <rte_ring.h>

struct loop_rings {
	struct rte_ring *there;
	struct rte_ring *back;
};

static inline uint32_t
loop_push(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n);
static inline uint32_t loop_take(struct loop_rings *rings, const uint8_t *frame[], uint32_t max);

static inline uint32_t loop_give(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	return rte_ring_sp_enqueue_burst(rings->back, (void *const *)(uintptr_t)frame, n, NULL);
}

static inline uint32_t loop_reclaim(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	return rte_ring_sc_dequeue_burst(rings->back, (void **)(uintptr_t)frame, max, NULL);
}

#include "handoff_peer.h"

// Without EAL's memory: rte_ring_init() takes any.
static struct rte_ring *open_ring(uint32_t slots, uint32_t element_bytes)
{
	ssize_t bytes = rte_ring_get_memsize_elem(element_bytes, slots);
	struct rte_ring *ring = bytes < 0 ? NULL : aligned_alloc(64, ((size_t)bytes + 63) & ~63ul);

	if (ring && rte_ring_init(ring, "ring", slots, RING_F_SP_ENQ | RING_F_SC_DEQ))
		return NULL;
	return ring;
}

static int open_rings(struct loop_rings *rings, const struct pp_handoff_job *job)
{
	rings->there = open_ring(job->slots, sizeof(void *));
	rings->back = open_ring(2 * power_of_two(job->frames), sizeof(void *));
	return rings->there && rings->back ? 0 : -ENOMEM;
}
