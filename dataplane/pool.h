// SPDX-License-Identifier: MIT OR Apache-2.0
// Frames in one UMEM, for one AF_XDP socket or for several that share it.
//
// Each port has a range of frames that are at home with it: only its thread puts them on the free
// stack. A frame can be elsewhere meanwhile: with the embedding program, or in the transmit ring
// of another port of the UMEM. Whoever is done with it there returns it, from any thread, and the
// port finds it at its next refill. So no frame has two owners and none is lost.
//
// Threads    create, join, leave, destroy: control thread. give_back: any thread, without a lock.
//            take_back, set_state of a frame at home: the thread that serves the port.
// Cost       give_back: one compare-and-swap, repeated only when two threads return to the same port
//            at once. take_back: an exchange, and a load for each frame.
// Ownership  the pool owns the memory; it goes with the last port that leaves.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

#include "cache_line.h"
#include "umem.h"

// index of a frame = its line * (2^36 / lines of a frame) >> 36, exact for a UMEM up to 64 GiB
#define PP_POOL_LINE_BYTES 64
#define PP_POOL_SHIFT 36
#define PP_POOL_BYTES_MAX (64ull << 30)

// Where a frame is.
enum pp_frame_state {
	PP_FRAME_HOME, // in its port: free, in a ring, or with the worker
	PP_FRAME_HELD, // with the embedding program
	PP_FRAME_AWAY, // in another port's transmit or completion ring
	PP_FRAME_RETURNED, // on its way home
};

struct pp_pool_home {
	uint32_t returned; // frame on top, plus one; 0: none. Written by any thread
	int32_t fd; // its socket, once bound; its interface may have gone since. -1: none
	bool taken; // a port lives there
	uint8_t pad[PP_CACHE_LINE - 9];
};

struct pp_pool {
	uint8_t *area;
	uint64_t per_line; // frames in a line, shifted by PP_POOL_SHIFT, rounded up
	uint64_t stride_bytes; // from one frame to the next
	uint32_t chunk_bytes;
	uint32_t frames;
	uint32_t home_frames; // of each home
	uint32_t home_count;
	uint32_t ports; // that live here
	bool zerocopy; // it was bound so
	uint32_t *next; // under a returned frame, plus one; 0: none
	uint8_t *state; // enum pp_frame_state
	uint16_t *sender; // home of the port that has a frame that is away
	struct pp_pool_home *home;
	struct pp_umem umem;
};

struct pp_pool_params {
	uint32_t home_count; // 1: for one port
	uint32_t home_frames;
	uint32_t chunk_bytes;
	uint8_t hugepages; // enum pp_hugepages
	int32_t numa_node;
	bool spread; // a cache line between frames; takes the UMEM's unaligned mode
};

// Map memory. The first socket registers it.
//
// @return  0; -EINVAL: more than PP_POOL_BYTES_MAX; -ENOMEM; err is set.
int pp_pool_create(struct pp_pool **out, const struct pp_pool_params *params, struct pp_error *err);
// No port lives there. NULL is allowed.
void pp_pool_destroy(struct pp_pool *pool);

// Find a home for a port.
//
// @param free  Filled with the base addresses of the frames that are there; room for home_frames.
// @param count Set to how many: all but those that are elsewhere.
// @return      The home's index; -ENOSPC: none is left.
int pp_pool_join(struct pp_pool *pool, uint64_t *free, uint32_t *count);
// @return  Whether it was the last one, and the pool can be destroyed.
bool pp_pool_leave(struct pp_pool *pool, uint32_t home);

static inline uint32_t pp_pool_frame(const struct pp_pool *pool, uint64_t addr)
{
	return (uint32_t)(addr / PP_POOL_LINE_BYTES * pool->per_line >> PP_POOL_SHIFT);
}

static inline void
pp_pool_set_state(struct pp_pool *pool, uint32_t frame, enum pp_frame_state state)
{
	__atomic_store_n(&pool->state[frame], (uint8_t)state, __ATOMIC_RELAXED);
}

// Return a frame that is not at home. The caller's until then.
void pp_pool_give_back(struct pp_pool *pool, uint32_t frame);

// A frame goes to a port of another home, which sends it.
static inline void pp_pool_send_away(struct pp_pool *pool, uint32_t frame, uint32_t sender)
{
	__atomic_store_n(&pool->sender[frame], (uint16_t)sender, __ATOMIC_RELAXED);
	pp_pool_set_state(pool, frame, PP_FRAME_AWAY);
}

// Return all that a port was to send and did not: its socket is closed.
void pp_pool_give_back_from(struct pp_pool *pool, uint32_t sender);

// Take what was returned to a home.
//
// @param free  Stack to put base addresses on; room for all frames of the home.
// @return      Frames.
uint32_t pp_pool_take_back(struct pp_pool *pool, uint32_t home, uint64_t *free);

static inline bool pp_pool_returned(const struct pp_pool *pool, uint32_t home)
{
	return __atomic_load_n(&pool->home[home].returned, __ATOMIC_SEQ_CST) != 0;
}

// How many frames of a home are in a state. Exact when nothing moves. Any thread.
uint32_t pp_pool_count(const struct pp_pool *pool, uint32_t home, enum pp_frame_state state);
