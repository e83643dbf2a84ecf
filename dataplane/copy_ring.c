// SPDX-License-Identifier: MIT OR Apache-2.0
#include "copy_ring.h"

#include <errno.h>
#include <string.h>

#include "map.h"

#define BELL_BYTES 4096
#define BELL_BURST 16

// In front of the records the positions; behind them the rest of the one that begins last.
static uint64_t value_bytes(uint64_t bytes)
{
	return sizeof(struct pp_copy_ring_front) + bytes + sizeof(struct pp_meta) +
	       PP_COPY_BYTES_MAX;
}

int pp_copy_ring_open(struct pp_copy_ring *ring, uint32_t cpu, uint32_t bytes, struct pp_error *err)
{
	int ret;

	*ring = (struct pp_copy_ring){
		.map_fd = -1, .cpu = cpu, .bytes = bytes, .bell = {.map_fd = -1}};
	if (bytes < PP_COPY_RING_BYTES_MIN || bytes > PP_COPY_RING_BYTES_MAX ||
	    (bytes & (bytes - 1)) != 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "a copy ring has 4 KiB to 256 MiB, a power of two");
	ret = pp_map_create_value(&ring->map_fd, "pp_copy_ring", value_bytes(bytes), err);
	ret = ret ?: pp_map_memory(&ring->front, ring->map_fd, value_bytes(bytes), true, err);
	ret = ret ?: pp_bpf_ring_open(&ring->bell, BELL_BYTES, err);
	if (ret < 0)
		pp_copy_ring_close(ring);
	return ret;
}

void pp_copy_ring_close(struct pp_copy_ring *ring)
{
	pp_bpf_ring_close(&ring->bell);
	pp_map_unmap(ring->front, value_bytes(ring->bytes));
	pp_map_close(&ring->map_fd);
	ring->front = NULL;
}

uint32_t pp_copy_ring_burst(struct pp_copy_ring *ring, const struct pp_meta *record[], uint32_t max)
{
	const uint8_t *data = (const uint8_t *)(ring->front + 1);
	uint32_t n = 0;

	// acquire: records up to there are written
	if (ring->position == ring->produced_seen)
		ring->produced_seen = __atomic_load_n(&ring->front->produced, __ATOMIC_ACQUIRE);
	while (n < max && ring->position != ring->produced_seen) {
		uint64_t bytes;

		record[n] = (const void *)(data + (ring->position & (ring->bytes - 1)));
		bytes = PP_COPY_RECORD_BYTES((uint64_t)record[n]->cap_bytes);
		if (bytes > ring->produced_seen - ring->position) {
			// No record of ours. Somebody else wrote to the ring: what is left of it is lost.
			ring->position = ring->produced_seen;
			break;
		}
		ring->position += bytes;
		n++;
	}
	return n;
}

void pp_copy_ring_release(struct pp_copy_ring *ring)
{
	if (__atomic_load_n(&ring->front->consumed, __ATOMIC_RELAXED) == ring->position)
		return;
	// release: the records were read before the program may overwrite them
	__atomic_store_n(&ring->front->consumed, ring->position, __ATOMIC_RELEASE);
}

bool pp_copy_ring_ready(const struct pp_copy_ring *ring)
{
	return __atomic_load_n(&ring->front->produced, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&ring->front->consumed, __ATOMIC_RELAXED);
}

int pp_copy_ring_fd(const struct pp_copy_ring *ring)
{
	return ring->bell.map_fd;
}

void pp_copy_ring_hear(struct pp_copy_ring *ring)
{
	const struct pp_meta *rung[BELL_BURST];

	while (pp_bpf_ring_burst(&ring->bell, rung, BELL_BURST) > 0)
		;
	pp_bpf_ring_release(&ring->bell);
	// A full barrier: either the program finds the bell silent, or we find what it wrote. Pairs with the
	// one in pp_copy_ring_wake().
	__atomic_fetch_add(&ring->front->consumed, 0, __ATOMIC_SEQ_CST);
}
