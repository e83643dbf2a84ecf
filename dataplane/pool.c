// SPDX-License-Identifier: MIT OR Apache-2.0
#include "pool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int alloc_frames(struct pp_pool *pool)
{
	pool->next = calloc(pool->frames, sizeof(*pool->next));
	pool->state = calloc(pool->frames, sizeof(*pool->state));
	pool->sender = calloc(pool->frames, sizeof(*pool->sender));
	pool->home = aligned_alloc(PP_CACHE_LINE, pool->home_count * sizeof(*pool->home));
	if (pool->home != NULL)
		for (uint32_t i = 0; i < pool->home_count; i++)
			pool->home[i] = (struct pp_pool_home){.fd = -1};
	return pool->next == NULL || pool->state == NULL || pool->sender == NULL ||
			       pool->home == NULL
		       ? -ENOMEM
		       : 0;
}

static int shape(struct pp_pool *pool, const struct pp_pool_params *params, struct pp_error *err)
{
	uint64_t frames = (uint64_t)params->home_count * params->home_frames;
	uint64_t lines;

	pool->chunk_bytes = params->chunk_bytes;
	pool->home_count = params->home_count;
	pool->home_frames = params->home_frames;
	pool->stride_bytes = params->chunk_bytes + (params->spread ? PP_POOL_LINE_BYTES : 0);
	if (frames > PP_POOL_BYTES_MAX / pool->stride_bytes)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "%u frames for each of %u sockets, %" PRIu64 " bytes each, are "
				    "more than 64 GiB, which is what a UMEM can have",
				    params->home_frames, params->home_count, pool->stride_bytes);
	pool->frames = (uint32_t)frames;
	lines = pool->stride_bytes / PP_POOL_LINE_BYTES;
	pool->per_line = ((1ull << PP_POOL_SHIFT) + lines - 1) / lines;
	return 0;
}

int pp_pool_create(struct pp_pool **out, const struct pp_pool_params *params, struct pp_error *err)
{
	struct pp_pool *pool = calloc(1, sizeof(*pool));
	int ret;

	if (pool == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = shape(pool, params, err);
	if (ret < 0)
		goto destroy_pool;
	ret = alloc_frames(pool);
	if (ret < 0)
		pp_error_set(err, ret, 0, 0, "out of memory");
	ret = ret
		      ?: pp_umem_init(&pool->umem, pool->frames * pool->stride_bytes,
				      params->hugepages, params->numa_node, err);
	if (ret < 0)
		goto destroy_pool;
	pool->area = pool->umem.area;
	*out = pool;
	return 0;

destroy_pool:
	pp_pool_destroy(pool);
	return ret;
}

void pp_pool_destroy(struct pp_pool *pool)
{
	if (pool == NULL)
		return;
	pp_umem_fini(&pool->umem);
	free(pool->home);
	free(pool->sender);
	free(pool->state);
	free(pool->next);
	free(pool);
}

// What is returned now goes home; what is elsewhere still comes by give_back(), to whoever lives
// there then.
int pp_pool_join(struct pp_pool *pool, uint64_t *free, uint32_t *count)
{
	uint32_t home = 0, n = 0;

	while (home < pool->home_count && pool->home[home].taken)
		home++;
	if (home == pool->home_count)
		return -ENOSPC;
	pp_pool_take_back(pool, home, free);
	for (uint32_t i = (home + 1) * pool->home_frames; i-- > home * pool->home_frames;)
		if (__atomic_load_n(&pool->state[i], __ATOMIC_RELAXED) == PP_FRAME_HOME)
			free[n++] = i * pool->stride_bytes;
	*count = n;
	pool->home[home].taken = true;
	pool->ports++;
	return (int)home;
}

bool pp_pool_leave(struct pp_pool *pool, uint32_t home)
{
	pool->home[home].taken = false;
	pool->home[home].fd = -1;
	return --pool->ports == 0;
}

void pp_pool_give_back(struct pp_pool *pool, uint32_t frame)
{
	uint32_t *top = &pool->home[frame / pool->home_frames].returned;
	uint32_t below = __atomic_load_n(top, __ATOMIC_RELAXED);

	pp_pool_set_state(pool, frame, PP_FRAME_RETURNED);
	do {
		__atomic_store_n(&pool->next[frame], below, __ATOMIC_RELAXED);
		// Who takes the frame sees the link, and what was read from it before. Sequentially
		// consistent, because pp_channel_give_back() looks next whether the port starves.
	} while (!__atomic_compare_exchange_n(top, &below, frame + 1, true, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
}

void pp_pool_give_back_from(struct pp_pool *pool, uint32_t sender)
{
	for (uint32_t i = 0; i < pool->frames; i++)
		if (__atomic_load_n(&pool->state[i], __ATOMIC_RELAXED) == PP_FRAME_AWAY &&
		    __atomic_load_n(&pool->sender[i], __ATOMIC_RELAXED) == sender)
			pp_pool_give_back(pool, i);
}

// All are taken at once, so that no frame can come back below another while one is taken off.
uint32_t pp_pool_take_back(struct pp_pool *pool, uint32_t home, uint64_t *free)
{
	// acquire: pairs with the release in pp_pool_give_back()
	uint32_t top = __atomic_exchange_n(&pool->home[home].returned, 0, __ATOMIC_ACQUIRE);
	uint32_t n = 0;

	while (top != 0) {
		uint32_t frame = top - 1;

		top = __atomic_load_n(&pool->next[frame], __ATOMIC_RELAXED);
		pp_pool_set_state(pool, frame, PP_FRAME_HOME);
		free[n++] = frame * pool->stride_bytes;
	}
	return n;
}

uint32_t pp_pool_count(const struct pp_pool *pool, uint32_t home, enum pp_frame_state state)
{
	uint32_t first = home * pool->home_frames, n = 0;

	for (uint32_t i = first; i < first + pool->home_frames; i++)
		n += __atomic_load_n(&pool->state[i], __ATOMIC_RELAXED) == (uint8_t)state;
	return n;
}
