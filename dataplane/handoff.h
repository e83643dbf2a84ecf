// SPDX-License-Identifier: MIT OR Apache-2.0
// From a worker to an analysis thread: one queue for packets of both kinds, in order.
//
// A single-producer, single-consumer ring of 8-byte units. A routed packet is one unit that
// points at its frame, which the analyser lends until it comes back through a pp_ring. A copied
// packet - or a routed one, when too many frames are away - lies in the ring itself behind its
// unit, so the analyser's memory is its own and a slow analyser cannot starve receive.
//
// Threads    push_*, flush: the worker only. burst, release: the analyser only. create, destroy:
//            control thread, before both start and after both were joined.
// Cost       never blocks, allocates, locks, logs or makes a system call; one release store per
//            batch on either side. What happens for every packet is inline: a call costs as much
//            as all the rest.
// Ownership  an item is borrowed from the ring between burst and release. Its frame, if it has
//            one, is the analyser's until it is pushed back.
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>

#include "cache_line.h"

// A unit is a frame: its row in the upper 16 bits, where its data is in the 47 that a user-space
// address has. Bit 47 makes it the head of something else, whose units (this one included) are in
// the lower half. Eight to a cache line: lines that travel between CPUs are what a handoff costs.
#define PP_HANDOFF_ROW_SHIFT 48
#define PP_HANDOFF_NO_FRAME (1ull << 47)
#define PP_HANDOFF_SKIP (1ull << 48) // nothing up to the end of the ring; else a copy behind it
#define PP_HANDOFF_ROUTED (1ull << 49) // a copy of a routed packet

// head and tail count units since creation and wrap at 2^32. Each block is on lines of its own.
// Nobody but the functions of this header and of handoff.c looks inside.
struct pp_handoff {
	uint32_t mask; // units - 1
	alignas(PP_CACHE_LINE) _Atomic uint32_t tail; // producer: rw, consumer: ro
	alignas(PP_CACHE_LINE) uint32_t tail_next; // producer: private, ahead of tail
	uint32_t head_seen;
	alignas(PP_CACHE_LINE) _Atomic uint32_t head; // consumer: rw, producer: ro
	alignas(PP_CACHE_LINE) uint32_t head_next; // consumer: private, ahead of head
	uint32_t tail_seen;
	alignas(PP_CACHE_LINE) uint64_t unit[];
};

struct pp_handoff_item {
	const struct pp_meta *meta; // always there
	const uint8_t *data; // meta->cap_bytes of packet
	bool routed; // else copied
	bool lent; // data must be given back
	uint16_t row; // lent: of the port the frame belongs to
};

// @param bytes  Capacity: a power of two, 4096 to 2^30.
// @return       0; -EINVAL; -ENOMEM. out is untouched on failure.
int pp_handoff_create(struct pp_handoff **out, uint32_t bytes);
void pp_handoff_destroy(struct pp_handoff *handoff);

// Hand over a routed packet in its frame.
//
// @param data   Behind its struct pp_meta.
// @param row    Of the port that the frame belongs to.
// @return       false: full; nothing was taken.
static inline bool
pp_handoff_push_frame(struct pp_handoff *handoff, const uint8_t *data, uint16_t row)
{
	uint32_t tail = handoff->tail_next;

	if (tail - handoff->head_seen > handoff->mask) {
		// acquire: the consumer is done with the units it gave back
		handoff->head_seen = atomic_load_explicit(&handoff->head, memory_order_acquire);
		if (tail - handoff->head_seen > handoff->mask)
			return false;
	}
	handoff->unit[tail & handoff->mask] =
		(uint64_t)row << PP_HANDOFF_ROW_SHIFT | (uint64_t)(uintptr_t)data;
	handoff->tail_next = tail + 1;
	return true;
}

// Hand over a copy of meta and the meta->cap_bytes that follow it.
//
// @param routed  For the ledger.
// @return        false: no room.
bool pp_handoff_push_copy(struct pp_handoff *handoff, const struct pp_meta *meta, bool routed);

// Make what was pushed visible. Call once per batch.
static inline void pp_handoff_flush(struct pp_handoff *handoff)
{
	uint32_t tail = handoff->tail_next;
	uint32_t ahead = tail - atomic_load_explicit(&handoff->tail, memory_order_relaxed);

	if (ahead == 0)
		return;
	// release: the units are visible before the new tail
	atomic_store_explicit(&handoff->tail, tail, memory_order_release);
	pp_prefetch_write(&handoff->unit[0], tail & handoff->mask, handoff->mask, ahead);
}

// Whether nothing waits. Consumer only.
static inline bool pp_handoff_empty(struct pp_handoff *handoff)
{
	if (handoff->head_next == handoff->tail_seen)
		// acquire: pairs with the release in pp_handoff_flush()
		handoff->tail_seen = atomic_load_explicit(&handoff->tail, memory_order_acquire);
	return handoff->head_next == handoff->tail_seen;
}

static inline struct pp_handoff_item pp_handoff_item_of(uint64_t unit)
{
	uintptr_t data = (uintptr_t)(unit & (PP_HANDOFF_NO_FRAME - 1));

	return (struct pp_handoff_item){.meta = (const struct pp_meta *)data - 1,
					.data = (const uint8_t *)data,
					.routed = true,
					.lent = true,
					.row = (uint16_t)(unit >> PP_HANDOFF_ROW_SHIFT)};
}

// @return  Items stored, 0 or 1, of what begins with a unit that is no frame.
static inline uint32_t pp_handoff_read_copy(const uint64_t *unit, struct pp_handoff_item *item)
{
	const struct pp_meta *meta = (const struct pp_meta *)(unit + 1);

	if (*unit & PP_HANDOFF_SKIP)
		return 0;
	*item = (struct pp_handoff_item){.meta = meta,
					 .data = (const uint8_t *)(meta + 1),
					 .routed = *unit & PP_HANDOFF_ROUTED};
	return 1;
}

// Take items, oldest first.
//
// @return  Items stored, 0 to max.
static inline uint32_t
pp_handoff_burst(struct pp_handoff *handoff, struct pp_handoff_item item[], uint32_t max)
{
	uint32_t n = 0, head = handoff->head_next, mask = handoff->mask, tail;

	if (pp_handoff_empty(handoff))
		return 0;
	tail = handoff->tail_seen;
	while (n < max && head != tail) {
		const uint64_t *unit = &handoff->unit[head & mask];

		if (__builtin_expect(!(*unit & PP_HANDOFF_NO_FRAME), 1)) {
			item[n++] = pp_handoff_item_of(*unit);
			head++;
		} else {
			n += pp_handoff_read_copy(unit, &item[n]);
			head += (uint32_t)*unit;
		}
	}
	handoff->head_next = head;
	return n;
}

// Give back the room of everything that burst() took.
static inline void pp_handoff_release(struct pp_handoff *handoff)
{
	if (atomic_load_explicit(&handoff->head, memory_order_relaxed) == handoff->head_next)
		return;
	// release: the units above were read before the producer may reuse them
	atomic_store_explicit(&handoff->head, handoff->head_next, memory_order_release);
}
