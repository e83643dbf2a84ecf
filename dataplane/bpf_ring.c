// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bpf_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

// The first page is the consumer's, then the producer's, then the data, twice.
static int map_ring(struct pp_bpf_ring *ring, uint32_t bytes)
{
	size_t page = page_bytes();
	void *mem;

	mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->map_fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	ring->consumer = mem;
	mem = mmap(NULL, page + 2 * (size_t)bytes, PROT_READ, MAP_SHARED, ring->map_fd,
		   (off_t)page);
	if (mem == MAP_FAILED)
		return -errno;
	ring->producer = mem;
	ring->data = (const uint8_t *)mem + page;
	return 0;
}

int pp_bpf_ring_open(struct pp_bpf_ring *ring, uint32_t bytes, struct pp_error *err)
{
	int fd;

	*ring = (struct pp_bpf_ring){.map_fd = -1};
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "pp_bpf_ring", 0, 0, bytes, NULL);
	if (fd < 0)
		return pp_error_set(err, fd, 0, 0, "cannot create a BPF ring of %u KiB: %s",
				    bytes >> 10, strerror(-fd));
	return pp_bpf_ring_map(ring, fd, bytes, err);
}

int pp_bpf_ring_map(struct pp_bpf_ring *ring, int map_fd, uint32_t bytes, struct pp_error *err)
{
	int ret;

	*ring = (struct pp_bpf_ring){.map_fd = map_fd, .mask = bytes - 1};
	ret = map_ring(ring, bytes);
	if (ret < 0) {
		pp_bpf_ring_close(ring);
		return pp_error_set(err, ret, 0, 0, "cannot map a BPF ring: %s", strerror(-ret));
	}
	return 0;
}

void pp_bpf_ring_close(struct pp_bpf_ring *ring)
{
	if (ring->producer != NULL)
		munmap((void *)ring->producer, page_bytes() + 2 * (ring->mask + 1));
	if (ring->consumer != NULL)
		munmap(ring->consumer, page_bytes());
	if (ring->map_fd >= 0)
		close(ring->map_fd);
	*ring = (struct pp_bpf_ring){.map_fd = -1};
}

uint32_t pp_bpf_ring_burst(struct pp_bpf_ring *ring, const struct pp_meta *record[], uint32_t max)
{
	uint32_t n = 0;

	// acquire: record headers up to the producer position are visible
	if (ring->position == ring->producer_seen)
		ring->producer_seen = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	while (n < max && ring->position < ring->producer_seen) {
		const uint8_t *at = ring->data + (ring->position & ring->mask);
		// acquire: pairs with the xchg in bpf_ringbuf_commit(); the bytes are there
		uint32_t head = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);

		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(head & BPF_RINGBUF_DISCARD_BIT))
			record[n++] = (const void *)(at + BPF_RINGBUF_HDR_SZ);
		head &= ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		ring->position += (head + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
	}
	return n;
}

void pp_bpf_ring_release(struct pp_bpf_ring *ring)
{
	if (__atomic_load_n(ring->consumer, __ATOMIC_RELAXED) == ring->position)
		return;
	// release: the records were read before the kernel may overwrite them
	__atomic_store_n(ring->consumer, ring->position, __ATOMIC_RELEASE);
}

bool pp_bpf_ring_ready(const struct pp_bpf_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(ring->consumer, __ATOMIC_RELAXED);
}
