// SPDX-License-Identifier: MIT OR Apache-2.0
// Frames of a pool: one thread has them at home, four give them back, two of them what is not theirs
// to give. Every frame comes home once for each time it left.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xdp/xsk.h>

#include <push-packet/plane.h>

#include "pool.h"

#define THREADS 4u
#define FRAMES 512u
#define LEAVINGS 400000u

static struct pp_pool *pool;
static uint64_t owner_free[FRAMES];
static uint32_t handed[FRAMES]; // to thread frame % THREADS: 1 when it may take it
static uint32_t stop;
static uint64_t back[THREADS], refused[THREADS];

// As pp_channel_give_back() does it.
static bool give(uint32_t frame)
{
	uint8_t held = PP_FRAME_HELD;

	if (!__atomic_compare_exchange_n(&pool->state[frame], &held, PP_FRAME_RETURNED, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	pp_pool_give_back(pool, frame);
	return true;
}

static void *giver(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		for (uint32_t frame = me % 2; frame < FRAMES; frame += 2) {
			// Two threads go for each frame; one wins.
			if (__atomic_load_n(&handed[frame], __ATOMIC_ACQUIRE) == 0)
				continue;
			if (give(frame))
				back[me]++;
			else
				refused[me]++;
		}
	return NULL;
}

static uint32_t leave(uint32_t count, uint64_t *left)
{
	while (count > 0 && *left < LEAVINGS) {
		uint32_t frame = pp_pool_frame(pool, owner_free[--count]);

		memset(pool->area + owner_free[count], (int)frame, 64);
		pp_pool_set_state(pool, frame, PP_FRAME_HELD);
		__atomic_store_n(&handed[frame], 1, __ATOMIC_RELEASE);
		++*left;
	}
	return count;
}

static uint32_t come_home(uint32_t count)
{
	uint32_t n = pp_pool_take_back(pool, 0, &owner_free[count]);

	for (uint32_t i = count; i < count + n; i++)
		__atomic_store_n(&handed[pp_pool_frame(pool, owner_free[i])], 0, __ATOMIC_RELEASE);
	return count + n;
}

static int run(void)
{
	pthread_t thread[THREADS];
	uint64_t left = 0, given = 0;
	uint32_t count;

	if (pp_pool_join(pool, owner_free, &count) != 0 || count != FRAMES)
		return 1;
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, giver, (void *)i);
	while (left < LEAVINGS || count < FRAMES) {
		count = leave(count, &left);
		count = come_home(count);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		given += back[i];
	}
	pp_pool_leave(pool, 0);
	return given != left || pp_pool_count(pool, 0, PP_FRAME_HOME) != FRAMES;
}

int main(void)
{
	const struct pp_pool_params params = {
		.home_count = 1,
		.home_frames = FRAMES,
		.chunk_bytes = 2048,
		.hugepages = PP_HUGEPAGES_OFF,
		.numa_node = -1,
		.spread = true,
	};
	struct pp_error err;
	int ret = pp_pool_create(&pool, &params, &err);

	if (ret < 0) {
		printf("1..0 # SKIP %s\n", err.text);
		return 77;
	}
	ret = run();
	pp_pool_destroy(pool);
	printf("%s - every_frame_comes_home_once\n1..1\n", ret == 0 ? "ok" : "not ok");
	return ret;
}
