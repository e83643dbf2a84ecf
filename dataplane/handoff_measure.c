// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/handoff_measure.h>

#include <stdlib.h>
#include <string.h>

#include "handoff.h"

struct loop_rings {
	struct pp_handoff *handoff;
};

// As dataplane/lane.c does it: one push and one flush a batch.
static inline uint32_t loop_push(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	uint32_t done = pp_handoff_push_frames(rings->handoff, frame, n, 1);

	pp_handoff_flush(rings->handoff);
	return done;
}

// As dataplane/analyser.c does it. There are no copies: items are where the frames are.
static inline uint32_t loop_take(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	return pp_handoff_burst(rings->handoff, frame, max);
}

// All of what was taken, as dataplane/analyser.c does it.
static inline uint32_t loop_give(struct loop_rings *rings, const uint8_t *const frame[], uint32_t n)
{
	(void)frame;
	pp_handoff_release(rings->handoff);
	return n;
}

// As dataplane/port_list.c does it.
static inline uint32_t loop_reclaim(struct loop_rings *rings, const uint8_t *frame[], uint32_t max)
{
	uint16_t row;

	return pp_handoff_take_back(rings->handoff, frame, max, &row);
}

#include "handoff_loop.h"

static bool is_good(const struct pp_handoff_job *job)
{
	return job->batch >= 1 && job->batch <= PP_HANDOFF_BATCH_MAX && job->frames >= job->batch &&
	       job->frames <= PP_HANDOFF_FRAMES_MAX && job->slots >= 256 &&
	       job->slots > job->batch && job->slots <= 1u << 26 &&
	       (job->slots & (job->slots - 1)) == 0 && job->packets > 0;
}

int pp_handoff_measure(const struct pp_handoff_job *job,
		       struct pp_histogram *rounds,
		       double *out_ns,
		       struct pp_error *err)
{
	struct loop_rings rings = {0};
	const uint8_t **frame;
	int ret;

	if (!is_good(job))
		return pp_error_set(err, -EINVAL, 0, 0, "batch, frames or slots out of range");
	// Addresses only: nobody looks at the frames.
	frame = calloc(job->frames, sizeof(*frame));
	for (uint32_t i = 0; frame && i < job->frames; i++)
		frame[i] = (const uint8_t *)((uintptr_t)(i + 1) * LOOP_FRAME_BYTES);
	ret = frame ? pp_handoff_create(&rings.handoff, job->slots * 8) : -ENOMEM;
	ret = ret ?: loop_run(&rings, job, frame, rounds, out_ns);
	pp_handoff_destroy(rings.handoff);
	free(frame);
	return ret ? pp_error_set(err, ret, 0, 0, "handoff: %s", strerror(-ret)) : 0;
}
