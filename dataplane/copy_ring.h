// SPDX-License-Identifier: MIT OR Apache-2.0
// Reader of one CPU's ring of copied packets; bpf/copy_ring_write.h writes it.
//
// The ring is one element of a BPF array, mapped; a bell beside it, a BPF ring, is what one can sleep
// on.
//
// Threads    open, close: control thread. burst, release, hear: one thread at a time.
// Cost       burst, release and hear never block, allocate, copy or make a system call.
// Ownership  records are borrowed from the ring between burst and release.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

#include "bpf_ring.h"

#define PP_COPY_RING_BYTES_MIN 4096u
// The verifier lets a program address 512 MiB from one pointer (BPF_MAX_VAR_OFF), what stands in
// front of the records and behind them included.
#define PP_COPY_RING_BYTES_MAX (256u << 20)

struct pp_copy_ring {
	int map_fd; // -1: closed
	uint32_t cpu;
	struct pp_bpf_ring bell;
	uint64_t bytes;
	struct pp_copy_ring_front *front; // shared: we write consumed
	uint64_t position; // ours, ahead of consumed within a batch
	uint64_t produced_seen;
};

// Create the ring and map it.
//
// @param bytes  A power of two, PP_COPY_RING_BYTES_MIN to _MAX.
// @return       0; -EINVAL; -errno; with err set.
int pp_copy_ring_open(struct pp_copy_ring *ring,
		      uint32_t cpu,
		      uint32_t bytes,
		      struct pp_error *err);
void pp_copy_ring_close(struct pp_copy_ring *ring);

// Whether burst() would find nothing. The reader's thread.
static inline bool pp_copy_ring_empty(const struct pp_copy_ring *ring)
{
	return __atomic_load_n(&ring->front->produced, __ATOMIC_RELAXED) == ring->position;
}

// Take records, oldest first. May stop at the position that the program had when it was last looked
// at.
//
// @param record  Room for max; each has cap_bytes of packet behind it.
// @return        Records stored.
uint32_t
pp_copy_ring_burst(struct pp_copy_ring *ring, const struct pp_meta *record[], uint32_t max);

// Give back everything that burst() took.
void pp_copy_ring_release(struct pp_copy_ring *ring);

// Whether a record waits. Any thread.
bool pp_copy_ring_ready(const struct pp_copy_ring *ring);

// What becomes readable when a record comes while pp_maps.wake says so for this CPU, until hear().
int pp_copy_ring_fd(const struct pp_copy_ring *ring);

// Silence the bell. What came before may be in the ring: look there afterwards.
void pp_copy_ring_hear(struct pp_copy_ring *ring);
