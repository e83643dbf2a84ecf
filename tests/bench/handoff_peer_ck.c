// SPDX-License-Identifier: MIT OR Apache-2.0
// Concurrency Kit's ck_ring, single producer and single consumer, with a pointer and a row packed
// into the 64 bits of an element, as ours are. It has no operation for a batch. See handoff_peer.h.
#include <ck_ring.h>
#include <stdint.h>
#include <stdlib.h>

struct loop_rings {
	ck_ring_t there;
	ck_ring_t back;
	ck_ring_buffer_t *there_buffer;
	ck_ring_buffer_t *back_buffer;
};

static inline uint32_t loop_push(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	uint32_t done = 0;

	for (; done < n; done++) {
		void *d = (void *)((uintptr_t)1 << 48 | (uintptr_t)frame[done]);

		if (!ck_ring_enqueue_spsc(&rings->there, rings->there_buffer, d))
			break;
	}
	return done;
}

static inline uint32_t loop_take(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	uint32_t n = 0;
	void *d;

	for (; n < max && ck_ring_dequeue_spsc(&rings->there, rings->there_buffer, &d); n++)
		frame[n] = (const uint8_t *)((uintptr_t)d & (((uintptr_t)1 << 48) - 1));
	return n;
}

static inline uint32_t loop_give(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	uint32_t done = 0;

	while (done < n && ck_ring_enqueue_spsc(&rings->back, rings->back_buffer, frame[done]))
		done++;
	return done;
}

static inline uint32_t loop_reclaim(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	uint32_t n = 0;

	while (n < max && ck_ring_dequeue_spsc(&rings->back, rings->back_buffer, &frame[n]))
		n++;
	return n;
}

#include "handoff_peer.h"

static int open_rings(struct loop_rings *rings, const struct pp_handoff_job *job)
{
	uint32_t back = 2 * power_of_two(job->frames); // one slot stays empty

	ck_ring_init(&rings->there, job->slots);
	ck_ring_init(&rings->back, back);
	rings->there_buffer = aligned_alloc(64, job->slots * sizeof(*rings->there_buffer));
	rings->back_buffer = aligned_alloc(64, back * sizeof(*rings->back_buffer));
	return rings->there_buffer && rings->back_buffer ? 0 : -ENOMEM;
}
