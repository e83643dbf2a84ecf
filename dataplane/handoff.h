// SPDX-License-Identifier: MIT OR Apache-2.0
// Between a worker and an analysis thread: packets of both kinds there, in order, and lent frames
// back.
//
// A single-producer, single-consumer ring of 8-byte units. A routed packet is one unit that points
// at its frame, which is lent until the consumer releases it. A copied packet - or a routed one,
// when too many frames are away - lies in the ring itself behind its unit, so the analyser's memory
// is its own and a slow analyser cannot starve receive.
//
// What a handoff costs is cache lines that travel between CPUs, so none does but those of the units
// and one index:
//
// There, units say themselves that they are there, as in Giacomoni et al., "FastForward" (PPoPP
// 2008): a unit that is not there yet is 0. Behind the last one there always is such a unit, so
// nothing has to be cleared by the consumer. Of a batch the first unit is written last.
//
// Back, an analyser is done with packets in the order in which it got them. So its index says it
// all: the worker finds the frames in the units that it wrote itself and mostly still has in its
// cache. Who wants to keep a packet copies it, as <push-packet/analyser.h> has it.
//
//     back ... head ... tail     back to head: released; head to tail: waits or is borrowed
//
// Threads    push_*, flush, take_back: the worker only. burst, release: the analyser only. create,
//            destroy: control thread, before both start and after both were joined.
// Cost       never blocks, allocates, locks, logs or makes a system call. What happens for every
//            packet is inline: a call costs as much as all the rest.
// Ownership  an item is borrowed from the ring between burst and release. Its frame, if it has
//            one, is the ring's from push until take_back gives it to the worker again.
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>

#include "cache_line.h"

// A unit is a frame: bit 47, its row above and below where its data is, in the 47 bits that a
// user-space address has. Or it is the head of something else, whose units (this one included) are
// in the lower half. Eight to a cache line: lines that travel between CPUs are what a handoff costs.
#define PP_HANDOFF_LINE_UNITS 8u
#define PP_HANDOFF_ROW_SHIFT 48
#define PP_HANDOFF_FRAME (1ull << 47)
#define PP_HANDOFF_SKIP (1ull << 48) // nothing up to the end of the ring; else a copy behind it
#define PP_HANDOFF_ROUTED (1ull << 49) // a copy of a routed packet

// Indexes count units since creation and wrap at 2^32. Each block is on lines of its own: on two,
// as some CPUs fetch lines in pairs. Nobody but the functions of this header and of handoff.c looks
// inside.
struct pp_handoff {
	uint32_t mask; // units - 1
	alignas(2 * PP_CACHE_LINE) uint32_t tail; // producer: private
	uint32_t back; // up to here there is room and the frames are the worker's again
	uint32_t head_seen;
	uint32_t lent; // frames between back and tail
	uint32_t held_at; // the unit that flush writes
	uint64_t held; // 0: nothing waits for flush
	alignas(2 * PP_CACHE_LINE) _Atomic uint32_t head; // consumer: rw, producer: ro
	alignas(2 * PP_CACHE_LINE) uint32_t head_next; // consumer: private, ahead of head
	alignas(2 * PP_CACHE_LINE) _Atomic uint64_t unit[]; // producer: rw, consumer: ro
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

static inline uint64_t pp_handoff_unit_at(const struct pp_handoff *handoff, uint32_t at)
{
	return atomic_load_explicit(&handoff->unit[at & handoff->mask], memory_order_relaxed);
}

// Units that lie in a row from an index on, at most so many.
static inline uint32_t
pp_handoff_in_a_row(const struct pp_handoff *handoff, uint32_t from, uint32_t most)
{
	uint32_t to_end = handoff->mask + 1 - (from & handoff->mask);

	return most < to_end ? most : to_end;
}

// The first line last, and its first unit at the very end: what lies behind a unit that is there
// must be there. Until then the line is the consumer's, who waits for it.
static inline void pp_handoff_write_frames(struct pp_handoff *handoff,
					   const uint8_t *const data[],
					   uint32_t n,
					   uint64_t frame)
{
	uint32_t tail = handoff->tail, mask = handoff->mask;
	uint32_t first = n < PP_HANDOFF_LINE_UNITS ? n : PP_HANDOFF_LINE_UNITS;

	for (uint32_t i = first, row; i < n; i += row) {
		_Atomic uint64_t *to = &handoff->unit[(tail + i) & mask];

		row = pp_handoff_in_a_row(handoff, tail + i, n - i);
		for (uint32_t j = 0; j < row; j++)
			atomic_store_explicit(&to[j], frame | (uint64_t)(uintptr_t)data[i + j],
					      memory_order_relaxed);
	}
	for (uint32_t i = first; i-- > 0;)
		// release: the packets, the other units and the end behind them are visible before
		atomic_store_explicit(&handoff->unit[(tail + i) & mask],
				      frame | (uint64_t)(uintptr_t)data[i], memory_order_release);
}

// Read units as long as they are frames. What lies behind the first that is none may not be looked
// at: it is being written.
//
// @return  How many.
static inline uint32_t
pp_handoff_read_frames(const _Atomic uint64_t from[], uint64_t to[], uint32_t max)
{
	uint32_t n = 0;

#pragma GCC unroll 8
	for (; n < max; n++) {
		// acquire: pairs with the releases in write_frames() and flush()
		uint64_t unit = atomic_load_explicit(&from[n], memory_order_acquire);

		if (!(unit & PP_HANDOFF_FRAME))
			break;
		to[n] = unit;
	}
	return n;
}

// How many frames push_frames() takes, of so many: no fewer until something else is pushed.
static inline uint32_t pp_handoff_fits(struct pp_handoff *handoff, uint32_t n)
{
	uint32_t room = handoff->mask - (handoff->tail - handoff->back);

	if (room < n) {
		room = pp_handoff_room(handoff);
		n = n < room ? n : room;
	}
	return n;
}

// Hand over routed packets in their frames. They are visible at once, but for those behind a copy
// that waits for flush.
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
	uint32_t tail = handoff->tail, mask = handoff->mask;

	n = pp_handoff_fits(handoff, n);
	if (n == 0)
		return 0;
	atomic_store_explicit(&handoff->unit[(tail + n) & mask], 0, memory_order_relaxed);
	pp_handoff_write_frames(handoff, data, n,
				(uint64_t)row << PP_HANDOFF_ROW_SHIFT | PP_HANDOFF_FRAME);
	handoff->tail = tail + n;
	handoff->lent += n;
	pp_prefetch_write(handoff->unit, (tail + n) & mask, mask, n);
	return n;
}

// Hand over a copy of meta and the meta->cap_bytes that follow it.
//
// @param routed  For the ledger.
// @return        false: no room. There may be after take_back.
bool pp_handoff_push_copy(struct pp_handoff *handoff, const struct pp_meta *meta, bool routed);

// Make the copies that were pushed, and what lies behind them, visible. Call once per batch.
static inline void pp_handoff_flush(struct pp_handoff *handoff)
{
	uint32_t mask = handoff->mask;

	if (handoff->held == 0)
		return;
	// release: all that was written behind this unit is visible before
	atomic_store_explicit(&handoff->unit[handoff->held_at & mask], handoff->held,
			      memory_order_release);
	handoff->held = 0;
	pp_prefetch_write(handoff->unit, handoff->tail & mask, mask,
			  handoff->tail - handoff->held_at);
}

static inline uint16_t pp_handoff_row_of(uint64_t unit)
{
	return (uint16_t)(unit >> PP_HANDOFF_ROW_SHIFT);
}

static inline const uint8_t *pp_handoff_data_of(uint64_t unit)
{
	return (const uint8_t *)(uintptr_t)(unit & (PP_HANDOFF_FRAME - 1));
}

// Take back units that are all frames. Nobody else writes units: they can be read as they are.
static inline uint32_t pp_handoff_take_row(struct pp_handoff *handoff, uint64_t unit[], uint32_t n)
{
	const uint64_t *all = (const uint64_t *)(const void *)handoff->unit;
	uint32_t row = pp_handoff_in_a_row(handoff, handoff->back, n);

	__builtin_memcpy(unit, &all[handoff->back & handoff->mask], row * sizeof(*unit));
	__builtin_memcpy(unit + row, all, (n - row) * sizeof(*unit));
	handoff->back += n;
	handoff->lent -= n;
	return n;
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
	if (handoff->lent == handoff->tail - back)
		return pp_handoff_take_row(handoff, unit, head - back < max ? head - back : max);
	while (n < max && back != head) {
		const _Atomic uint64_t *from = &handoff->unit[back & handoff->mask];
		uint32_t most = head - back < max - n ? head - back : max - n;
		uint32_t row = pp_handoff_in_a_row(handoff, back, most);
		uint32_t frames = pp_handoff_read_frames(from, &unit[n], row);

		n += frames;
		back += frames;
		if (frames < row)
			back += (uint32_t)pp_handoff_unit_at(handoff, back);
	}
	handoff->back = back;
	handoff->lent -= n;
	return n;
}

// Whether nothing waits. Consumer only.
static inline bool pp_handoff_empty(const struct pp_handoff *handoff)
{
	return pp_handoff_unit_at(handoff, handoff->head_next) == 0;
}

// What burst() says of a copy: as of a frame, where its data is.
//
// @return  Items stored, 0 or 1, of what begins with a unit that is no frame.
static inline uint32_t
pp_handoff_read_copy(const struct pp_handoff *handoff, uint32_t at, uint64_t unit, uint64_t *item)
{
	const uint8_t *meta = (const uint8_t *)&handoff->unit[(at & handoff->mask) + 1];

	if (unit & PP_HANDOFF_SKIP)
		return 0;
	*item = (unit & PP_HANDOFF_ROUTED) | ((uint64_t)(uintptr_t)meta + sizeof(struct pp_meta));
	return 1;
}

// Take packets, oldest first.
//
// @param item  Set to what names them: see pp_handoff_item_of(), pp_handoff_data_of().
// @return      Packets stored, 0 to max.
static inline uint32_t pp_handoff_burst(struct pp_handoff *handoff, uint64_t item[], uint32_t max)
{
	uint32_t n = 0, head = handoff->head_next, mask = handoff->mask;

	if (pp_handoff_empty(handoff))
		return 0;
	// Where one is there are more. Their lines come together, not one after the other.
	pp_prefetch_read(handoff->unit, head & mask, mask, max);
	while (n < max) {
		uint32_t row = pp_handoff_in_a_row(handoff, head, max - n);
		uint32_t frames =
			pp_handoff_read_frames(&handoff->unit[head & mask], &item[n], row);
		uint64_t unit;

		n += frames;
		head += frames;
		if (frames == row)
			continue;
		// acquire: as in read_frames()
		unit = atomic_load_explicit(&handoff->unit[head & mask], memory_order_acquire);
		if (unit == 0)
			break;
		if (unit & PP_HANDOFF_FRAME)
			continue; // it was not there before
		n += pp_handoff_read_copy(handoff, head, unit, &item[n]);
		head += (uint32_t)unit;
	}
	handoff->head_next = head;
	return n;
}

static inline struct pp_handoff_item pp_handoff_item_of(uint64_t item)
{
	const uint8_t *data = pp_handoff_data_of(item);
	bool lent = item & PP_HANDOFF_FRAME;

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
