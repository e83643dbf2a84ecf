// SPDX-License-Identifier: MIT OR Apache-2.0
// What the programs that hand packets over by other means than ours share: their command line,
//
//   handoff_peer_X CPU,CPU BATCH FRAMES SLOTS PACKETS one-way|ping-pong
//
// and what they print: nanoseconds a packet, or a round of ping-pong. `push-packet bench handoff`
// runs them. Include it behind dataplane/handoff_loop.h, with open_rings() and name defined.
//
// Threads    main thread.
// Cost       spins on two CPUs.
// Ownership  ends with the process.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handoff_loop.h"

static int open_rings(struct loop_rings *rings, const struct pp_handoff_job *job);

static bool read_job(int argc, char **argv, struct pp_handoff_job *job)
{
	if (argc != 7 || sscanf(argv[1], "%u,%u", &job->cpu[0], &job->cpu[1]) != 2)
		return false;
	job->batch = (uint32_t)strtoul(argv[2], NULL, 10);
	job->frames = (uint32_t)strtoul(argv[3], NULL, 10);
	job->slots = (uint32_t)strtoul(argv[4], NULL, 10);
	job->packets = strtoull(argv[5], NULL, 10);
	job->ping_pong = strcmp(argv[6], "ping-pong") == 0;
	return job->batch > 0 && job->batch <= PP_HANDOFF_BATCH_MAX && job->frames >= job->batch &&
	       job->frames <= PP_HANDOFF_FRAMES_MAX && job->slots > 1 && job->packets > 0;
}

static uint32_t power_of_two(uint32_t n)
{
	uint32_t power = 2;

	while (power < n)
		power *= 2;
	return power;
}

int main(int argc, char **argv)
{
	struct pp_handoff_job job = {0};
	struct pp_histogram *rounds = NULL; // recorded as ours are: the same work
	struct loop_rings rings;
	const uint8_t **frame;
	double ns;
	int ret;

	if (!read_job(argc, argv, &job)) {
		fprintf(stderr, "usage: %s CPU,CPU BATCH FRAMES SLOTS PACKETS one-way|ping-pong\n",
			argv[0]);
		return 2;
	}
	frame = calloc(job.frames, sizeof(*frame));
	if (frame == NULL || pp_histogram_create(&rounds, 3) || open_rings(&rings, &job)) {
		fprintf(stderr, "%s: out of memory\n", argv[0]);
		return 1;
	}
	for (uint32_t i = 0; i < job.frames; i++)
		frame[i] = (const uint8_t *)((uintptr_t)(i + 1) * LOOP_FRAME_BYTES);
	ret = loop_run(&rings, &job, frame, rounds, &ns);
	if (ret) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-ret));
		return 1;
	}
	printf("%.4f\n", ns);
	return 0;
}
