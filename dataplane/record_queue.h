// SPDX-License-Identifier: MIT OR Apache-2.0
// Memory between an analysis thread, which makes packet blocks, and the thread that writes them.
//
// A fixed number of chunks goes round: the producer fills one with whole blocks and pushes it, the
// writer takes it and gives it back empty. When the writer lags, no chunk is free and the packet has
// no room; the producer is never held up.
//
// Threads    room, stored, flush, since: the producer. take, give_back: the writer. create, destroy: the
//            control thread, before both start and after both were joined.
// Cost       room, stored, flush: no allocation, lock or system call; one release store a chunk.
// Ownership  a chunk is the writer's between take and give_back, else the queue's.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PP_RECORD_CHUNKS_MIN 4

struct pp_record_chunk {
	uint32_t used; // bytes of blocks
	uint64_t since_ns; // when the first block came, as the producer told
	uint8_t data[];
};

struct pp_record_queue;

// @param chunk_bytes  Room for blocks in a chunk.
// @param chunks       At least PP_RECORD_CHUNKS_MIN, at most 2^19.
// @return             0; -EINVAL; -ENOMEM. out is untouched on failure.
int pp_record_queue_create(struct pp_record_queue **out, uint32_t chunk_bytes, uint32_t chunks);
// NULL is allowed.
void pp_record_queue_destroy(struct pp_record_queue *queue);

// Find room for a block.
//
// @param bytes   At most chunk_bytes.
// @param now_ns  Any clock, the same for all calls.
// @return        Where to store it, until the next call; NULL: the writer lags.
uint8_t *pp_record_queue_room(struct pp_record_queue *queue, size_t bytes, uint64_t now_ns);

// Say that a block was stored where room() said.
void pp_record_queue_stored(struct pp_record_queue *queue, size_t bytes);

// Push what there is, be the chunk full or not.
void pp_record_queue_flush(struct pp_record_queue *queue);

// @return  When the first block came that was not pushed yet; UINT64_MAX: there is none.
uint64_t pp_record_queue_since(const struct pp_record_queue *queue);

// @return  The oldest chunk that was pushed; NULL: none waits.
struct pp_record_chunk *pp_record_queue_take(struct pp_record_queue *queue);
void pp_record_queue_give_back(struct pp_record_queue *queue, struct pp_record_chunk *chunk);
