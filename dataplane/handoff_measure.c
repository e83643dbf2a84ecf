// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/handoff_measure.h>

#include <stdlib.h>
#include <string.h>

#include "handoff.h"
#include "ring.h"

struct loop_rings {
	struct pp_handoff *handoff;
	struct pp_ring *back;
};

// As dataplane/worker.c does it: one call a packet, as the next one may be another consumer's, and
// one flush a batch.
static inline uint32_t loop_push(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	uint32_t done = 0;

	while (done < n && pp_handoff_push_frame(rings->handoff, frame[done], 1))
		done++;
	pp_handoff_flush(rings->handoff);
	return done;
}

// As dataplane/analyser.c does it.
static inline uint32_t loop_take(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	struct pp_handoff_item item[PP_HANDOFF_BATCH_MAX];
	uint32_t n = pp_handoff_burst(rings->handoff, item, max);

	for (uint32_t i = 0; i < n; i++)
		frame[i] = item[i].data;
	pp_handoff_release(rings->handoff);
	return n;
}

static inline uint32_t loop_give(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	return pp_ring_push(rings->back, (const uint64_t *)(const void *)frame, n);
}

static inline uint32_t loop_reclaim(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	return pp_ring_pop(rings->back, (uint64_t *)(void *)frame, max);
}

#include "handoff_loop.h"

static uint32_t power_of_two(uint32_t n)
{
	uint32_t power = 2;

	while (power < n)
		power *= 2;
	return power;
}

static int open_rings(struct loop_rings *rings, const struct pp_handoff_job *job)
{
	*rings = (struct loop_rings){0};
	return pp_handoff_create(&rings->handoff, job->slots * 8)
		       ?: pp_ring_create(&rings->back, power_of_two(job->frames));
}

static bool is_good(const struct pp_handoff_job *job)
{
	return job->batch >= 1 && job->batch <= PP_HANDOFF_BATCH_MAX && job->frames >= job->batch &&
	       job->frames <= PP_HANDOFF_FRAMES_MAX && job->slots >= 256 &&
	       job->slots <= 1u << 26 && (job->slots & (job->slots - 1)) == 0 && job->packets > 0;
}

int pp_handoff_measure(const struct pp_handoff_job *job,
		       struct pp_histogram *rounds,
		       double *out_ns,
		       struct pp_error *err)
{
	struct loop_rings rings;
	const uint8_t **frame;
	int ret;

	if (!is_good(job))
		return pp_error_set(err, -EINVAL, 0, 0, "batch, frames or slots out of range");
	// Addresses only: nobody looks at the frames.
	frame = calloc(job->frames, sizeof(*frame));
	for (uint32_t i = 0; frame && i < job->frames; i++)
		frame[i] = (const uint8_t *)((uintptr_t)(i + 1) * LOOP_FRAME_BYTES);
	ret = frame ? open_rings(&rings, job) : -ENOMEM;
	ret = ret ?: loop_run(&rings, job, frame, rounds, out_ns);
	if (frame) {
		pp_ring_destroy(rings.back);
		pp_handoff_destroy(rings.handoff);
	}
	free(frame);
	return ret ? pp_error_set(err, ret, 0, 0, "handoff: %s", strerror(-ret)) : 0;
}
