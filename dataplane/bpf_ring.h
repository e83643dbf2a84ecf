// SPDX-License-Identifier: MIT OR Apache-2.0
// Reader of a BPF ring: of a dump, or of a bell (copy_ring.h).
//
// libbpf's reader stores the consumer position after every record; this one maps the ring itself
// and stores it once per batch (kernel: Documentation/bpf/ringbuf.rst, kernel/bpf/ringbuf.c).
//
// Threads    open, close: control thread. burst, release: the one thread that reads it.
// Cost       burst and release never block, allocate, copy or make a system call.
// Ownership  records are borrowed from the ring between burst and release.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

struct pp_bpf_ring {
	int map_fd; // -1: closed
	uint64_t mask; // bytes - 1
	uint64_t *consumer; // shared: we write
	const uint64_t *producer; // shared: the kernel writes
	const uint8_t *data; // mapped twice in a row, so that no record wraps
	uint64_t position; // ours, ahead of *consumer within a batch
	uint64_t producer_seen;
};

// Create the ring and map it.
//
// @param bytes  A power of two, at least a page.
// @return       0; -errno, with err set.
int pp_bpf_ring_open(struct pp_bpf_ring *ring, uint32_t bytes, struct pp_error *err);
// The same for a ring that is there.
//
// @param map_fd  Taken over, also on failure.
int pp_bpf_ring_map(struct pp_bpf_ring *ring, int map_fd, uint32_t bytes, struct pp_error *err);
void pp_bpf_ring_close(struct pp_bpf_ring *ring);

// Take complete records, oldest first; what the program gave up after reserving is skipped. May
// stop at the position that the producer had when it was last looked at.
//
// @param record  Room for max; each has cap_bytes of packet behind it.
// @return        Records stored.
uint32_t pp_bpf_ring_burst(struct pp_bpf_ring *ring, const struct pp_meta *record[], uint32_t max);

// Give back everything that burst() took.
void pp_bpf_ring_release(struct pp_bpf_ring *ring);

// Whether a record waits. Any thread.
bool pp_bpf_ring_ready(const struct pp_bpf_ring *ring);
