// SPDX-License-Identifier: MIT OR Apache-2.0
// rte_ring with pointers as they are: it does less than ours, as nobody is told of rows, and is as
// fast as it can be. See handoff_peer_rte.h.
#include "handoff_peer_rte.h"

static inline uint32_t loop_push(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	return rte_ring_sp_enqueue_burst(rings->there, (void *const *)(uintptr_t)frame, n, NULL);
}

static inline uint32_t loop_take(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	return rte_ring_sc_dequeue_burst(rings->there, (void **)(uintptr_t)frame, max, NULL);
}
