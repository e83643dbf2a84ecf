// SPDX-License-Identifier: MIT OR Apache-2.0
// rte_ring, with a pointer and a row packed into the 64 bits of its elements: what ours hands over.
// See handoff_peer_rte.h.
#include "handoff_peer_rte.h"

static inline uint32_t loop_push(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	void *d[256];

	for (uint32_t i = 0; i < n; i++)
		d[i] = (void *)((uintptr_t)1 << 48 | (uintptr_t)frame[i]);
	return rte_ring_sp_enqueue_burst(rings->there, d, n, NULL);
}

static inline uint32_t loop_take(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	void *d[256];
	uint32_t n = rte_ring_sc_dequeue_burst(rings->there, d, max, NULL);

	for (uint32_t i = 0; i < n; i++)
		frame[i] = (const uint8_t *)((uintptr_t)d[i] & (((uintptr_t)1 << 48) - 1));
	return n;
}
