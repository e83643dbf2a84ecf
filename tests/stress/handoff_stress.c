// SPDX-License-Identifier: MIT OR Apache-2.0
// pp_handoff between two threads, as a worker and an analyser use it: bursts of frames that are lent
// and come back, copies of all sizes between them. Small rings are full all the time and go round
// thousands of times.
#include "handoff.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "tap_output.h"

#define PACKETS 150000u
#define FRAMES 700u // more than the smallest ring has room for
#define FAR 64u
#define FRAME_BYTES 128u
#define COPY_BYTES_MAX 1500u
#define BURST 16u

struct frame {
	struct pp_meta meta;
	uint8_t data[FRAME_BYTES];
};

// Both threads know of a packet's number what it is.
struct stress {
	struct pp_handoff *handoff;
	uint32_t copies_of_16; // packets that are copies
	uint32_t leave_at; // the analyser does not come back after so many packets
	struct frame near[FRAMES];
	struct frame *far; // instead of each FAR-th: too far away to be in a run with the others
	bool away[FRAMES]; // the worker's
	uint16_t row[FRAMES];
	uint32_t free[FRAMES]; // stack; the worker's
	uint32_t free_count;
	uint32_t lent_next; // number of the next frame that comes back
	uint32_t seen; // the analyser's, until it has left
	bool good; // the analyser's
	_Atomic bool left;
	bool came_back_right; // the worker's
};

static uint32_t mix(uint32_t id)
{
	return (id ^ id >> 13) * 2654435761u;
}

static bool is_frame(const struct stress *stress, uint32_t id)
{
	return mix(id) >> 28 >= stress->copies_of_16;
}

static uint32_t bytes_of(const struct stress *stress, uint32_t id)
{
	return is_frame(stress, id) ? FRAME_BYTES : mix(id) % COPY_BYTES_MAX;
}

static void fill(const struct stress *stress, struct pp_meta *meta, uint32_t id)
{
	*meta = (struct pp_meta){.rule_id = id, .cap_bytes = bytes_of(stress, id)};
	memset(meta + 1, (uint8_t)mix(id + 1), bytes_of(stress, id));
}

static bool is_good(const struct stress *stress, const struct pp_handoff_item *item, uint32_t id)
{
	uint8_t want = (uint8_t)mix(id + 1);
	bool frame = is_frame(stress, id);

	if (item->meta->rule_id != id || item->meta->cap_bytes != bytes_of(stress, id) ||
	    item->lent != frame || item->routed != (frame || id % 2 == 1))
		return false;
	for (uint32_t i = 0; i < bytes_of(stress, id); i++)
		if (item->data[i] != want)
			return false;
	return true;
}

// Bursts of all lengths, several of them before a release.
static void *analyse(void *arg)
{
	struct stress *stress = arg;
	const uint8_t *name[BURST];
	uint32_t seen = 0, bursts = 0;

	while (seen < stress->leave_at) {
		uint32_t n = pp_handoff_burst(stress->handoff, name, 1 + mix(seen) % BURST);

		for (uint32_t i = 0; i < n; i++, seen++) {
			struct pp_handoff_item item = pp_handoff_item_of(name[i]);

			if (!is_good(stress, &item, seen))
				stress->good = false;
		}
		if (n == 0 || ++bursts % 3 != 0)
			pp_handoff_release(stress->handoff);
		// Where both threads share a CPU, spinning would only burn the other's turn.
		if (n == 0)
			sched_yield();
	}
	pp_handoff_release(stress->handoff);
	stress->seen = seen;
	// release: it released all that it has seen
	atomic_store_explicit(&stress->left, true, memory_order_release);
	if (stress->leave_at == PACKETS && !pp_handoff_empty(stress->handoff))
		stress->good = false;
	return NULL;
}

static struct frame *frame_of(struct stress *stress, uint32_t frame)
{
	return frame % FAR == 3 ? &stress->far[frame / FAR] : &stress->near[frame];
}

static uint32_t index_of(const struct stress *stress, const uint8_t *data)
{
	const struct frame *frame = (const void *)(data - sizeof(struct pp_meta));

	if (frame >= stress->far && frame <= stress->far + FRAMES / FAR)
		return (uint32_t)(frame - stress->far) * FAR + 3;
	return (uint32_t)(frame - stress->near);
}

// Frames come back in the order in which they went, each once.
static void take_back(struct stress *stress, uint32_t max)
{
	const uint8_t *data[BURST];
	uint16_t row = 0;
	uint32_t n = pp_handoff_take_back(stress->handoff, data, max, &row);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t frame = index_of(stress, data[i]);

		while (!is_frame(stress, stress->lent_next))
			stress->lent_next++;
		if (!stress->away[frame] || stress->row[frame] != row ||
		    frame_of(stress, frame)->meta.rule_id != stress->lent_next)
			stress->came_back_right = false;
		stress->lent_next++;
		stress->away[frame] = false;
		stress->free[stress->free_count++] = frame;
	}
}

static bool push_copy(struct stress *stress, uint32_t id)
{
	static struct {
		struct pp_meta meta;
		uint8_t data[COPY_BYTES_MAX];
	} packet;

	fill(stress, &packet.meta, id);
	return pp_handoff_push_copy(stress->handoff, &packet.meta, id % 2 == 1);
}

// @return  How many of the frames that begin with id, at most so many, went.
static uint32_t push_frames(struct stress *stress, uint32_t id, uint32_t max)
{
	const uint8_t *data[BURST];
	uint32_t n = 0, done;
	uint16_t row = (uint16_t)id;

	for (; n < max && id + n < PACKETS && is_frame(stress, id + n); n++) {
		uint32_t frame;

		if (stress->free_count == n)
			break;
		frame = stress->free[stress->free_count - 1 - n];
		fill(stress, &frame_of(stress, frame)->meta, id + n);
		stress->row[frame] = row;
		data[n] = frame_of(stress, frame)->data;
	}
	done = pp_handoff_push_frames(stress->handoff, data, n, row);
	// What was refused stays on the stack.
	for (uint32_t i = 0; i < done; i++)
		stress->away[index_of(stress, data[i])] = true;
	stress->free_count -= done;
	return done;
}

// @return  How many packets went.
static uint32_t push(struct stress *stress, uint32_t id)
{
	if (is_frame(stress, id))
		return push_frames(stress, id, 1 + mix(id + 7) % BURST);
	return push_copy(stress, id);
}

// @return  Packets that went: all, or what there was room for when the analyser left.
static uint32_t work(struct stress *stress)
{
	uint32_t id = 0;

	while (id < PACKETS) {
		// acquire: what the analyser released before it left is seen below
		bool left = atomic_load_explicit(&stress->left, memory_order_acquire);
		uint32_t before = id, free_before = stress->free_count;

		take_back(stress, mix(id) % (BURST + 1));
		for (uint32_t i = 1 + mix(id + 3) % 4; i > 0 && id < PACKETS; i--) {
			uint32_t n = push(stress, id);

			if (n == 0)
				break;
			id += n;
		}
		pp_handoff_flush(stress->handoff);
		if (id != before || stress->free_count != free_before)
			continue;
		take_back(stress, BURST);
		if (left && stress->free_count == free_before)
			break;
		sched_yield();
	}
	return id;
}

static uint32_t frames_from(const struct stress *stress, uint32_t id, uint32_t end)
{
	uint32_t n = 0;

	for (; id < end; id++)
		n += is_frame(stress, id);
	return n;
}

// What the analyser took has come back, what it did not take has not.
static bool all_accounted(struct stress *stress, uint32_t sent)
{
	uint32_t away = 0;

	for (uint32_t i = 0; i < FRAMES; i++)
		take_back(stress, BURST);
	for (uint32_t i = 0; i < FRAMES; i++)
		away += stress->away[i];
	return away == frames_from(stress, stress->seen, sent) &&
	       away + stress->free_count == FRAMES;
}

static bool run(uint32_t bytes, uint32_t copies_of_16, uint32_t leave_at)
{
	static struct stress stress;
	size_t far_bytes = (FRAMES / FAR + 1) * sizeof(*stress.far);
	pthread_t thread;
	uint32_t sent;
	bool good;

	stress = (struct stress){.copies_of_16 = copies_of_16,
				 .leave_at = leave_at,
				 .free_count = FRAMES,
				 .good = true,
				 .came_back_right = true};
	for (uint32_t i = 0; i < FRAMES; i++)
		stress.free[i] = i;
	// A mapping is far from what lies beside the program.
	stress.far =
		mmap(NULL, far_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stress.far == MAP_FAILED || pp_handoff_create(&stress.handoff, bytes) ||
	    pthread_create(&thread, NULL, analyse, &stress))
		return false;
	sent = work(&stress);
	pthread_join(thread, NULL);
	good = stress.good && stress.came_back_right && all_accounted(&stress, sent);
	pp_handoff_destroy(stress.handoff);
	munmap(stress.far, far_bytes);
	return good && (leave_at < PACKETS || sent == PACKETS);
}

int main(void)
{
	tap_plan(5);
	tap_result(run(4096, 8, PACKETS), "handoff of 4 KiB: every packet once, in order, bytes as "
					  "they went, every frame back");
	tap_result(run(1u << 20, 8, PACKETS),
		   "handoff of 1 MiB: every packet once, in order, bytes as "
		   "they went, every frame back");
	tap_result(run(4096, 0, PACKETS), "handoff of 4 KiB: frames only");
	tap_result(run(4096, 16, PACKETS), "handoff of 4 KiB: copies only");
	tap_result(run(4096, 4, PACKETS / 3),
		   "handoff: an analyser that leaves keeps what it has not released, and no more");
	return tap_end();
}
