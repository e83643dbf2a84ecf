// SPDX-License-Identifier: MIT OR Apache-2.0
// Concurrency Kit's ck_ring, single producer and single consumer, with descriptors of 16 bytes there
// and pointers back. It has no operation for a batch. See handoff_peer.h.
#include <ck_ring.h>
#include <stdint.h>
#include <stdlib.h>

struct descriptor {
	const uint8_t *data;
	uint32_t units;
	uint16_t kind, row;
};

CK_RING_PROTOTYPE(descriptor, descriptor)

struct loop_rings {
	ck_ring_t there;
	ck_ring_t back;
	ck_ring_buffer_t *back_buffer;
	struct descriptor *there_buffer;
};

static inline uint32_t loop_push(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	uint32_t done = 0;

	for (; done < n; done++) {
		struct descriptor d = {.data = frame[done], .units = 1, .row = 1};

		if (!ck_ring_enqueue_spsc_descriptor(&rings->there, rings->there_buffer, &d))
			break;
	}
	return done;
}

static inline uint32_t loop_take(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	struct descriptor d;
	uint32_t n = 0;

	for (; n < max && ck_ring_dequeue_spsc_descriptor(&rings->there, rings->there_buffer, &d);
	     n++)
		frame[n] = d.data;
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
