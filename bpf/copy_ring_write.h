/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The writing side of a ring of copied packets: memory that the program of one CPU writes and one
// reader in user space reads (dataplane/copy_ring.h). User space builds it too, for tests.
//
// Only what runs on its CPU with bottom halves off writes to a ring, one after the other. So there is
// nothing to lock, and a record is published by one store; a BPF ring buffer, which anybody may write
// to, takes a lock, reads the reader's position and makes an atomic exchange for each. The reader's
// position is looked at when the ring seems full, no sooner: reading it takes the cache line from who
// writes it.
#pragma once

#include <stddef.h>

#ifdef __bpf__
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#else
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#include "abi.h"

static __always_inline __u64 pp_copy_ring_consumed(const struct pp_copy_ring_front *ring)
{
#ifdef __bpf__
	// What is written afterwards depends on it: no CPU writes ahead of a branch.
	return *(const volatile __u64 *)&ring->consumed;
#else
	return __atomic_load_n(&ring->consumed, __ATOMIC_ACQUIRE);
#endif
}

// Find room for a record.
//
// @param room_bytes  Of the ring that may be written: at least those that commit() is told.
// @param ring_bytes  A power of two, at least 8; a constant to the verifier. Behind the ring there is
//                    room for the largest record: one that begins in the ring is in one piece.
// @return            Where the record goes; NULL: the ring is full.
static __always_inline void *
pp_copy_ring_reserve(struct pp_copy_ring_front *ring, __u64 room_bytes, __u64 ring_bytes)
{
	__u64 produced = ring->produced;

	if (produced + room_bytes - ring->seen > ring_bytes) {
		ring->seen = pp_copy_ring_consumed(ring);
		if (produced + room_bytes - ring->seen > ring_bytes)
			return NULL;
	}
	return (__u8 *)(ring + 1) + (produced & (ring_bytes - 8));
}

// Let the reader have the record.
//
// @param ordered  The CPU keeps stores in order, as x86 does.
static __always_inline void
pp_copy_ring_commit(struct pp_copy_ring_front *ring, __u64 record_bytes, __u64 ordered)
{
	__u64 produced = ring->produced + record_bytes;

#ifdef __bpf__
	asm volatile("" : : : "memory");
	if (ordered)
		*(volatile __u64 *)&ring->produced = produced;
	else
		__sync_lock_test_and_set(&ring->produced, produced); // a full barrier in BPF
#else
	(void)ordered;
	__atomic_store_n(&ring->produced, produced, __ATOMIC_RELEASE);
#endif
}
