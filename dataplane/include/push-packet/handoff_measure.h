// SPDX-License-Identifier: MIT OR Apache-2.0
// What handing packets to an analysis thread costs, as a worker does it: frame and port go to the
// analyser in batches, the frame's pointer comes back.
//
// Threads    one; it starts a second one, which is joined.
// Cost       spins on two CPUs while it runs.
// Ownership  nothing is kept.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/error.h>
#include <push-packet/histogram.h>

__BEGIN_DECLS

#define PP_HANDOFF_BATCH_MAX 256u
#define PP_HANDOFF_FRAMES_MAX 65536u

struct pp_handoff_job {
	uint32_t cpu[2]; // of worker and analyser
	uint32_t batch; // packets, 1 to PP_HANDOFF_BATCH_MAX
	uint32_t frames; // that can be on their way: batch to PP_HANDOFF_FRAMES_MAX
	uint32_t slots; // descriptors that the ring has room for: a power of two, 256 to 2^26
	uint64_t packets;
	bool ping_pong; // a batch at a time, waited for; else as many as there are frames
};

// Run a job.
//
// @param rounds  Records what one in 16 rounds of ping-pong took, in nanoseconds; may be NULL.
// @param out_ns  Set to what a packet took, or with ping-pong a round.
// @return        0; -EINVAL; -ENOMEM; -errno of starting a thread; with err set.
int pp_handoff_measure(const struct pp_handoff_job *job,
		       struct pp_histogram *rounds,
		       double *out_ns,
		       struct pp_error *err);

__END_DECLS
