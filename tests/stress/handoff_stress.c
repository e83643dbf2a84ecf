// SPDX-License-Identifier: MIT OR Apache-2.0
// pp_handoff and a return ring between two threads, as a worker and an analyser use them: frames
// that are lent and come back, copies of all sizes between them.
#include "handoff.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "ring.h"
#include "tap_output.h"

#define PACKETS 600000u
#define FRAMES 32u
#define FRAME_BYTES 128u
#define COPY_BYTES_MAX 1500u
#define BURST 16u

struct frame {
	struct pp_meta meta;
	uint8_t data[FRAME_BYTES];
};

struct stress {
	struct pp_handoff *handoff;
	struct pp_ring *back;
	struct frame frame[FRAMES];
	bool good;
};

static uint32_t mix(uint32_t id)
{
	return (id ^ id >> 13) * 2654435761u;
}

static bool is_frame(uint32_t id)
{
	return mix(id) >> 31;
}

static uint32_t bytes_of(uint32_t id)
{
	return is_frame(id) ? FRAME_BYTES : mix(id) % COPY_BYTES_MAX;
}

static void fill(struct pp_meta *meta, uint32_t id)
{
	*meta = (struct pp_meta){.rule_id = id, .cap_bytes = bytes_of(id)};
	memset(meta + 1, (uint8_t)mix(id + 1), bytes_of(id));
}

static bool is_good(const struct pp_handoff_item *item, uint32_t id)
{
	uint8_t want = (uint8_t)mix(id + 1);

	if (item->meta->rule_id != id || item->meta->cap_bytes != bytes_of(id) ||
	    item->lent != is_frame(id) || item->routed != (is_frame(id) || id % 2 == 1))
		return false;
	for (uint32_t i = 0; i < bytes_of(id); i++)
		if (item->data[i] != want)
			return false;
	return true;
}

static void give_back(struct stress *stress, const struct pp_handoff_item *item)
{
	uint64_t frame = (uint64_t)(uintptr_t)item->meta;

	while (item->lent && pp_ring_push(stress->back, &frame, 1) == 0)
		;
}

static void *analyse(void *arg)
{
	struct stress *stress = arg;
	struct pp_handoff_item item[BURST];
	uint32_t seen = 0;

	while (seen < PACKETS) {
		uint32_t n = pp_handoff_burst(stress->handoff, item, 1 + seen % BURST);

		// Where both threads share a CPU, spinning would only burn the other's turn.
		if (n == 0)
			sched_yield();
		for (uint32_t i = 0; i < n; i++, seen++) {
			if (!is_good(&item[i], seen))
				stress->good = false;
			give_back(stress, &item[i]);
		}
		pp_handoff_release(stress->handoff);
	}
	if (!pp_handoff_empty(stress->handoff))
		stress->good = false;
	return NULL;
}

// @return  Whether there was room, and a frame where one was needed.
static bool push(struct stress *stress, uint32_t id, uint64_t free_frame[FRAMES], uint32_t *free_n)
{
	static struct {
		struct pp_meta meta;
		uint8_t data[COPY_BYTES_MAX];
	} packet;
	struct frame *frame;

	if (!is_frame(id)) {
		fill(&packet.meta, id);
		return pp_handoff_push_copy(stress->handoff, &packet.meta, id % 2 == 1);
	}
	*free_n += pp_ring_pop(stress->back, free_frame + *free_n, FRAMES - *free_n);
	if (*free_n == 0)
		return false;
	frame = (struct frame *)(uintptr_t)free_frame[*free_n - 1];
	fill(&frame->meta, id);
	if (!pp_handoff_push_frame(stress->handoff, frame->data, (uint16_t)id))
		return false;
	--*free_n;
	return true;
}

static void work(struct stress *stress)
{
	uint64_t free_frame[FRAMES];
	uint32_t free_n = FRAMES, id = 0;

	for (uint32_t i = 0; i < FRAMES; i++)
		free_frame[i] = (uint64_t)(uintptr_t)&stress->frame[i];
	while (id < PACKETS) {
		uint32_t before = id;

		for (uint32_t n = 1 + mix(id) % BURST; n > 0 && id < PACKETS; n--) {
			if (!push(stress, id, free_frame, &free_n))
				break;
			id++;
		}
		pp_handoff_flush(stress->handoff);
		if (id == before)
			sched_yield();
	}
}

static bool run(uint32_t bytes)
{
	static struct stress stress;
	pthread_t thread;

	stress = (struct stress){.good = true};
	if (pp_handoff_create(&stress.handoff, bytes) || pp_ring_create(&stress.back, FRAMES) ||
	    pthread_create(&thread, NULL, analyse, &stress))
		return false;
	work(&stress);
	pthread_join(thread, NULL);
	pp_handoff_destroy(stress.handoff);
	pp_ring_destroy(stress.back);
	return stress.good;
}

int main(void)
{
	tap_plan(2);
	tap_result(run(4096), "handoff of 4 KiB: every packet once, in order, bytes as they went");
	tap_result(run(1u << 20),
		   "handoff of 1 MiB: every packet once, in order, bytes as they went");
	return tap_end();
}
