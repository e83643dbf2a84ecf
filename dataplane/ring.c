// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ring.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cache_line.h"

// head and tail count values since creation and wrap at 2^32; only their difference means
// anything. Each side caches the other's counter to keep its cache line out of the fast path
// (Lamport's queue as in Giacomoni et al., "FastForward", PPoPP 2008, section 2).
struct pp_ring {
	uint32_t mask; // slots - 1
	alignas(PP_CACHE_LINE) _Atomic uint32_t tail; // producer: rw, consumer: ro
	alignas(PP_CACHE_LINE) uint32_t head_seen; // producer: private
	alignas(PP_CACHE_LINE) _Atomic uint32_t head; // consumer: rw, producer: ro
	alignas(PP_CACHE_LINE) uint32_t tail_seen; // consumer: private
	alignas(PP_CACHE_LINE) uint64_t slot[];
};

int pp_ring_create(struct pp_ring **out, uint32_t slots)
{
	struct pp_ring *ring;
	size_t size;

	if (slots < 2 || slots > PP_RING_SLOTS_MAX || (slots & (slots - 1)) != 0)
		return -EINVAL;
	size = sizeof(*ring) + slots * sizeof(ring->slot[0]);
	ring = aligned_alloc(PP_CACHE_LINE, pp_cache_lines(size));
	if (ring == NULL)
		return -ENOMEM;
	ring->mask = slots - 1;
	ring->head_seen = ring->tail_seen = 0;
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);
	*out = ring;
	return 0;
}

void pp_ring_destroy(struct pp_ring *ring)
{
	free(ring);
}

// How many of n slots from a place on lie before the end.
static uint32_t up_to_end(const struct pp_ring *ring, uint32_t from, uint32_t n)
{
	uint32_t end = ring->mask + 1 - (from & ring->mask);

	return n < end ? n : end;
}

uint32_t pp_ring_push(struct pp_ring *ring, const uint64_t value[], uint32_t n)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t room = ring->mask + 1 - (tail - ring->head_seen), first;

	if (room < n) {
		// acquire: the consumer is done with the slots it gave back
		ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
		room = ring->mask + 1 - (tail - ring->head_seen);
		if (n > room)
			n = room;
	}
	if (n == 0)
		return 0;
	first = up_to_end(ring, tail, n);
	memcpy(&ring->slot[tail & ring->mask], value, first * sizeof(*value));
	memcpy(&ring->slot[0], value + first, (n - first) * sizeof(*value));
	// release: the slots above are visible before the new tail
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
	return n;
}

uint32_t pp_ring_pop(struct pp_ring *ring, uint64_t value[], uint32_t max)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint32_t ready = ring->tail_seen - head, first;

	if (ready < max) {
		// acquire: pairs with the release in pp_ring_push()
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
		ready = ring->tail_seen - head;
		if (max > ready)
			max = ready;
	}
	if (max == 0)
		return 0;
	first = up_to_end(ring, head, max);
	memcpy(value, &ring->slot[head & ring->mask], first * sizeof(*value));
	memcpy(value + first, &ring->slot[0], (max - first) * sizeof(*value));
	// release: the slots above were read before the producer may reuse them
	atomic_store_explicit(&ring->head, head + max, memory_order_release);
	return max;
}
