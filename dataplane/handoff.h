// SPDX-License-Identifier: MIT OR Apache-2.0
// Between a worker and an analysis thread: packets of both kinds there, in order, and lent frames
// back.
//
// A single-producer, single-consumer ring of 8-byte units with three indexes. A routed packet is
// one unit that points at its frame, which is lent until the consumer releases it. A copied
// packet - or a routed one, when too many frames are away - lies in the ring itself behind its
// unit, so the analyser's memory is its own and a slow analyser cannot starve receive.
//
// An analyser is done with packets in the order in which it got them. So nothing has to be sent
// back: the consumer's index says how far it is, and the worker finds the frames in the units
// that it wrote itself and mostly still has in its cache. A ring for the way back would cost as
// many cache lines from CPU to CPU as the way there. Who wants to keep a packet copies it, as
// <push-packet/analyser.h> has it.
//
//     back ... head ... tail     back to head: released; head to tail: waits or is borrowed
//
// Threads    push_*, flush, take_back: the worker only. burst, release: the analyser only. create,
//            destroy: control thread, before both start and after both were joined.
// Cost       never blocks, allocates, locks, logs or makes a system call; one release store per
//            batch on either side. What happens for every packet is inline: a call costs as much
//            as all the rest.
// Ownership  an item is borrowed from the ring between burst and release. Its frame, if it has
//            one, is the ring's from push until take_back gives it to the worker again.
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

// Indexes count units since creation and wrap at 2^32. Each block is on lines of its own.
// Nobody but the functions of this header and of handoff.c looks inside.
struct pp_handoff {
	uint32_t mask; // units - 1
	alignas(PP_CACHE_LINE) _Atomic uint32_t tail; // producer: rw, consumer: ro
	alignas(PP_CACHE_LINE) uint32_t tail_next; // producer: private, ahead of tail
	uint32_t head_seen;
	uint32_t back; // up to here there is room and the frames are the worker's again
	uint32_t lent; // frames between back and tail_next
	alignas(PP_CACHE_LINE) _Atomic uint32_t head; // consumer: rw, producer: ro
	alignas(PP_CACHE_LINE) uint32_t head_next; // consumer: private, ahead of head
	uint32_t tail_seen;
	alignas(PP_CACHE_LINE) uint64_t unit[];
};

struct pp_handoff_item {
	const struct pp_meta *meta; // always there
	const uint8_t *data; // meta->cap_bytes of packet
	bool routed; // else copied
	bool lent; // data is in a frame
	uint16_t row; // lent: of the port the frame belongs to
};

// @param bytes  Capacity: a power of two, 4096 to 2^30.
// @return       0; -EINVAL; -ENOMEM. out is untouched on failure.
int pp_handoff_create(struct pp_handoff **out, uint32_t bytes);
void pp_handoff_destroy(struct pp_handoff *handoff);

// Look again how much room there is.
//
// @return  Units: all but what lies behind a frame that the worker has not taken back.
uint32_t pp_handoff_room(struct pp_handoff *handoff);

// Hand over routed packets in their frames.
//
// @param data  Each behind its struct pp_meta.
// @param row   Of the port that the frames belong to.
// @return      Accepted, from the first on; the others stay with the caller. There may be room for
//              them after take_back.
static inline uint32_t pp_handoff_push_frames(struct pp_handoff *handoff,
					      const uint8_t *const data[],
					      uint32_t n,
					      uint16_t row)
{
	uint32_t tail = handoff->tail_next, mask = handoff->mask;
	uint32_t room = mask + 1 - (tail - handoff->back);

	if (room < n) {
		room = pp_handoff_room(handoff);
		n = n < room ? n : room;
	}
	for (uint32_t i = 0; i < n; i++)
		handoff->unit[(tail + i) & mask] =
			(uint64_t)row << PP_HANDOFF_ROW_SHIFT | (uint64_t)(uintptr_t)data[i];
	handoff->tail_next = tail + n;
	handoff->lent += n;
	return n;
}

// Hand over a copy of meta and the meta->cap_bytes that follow it.
//
// @param routed  For the ledger.
// @return        false: no room. There may be after take_back.
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

static inline uint16_t pp_handoff_row_of(uint64_t unit)
{
	return (uint16_t)(unit >> PP_HANDOFF_ROW_SHIFT);
}

static inline const uint8_t *pp_handoff_data_of(uint64_t unit)
{
	return (const uint8_t *)(uintptr_t)(unit & (PP_HANDOFF_NO_FRAME - 1));
}

// Copy units as long as they are frames: a cache line at a time, mostly.
//
// @return  How many.
static inline uint32_t pp_handoff_copy_frames(uint64_t to[], const uint64_t from[], uint32_t max)
{
	uint32_t n = 0;

	for (; n + 8 <= max; n += 8) {
		const uint64_t *f = &from[n];

		if ((f[0] | f[1] | f[2] | f[3] | f[4] | f[5] | f[6] | f[7]) & PP_HANDOFF_NO_FRAME)
			break;
		__builtin_memcpy(&to[n], f, 8 * sizeof(*f));
	}
	for (; n < max && !(from[n] & PP_HANDOFF_NO_FRAME); n++)
		to[n] = from[n];
	return n;
}

// How many units in a row, of at most max, are there from an index to another.
static inline uint32_t
pp_handoff_stretch(const struct pp_handoff *handoff, uint32_t from, uint32_t to, uint32_t max)
{
	uint32_t end = handoff->mask + 1 - (from & handoff->mask), n = to - from;

	n = n < end ? n : end;
	return n < max ? n : max;
}

// Take frames back that the consumer released, and with them the room of whatever lay between.
//
// @param unit  Set to what names them: see pp_handoff_row_of(), pp_handoff_data_of().
// @return      Frames, oldest first, 0 to max. With max there may be more.
static inline uint32_t
pp_handoff_take_back(struct pp_handoff *handoff, uint64_t unit[], uint32_t max)
{
	uint32_t n = 0, back = handoff->back, head;

	if (handoff->lent == 0)
		return 0;
	// The consumer's line is left alone while it is known that there is more.
	if (back == handoff->head_seen)
		// acquire: the consumer is done with the units it released
		handoff->head_seen = atomic_load_explicit(&handoff->head, memory_order_acquire);
	head = handoff->head_seen;
	while (n < max && back != head) {
		const uint64_t *from = &handoff->unit[back & handoff->mask];
		uint32_t limit = pp_handoff_stretch(handoff, back, head, max - n);
		uint32_t frames = pp_handoff_copy_frames(&unit[n], from, limit);

		n += frames;
		back += frames;
		if (frames < limit)
			back += (uint32_t)from[frames];
	}
	handoff->back = back;
	handoff->lent -= n;
	return n;
}

// Whether nothing waits. Consumer only.
static inline bool pp_handoff_empty(struct pp_handoff *handoff)
{
	if (handoff->head_next == handoff->tail_seen)
		// acquire: pairs with the release in pp_handoff_flush()
		handoff->tail_seen = atomic_load_explicit(&handoff->tail, memory_order_acquire);
	return handoff->head_next == handoff->tail_seen;
}

// What burst() says of a copy: as of a frame, where its data is.
//
// @return  Items stored, 0 or 1, of what begins with a unit that is no frame.
static inline uint32_t pp_handoff_read_copy(const uint64_t *unit, uint64_t *item)
{
	uint64_t data = (uint64_t)(uintptr_t)(unit + 1) + sizeof(struct pp_meta);

	if (*unit & PP_HANDOFF_SKIP)
		return 0;
	*item = PP_HANDOFF_NO_FRAME | (*unit & PP_HANDOFF_ROUTED) | data;
	return 1;
}

// Take packets, oldest first.
//
// @param item  Set to what names them: see pp_handoff_item_of(), pp_handoff_data_of().
// @return      Packets stored, 0 to max.
static inline uint32_t pp_handoff_burst(struct pp_handoff *handoff, uint64_t item[], uint32_t max)
{
	uint32_t n = 0, head = handoff->head_next, tail;

	if (pp_handoff_empty(handoff))
		return 0;
	tail = handoff->tail_seen;
	while (n < max && head != tail) {
		const uint64_t *from = &handoff->unit[head & handoff->mask];
		uint32_t limit = pp_handoff_stretch(handoff, head, tail, max - n);
		uint32_t frames = pp_handoff_copy_frames(&item[n], from, limit);

		n += frames;
		head += frames;
		if (frames < limit) {
			n += pp_handoff_read_copy(&from[frames], &item[n]);
			head += (uint32_t)from[frames];
		}
	}
	handoff->head_next = head;
	return n;
}

static inline struct pp_handoff_item pp_handoff_item_of(uint64_t item)
{
	const uint8_t *data = pp_handoff_data_of(item);
	bool lent = !(item & PP_HANDOFF_NO_FRAME);

	return (struct pp_handoff_item){.meta = (const struct pp_meta *)(const void *)data - 1,
					.data = data,
					.routed = lent || item & PP_HANDOFF_ROUTED,
					.lent = lent,
					.row = lent ? pp_handoff_row_of(item) : 0};
}

// Give back everything that burst() took: room and frames.
static inline void pp_handoff_release(struct pp_handoff *handoff)
{
	if (atomic_load_explicit(&handoff->head, memory_order_relaxed) == handoff->head_next)
		return;
	// release: units and packets were read before the producer may reuse them
	atomic_store_explicit(&handoff->head, handoff->head_next, memory_order_release);
}
