// SPDX-License-Identifier: MIT OR Apache-2.0
// pp_ring between two threads: what a frame's bytes held before it went, the other side must see.
#include "ring.h"

#include <pthread.h>
#include <sched.h>

#include "tap_output.h"

#define VALUES 2000000u
#define CELLS 64u // "frames": only a few, so that each is written again and again

struct stress {
	struct pp_ring *to;
	struct pp_ring *back;
	uint64_t cell[CELLS]; // plain memory: the rings alone order its use
	bool good;
};

static uint64_t content(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15u;
}

// Cells come back as they went; whoever takes one out of a ring owns it.
static void *consume(void *arg)
{
	struct stress *stress = arg;
	uint64_t seen = 0, burst[7];

	while (seen < VALUES) {
		uint32_t n = pp_ring_pop(stress->to, burst, 1 + (uint32_t)seen % 7);

		// Where both threads share a CPU, spinning would only burn the other's turn.
		if (n == 0)
			sched_yield();
		for (uint32_t i = 0; i < n; i++, seen++)
			if (burst[i] >= CELLS || stress->cell[burst[i]] != content(seen))
				stress->good = false;
		for (uint32_t done = 0; done < n;)
			done += pp_ring_push(stress->back, burst + done, n - done);
	}
	return NULL;
}

// Send every cell that is here, with the number of the send in it.
static void produce(struct stress *stress, uint64_t free_cell[CELLS], uint32_t free_count)
{
	uint64_t sent = 0;

	while (sent < VALUES) {
		uint64_t burst[5];
		uint32_t n = 0, done;

		free_count += pp_ring_pop(stress->back, free_cell + free_count, CELLS - free_count);
		while (n < 5 && n < free_count && sent + n < VALUES) {
			burst[n] = free_cell[free_count - 1 - n];
			stress->cell[burst[n]] = content(sent + n);
			n++;
		}
		done = pp_ring_push(stress->to, burst, n);
		// What was refused is ours still, and lies on the stack as before.
		free_count -= done;
		sent += done;
		if (done == 0)
			sched_yield();
	}
}

static bool run(uint32_t slots)
{
	static struct stress stress;
	uint64_t free_cell[CELLS], left;
	uint32_t back = 0;
	pthread_t thread;

	stress = (struct stress){.good = true};
	for (uint64_t i = 0; i < CELLS; i++)
		free_cell[i] = i;
	if (pp_ring_create(&stress.to, slots) || pp_ring_create(&stress.back, CELLS) ||
	    pthread_create(&thread, NULL, consume, &stress))
		return false;
	produce(&stress, free_cell, CELLS);
	pthread_join(thread, NULL);
	while (pp_ring_pop(stress.back, &left, 1) == 1)
		back++;
	pp_ring_destroy(stress.to);
	pp_ring_destroy(stress.back);
	return stress.good && back <= CELLS;
}

int main(void)
{
	tap_plan(3);
	tap_result(run(2), "ring of 2 slots: every value once, in order, contents seen");
	tap_result(run(16), "ring of 16 slots: every value once, in order, contents seen");
	tap_result(run(1024), "ring of 1,024 slots: every value once, in order, contents seen");
	return tap_end();
}
