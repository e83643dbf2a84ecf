// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "cache_line.h"
#include "ring.h"

struct pp_record_queue {
	struct pp_ring *filled; // to the writer
	struct pp_ring *empty; // back to the producer
	struct pp_record_chunk *current; // the producer's; NULL: none
	uint32_t chunk_bytes;
	uint32_t chunk_count;
	struct pp_record_chunk *chunk[];
};

static int create_chunks(struct pp_record_queue *queue, uint32_t chunks)
{
	uint32_t slots = 2;
	int ret;

	while (slots < chunks)
		slots *= 2;
	ret = pp_ring_create(&queue->filled, slots);
	ret = ret ?: pp_ring_create(&queue->empty, slots);
	for (uint32_t i = 0; ret == 0 && i < chunks; i++) {
		size_t bytes = sizeof(*queue->chunk[i]) + queue->chunk_bytes;
		uint64_t value;

		queue->chunk[i] = aligned_alloc(PP_CACHE_LINE, pp_cache_lines(bytes));
		if (queue->chunk[i] == NULL)
			return -ENOMEM;
		queue->chunk_count++;
		queue->chunk[i]->used = 0;
		value = (uintptr_t)queue->chunk[i];
		pp_ring_push(queue->empty, &value, 1);
	}
	return ret;
}

int pp_record_queue_create(struct pp_record_queue **out, uint32_t chunk_bytes, uint32_t chunks)
{
	struct pp_record_queue *queue;
	int ret;

	if (chunks < PP_RECORD_CHUNKS_MIN || chunks > PP_RING_SLOTS_MAX / 2 || chunk_bytes == 0)
		return -EINVAL;
	queue = calloc(1, sizeof(*queue) + chunks * sizeof(queue->chunk[0]));
	if (queue == NULL)
		return -ENOMEM;
	queue->chunk_bytes = chunk_bytes;
	ret = create_chunks(queue, chunks);
	if (ret < 0) {
		pp_record_queue_destroy(queue);
		return ret;
	}
	*out = queue;
	return 0;
}

void pp_record_queue_destroy(struct pp_record_queue *queue)
{
	if (queue == NULL)
		return;
	for (uint32_t i = 0; i < queue->chunk_count; i++)
		free(queue->chunk[i]);
	pp_ring_destroy(queue->empty);
	pp_ring_destroy(queue->filled);
	free(queue);
}

static struct pp_record_chunk *pop(struct pp_ring *ring)
{
	uint64_t value;

	if (pp_ring_pop(ring, &value, 1) == 0)
		return NULL;
	return (struct pp_record_chunk *)(uintptr_t)value;
}

// Either ring holds all chunks, so there is always room.
static void push(struct pp_ring *ring, struct pp_record_chunk *chunk)
{
	uint64_t value = (uintptr_t)chunk;

	pp_ring_push(ring, &value, 1);
}

uint8_t *pp_record_queue_room(struct pp_record_queue *queue, size_t bytes, uint64_t now_ns)
{
	if (queue->current != NULL && queue->current->used + bytes > queue->chunk_bytes)
		pp_record_queue_flush(queue);
	if (queue->current == NULL) {
		queue->current = pop(queue->empty);
		if (queue->current == NULL)
			return NULL;
		queue->current->used = 0;
	}
	if (queue->current->used == 0)
		queue->current->since_ns = now_ns;
	return queue->current->data + queue->current->used;
}

void pp_record_queue_stored(struct pp_record_queue *queue, size_t bytes)
{
	queue->current->used += (uint32_t)bytes;
}

void pp_record_queue_flush(struct pp_record_queue *queue)
{
	if (queue->current == NULL || queue->current->used == 0)
		return;
	push(queue->filled, queue->current);
	queue->current = NULL;
}

uint64_t pp_record_queue_since(const struct pp_record_queue *queue)
{
	if (queue->current == NULL || queue->current->used == 0)
		return UINT64_MAX;
	return queue->current->since_ns;
}

struct pp_record_chunk *pp_record_queue_take(struct pp_record_queue *queue)
{
	return pop(queue->filled);
}

void pp_record_queue_give_back(struct pp_record_queue *queue, struct pp_record_chunk *chunk)
{
	push(queue->empty, chunk);
}
