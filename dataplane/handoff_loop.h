// SPDX-License-Identifier: MIT OR Apache-2.0
// What is measured of a way to hand packets to another thread and get their frames back: the same
// loops for ours (handoff_measure.c) and for its peers (tests/bench/handoff_peer_*.c).
//
// Whoever includes it has defined before, for its own struct loop_rings:
//
//   uint32_t loop_push(rings, const uint8_t *const frame[], n)   worker: hand over, as one batch
//   uint32_t loop_take(rings, const uint8_t *frame[], max)       analyser: take a batch
//   uint32_t loop_give(rings, const uint8_t *const frame[], n)   analyser: give frames back
//   uint32_t loop_reclaim(rings, const uint8_t *frame[], max)    worker: have them back
//
// What goes there is a frame's pointer and a port's row of 16 bits, in as few bytes as it can be said; what
// comes back is the pointer. Frames themselves are not looked at.
//
// Threads    loop_run() starts the analyser's and is the worker's.
// Cost       spins: it wants both CPUs for itself.
// Ownership  caller's storage.
#pragma once

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <push-packet/clock.h>
#include <push-packet/handoff_measure.h>

#define LOOP_FRAME_BYTES 2048u
#define LOOP_SLICES 21u // of a run
// Rounds of ping-pong of which one is timed: the clock takes a tenth of a round.
#define LOOP_ROUNDS_A_LOOK 16u
#define LOOP_SPINS 20000u // before the other thread is supposed to want this CPU

struct loop {
	struct loop_rings *rings;
	const struct pp_handoff_job *job;
	uint64_t seen; // by the analyser
	uint64_t sum; // of what it saw
	_Atomic bool stop;
};

static void loop_pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static inline void loop_idle(uint32_t *spins)
{
	if (++*spins < LOOP_SPINS) {
		__builtin_ia32_pause();
		return;
	}
	*spins = 0;
	sched_yield();
}

static void *loop_analyse(void *arg)
{
	struct loop *loop = arg;
	const uint8_t *frame[PP_HANDOFF_BATCH_MAX];
	uint32_t spins = 0;

	loop_pin(loop->job->cpu[1]);
	while (!atomic_load_explicit(&loop->stop, memory_order_acquire)) {
		uint32_t n = loop_take(loop->rings, frame, loop->job->batch);
		uint32_t done = 0;

		if (n == 0) {
			loop_idle(&spins);
			continue;
		}
		spins = 0;
		for (uint32_t i = 0; i < n; i++)
			loop->sum += (uintptr_t)frame[i];
		loop->seen += n;
		while (done < n)
			done += loop_give(loop->rings, frame + done, n - done);
	}
	return NULL;
}

// As many batches as there are frames are on their way at once.
static void loop_one_way(struct loop *loop, const uint8_t **frame, uint64_t packets)
{
	uint32_t have = loop->job->frames, batch = loop->job->batch, spins = 0;
	uint64_t sent = 0;

	while (sent < packets || have < loop->job->frames) {
		uint32_t want = have < batch ? have : batch;
		uint32_t pushed = 0, back;

		if (sent < packets && want > 0)
			pushed = loop_push(loop->rings, frame + have - want, want);
		// A push takes the first ones of what was offered.
		for (uint32_t i = 0; pushed > 0 && i < want - pushed; i++)
			frame[have - want + i] = frame[have - want + pushed + i];
		have -= pushed;
		sent += pushed;
		// As many as a worker takes back in one of its rounds, or what can be away.
		want = loop->job->frames - have < batch ? loop->job->frames - have : batch;
		back = loop_reclaim(loop->rings, frame + have, want);
		have += back;
		if (pushed == 0 && back == 0)
			loop_idle(&spins);
		else
			spins = 0;
	}
}

// One batch there, all of it back.
static void loop_round(struct loop *loop, const uint8_t **frame)
{
	uint32_t sent = 0, back = 0, batch = loop->job->batch, spins = 0;
	const uint8_t *other[PP_HANDOFF_BATCH_MAX];

	while (sent < batch)
		sent += loop_push(loop->rings, frame + sent, batch - sent);
	while (back < batch) {
		uint32_t n = loop_reclaim(loop->rings, other + back, batch - back);

		back += n;
		if (n == 0)
			loop_idle(&spins);
	}
	for (uint32_t i = 0; i < batch; i++)
		frame[i] = other[i];
}

static void loop_ping_pong(struct loop *loop,
			   const uint8_t **frame,
			   uint64_t packets,
			   struct pp_histogram *rounds)
{
	uint32_t untimed = 0;

	for (uint64_t sent = 0; sent < packets; sent += loop->job->batch) {
		uint64_t begin_ns = 0;

		if (untimed == 0)
			begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
		loop_round(loop, frame);
		if (untimed == 0 && rounds)
			pp_histogram_record(rounds, pp_clock_ns(CLOCK_MONOTONIC) - begin_ns);
		untimed = (untimed + 1) % LOOP_ROUNDS_A_LOOK;
	}
}

static void
loop_work(struct loop *loop, const uint8_t **frame, uint64_t packets, struct pp_histogram *rounds)
{
	if (loop->job->ping_pong)
		loop_ping_pong(loop, frame, packets, rounds);
	else
		loop_one_way(loop, frame, packets);
}

static int loop_by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

// The median of the slices: what interrupts one of them is no property of the rings.
static double loop_measure(struct loop *loop, const uint8_t **frame, struct pp_histogram *rounds)
{
	const struct pp_handoff_job *job = loop->job;
	uint64_t packets = job->packets / LOOP_SLICES + 1;
	uint64_t units = job->ping_pong ? (packets + job->batch - 1) / job->batch : packets;
	double ns[LOOP_SLICES];

	for (uint32_t i = 0; i < LOOP_SLICES; i++) {
		uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);

		loop_work(loop, frame, packets, rounds);
		ns[i] = (double)(pp_clock_ns(CLOCK_MONOTONIC) - begin_ns) / (double)units;
	}
	qsort(ns, LOOP_SLICES, sizeof(ns[0]), loop_by_value);
	return ns[LOOP_SLICES / 2];
}

// Run the job, after a tenth of it to warm up.
//
// @param frame   job->frames pointers, to different frames.
// @param rounds  Records one in 16 of ping-pong's rounds; may be NULL.
// @return        0, out_ns set to what a packet (ping-pong: a round) took; -errno; -EPROTO: what
//                was handed over is not what arrived.
static int loop_run(struct loop_rings *rings,
		    const struct pp_handoff_job *job,
		    const uint8_t **frame,
		    struct pp_histogram *rounds,
		    double *out_ns)
{
	struct loop loop = {.rings = rings, .job = job};
	uint64_t sum = 0;
	cpu_set_t before;
	pthread_t thread;
	int ret;

	for (uint32_t i = 0; i < job->frames; i++)
		sum += (uintptr_t)frame[i];
	sched_getaffinity(0, sizeof(before), &before);
	ret = pthread_create(&thread, NULL, loop_analyse, &loop);
	if (ret)
		return -ret;
	loop_pin(job->cpu[0]);
	loop_work(&loop, frame, job->packets / 10 + 1, NULL);
	*out_ns = loop_measure(&loop, frame, rounds);
	atomic_store_explicit(&loop.stop, true, memory_order_release);
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(before), &before);
	// All frames are back, each once, and as many were seen as were sent.
	for (uint32_t i = 0; i < job->frames; i++)
		sum -= (uintptr_t)frame[i];
	return sum == 0 && loop.seen >= job->packets ? 0 : -EPROTO;
}
