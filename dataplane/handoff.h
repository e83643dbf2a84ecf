// SPDX-License-Identifier: MIT OR Apache-2.0
// Between a worker and an analysis thread: packets of both kinds there, in order, and lent frames
// back.
//
// A single-producer, single-consumer ring of 8-byte units. Routed packets are runs that point at
// their frames, which are lent until the consumer releases them. A copied packet - or a routed one,
// when too many frames are away - lies in the ring itself behind its unit, so the analyser's memory
// is its own and a slow analyser cannot starve receive.
//
// What a handoff costs is cache lines that travel between CPUs, and passes over the batch:
//
// There, units say themselves that they are there, as in Giacomoni et al., "FastForward" (PPoPP
// 2008): a unit that is not there yet is 0. Behind the last one there always is such a unit, so
// nothing has to be cleared by the consumer. Of a batch the first unit is written last. So no line
// travels but those of the units. What all frames of a batch have in common is said once, what is
// left of an address is 4 bytes: handoff_run.h. Both sides get addresses as they are, ready to use.
//
// Back, an analyser is done with packets in the order in which it got them. So its place says it
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
#include "handoff_run.h"

// A unit is a frame: bit 47, its row above and below where its data is, in the 47 bits that a
// user-space address has. Or it is the head of something else, whose units (this one included) are
// in the lower half: of a run of frames of one row, whose first one is in the unit behind it and of
// all of which the distances follow, or of a copy.
#define PP_HANDOFF_ROW_SHIFT 48
#define PP_HANDOFF_FRAME (1ull << 47)
#define PP_HANDOFF_SKIP (1ull << 48) // nothing up to the end of the ring
#define PP_HANDOFF_ROUTED (1ull << 49) // a copy of a routed packet
#define PP_HANDOFF_RUN (1ull << 50)
#define PP_HANDOFF_COUNT_SHIFT 51 // of a run: its frames
#define PP_HANDOFF_RUN_MIN 4u // with fewer there are more units in it than frames
#define PP_HANDOFF_RUN_MAX 4096u

// Of an item that is a copy; addresses of frames are as they are.
#define PP_HANDOFF_ITEM_COPY (1ull << 63)
#define PP_HANDOFF_ITEM_ROUTED (1ull << 62)

// Indexes count units since creation and wrap at 2^32. A place is an index, and in its upper half
// how many frames of the run that begins there are done with. Each block is on lines of its own: on
// two, as some CPUs fetch lines in pairs. Nobody but the functions of this header and of handoff.c
// looks inside.
struct pp_handoff {
	uint32_t mask; // units - 1
	alignas(2 * PP_CACHE_LINE) uint32_t tail; // producer: private
	uint32_t lent; // frames between back and tail
	uint64_t back; // place up to which there is room and the frames are the worker's again
	uint64_t head_seen;
	uint32_t held_at; // the unit that flush writes
	uint64_t held; // 0: nothing waits for flush
	alignas(2 * PP_CACHE_LINE) _Atomic uint64_t head; // place; consumer: rw, producer: ro
	alignas(2 * PP_CACHE_LINE) uint64_t head_next; // consumer: private, ahead of head
	alignas(2 * PP_CACHE_LINE) _Atomic uint64_t unit[]; // producer: rw, consumer: ro
};

struct pp_handoff_item {
	const struct pp_meta *meta; // always there
	const uint8_t *data; // meta->cap_bytes of packet
	bool routed; // else copied
	bool lent; // data is in a frame
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

static inline void pp_handoff_set_unit(struct pp_handoff *handoff, uint32_t at, uint64_t unit)
{
	atomic_store_explicit(&handoff->unit[at & handoff->mask], unit, memory_order_relaxed);
}

static inline const uint8_t *pp_handoff_data_of(uint64_t unit)
{
	return (const uint8_t *)(uintptr_t)(unit & (PP_HANDOFF_FRAME - 1));
}

static inline uint32_t pp_handoff_count_of(uint64_t run)
{
	return (uint32_t)(run >> PP_HANDOFF_COUNT_SHIFT);
}

// Frames of a run, from one on.
//
// @return  How many: all that are left, at most max.
static inline uint32_t pp_handoff_read_run(const struct pp_handoff *handoff,
					   uint64_t place,
					   uint64_t run,
					   const uint8_t *data[],
					   uint32_t max)
{
	const _Atomic uint64_t *unit = &handoff->unit[(uint32_t)place & handoff->mask];
	uint32_t from = (uint32_t)(place >> 32), left = pp_handoff_count_of(run) - from;
	uint64_t first = atomic_load_explicit(&unit[1], memory_order_relaxed);
	const uint8_t *distance = (const uint8_t *)&unit[2];

	left = left < max ? left : max;
	pp_handoff_unpack(distance + 4 * (uint64_t)from, data, left,
			  (uint64_t)(uintptr_t)pp_handoff_data_of(first));
	return left;
}

// The place when n more frames of the run there are done with.
static inline uint64_t pp_handoff_next_place(uint64_t place, uint64_t run, uint32_t n)
{
	uint64_t done = (place >> 32) + n;

	return done < pp_handoff_count_of(run) ? place + ((uint64_t)n << 32)
					       : (uint32_t)place + (uint32_t)run;
}

// Write a batch, but for its first unit.
//
// @param to    As many units in a row.
// @param unit  Set to the first.
// @return      Units; 0: frames are too far from each other.
static inline uint32_t pp_handoff_write_run(_Atomic uint64_t *to,
					    const uint8_t *const data[],
					    uint32_t n,
					    uint64_t frame,
					    uint64_t *unit)
{
	uint64_t first = (uint64_t)(uintptr_t)data[0];
	uint32_t units = 2 + (n + 1) / 2;

	if (!pp_handoff_pack((uint8_t *)&to[2], data, n, first))
		return 0;
	atomic_store_explicit(&to[1], frame | first, memory_order_relaxed);
	*unit = (uint64_t)n << PP_HANDOFF_COUNT_SHIFT | PP_HANDOFF_RUN | units;
	return units;
}

// The same, as a run if it can be one: never more units than frames.
static inline uint32_t pp_handoff_write_frames(struct pp_handoff *handoff,
					       const uint8_t *const data[],
					       uint32_t n,
					       uint64_t frame,
					       uint64_t *unit)
{
	uint32_t at = handoff->tail & handoff->mask, units = 0;

	// Once a round of the ring a batch is no run, as its units would not be in a row.
	if (n >= PP_HANDOFF_RUN_MIN && n <= PP_HANDOFF_RUN_MAX && handoff->mask + 1 - at >= n)
		units = pp_handoff_write_run(&handoff->unit[at], data, n, frame, unit);
	if (units > 0)
		return units;
	for (uint32_t i = 1; i < n; i++)
		pp_handoff_set_unit(handoff, at + i, frame | (uint64_t)(uintptr_t)data[i]);
	*unit = frame | (uint64_t)(uintptr_t)data[0];
	return n;
}

// How many frames push_frames() takes, of so many: no fewer until something else is pushed. As if each took
// a unit: in a ring that is nearly full a run could be longer.
static inline uint32_t pp_handoff_fits(struct pp_handoff *handoff, uint32_t n)
{
	uint32_t room = handoff->mask - (handoff->tail - (uint32_t)handoff->back);

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
	uint64_t frame = (uint64_t)row << PP_HANDOFF_ROW_SHIFT | PP_HANDOFF_FRAME, unit;
	uint32_t tail = handoff->tail, mask = handoff->mask, units;

	n = pp_handoff_fits(handoff, n);
	if (n == 0)
		return 0;
	units = pp_handoff_write_frames(handoff, data, n, frame, &unit);
	pp_handoff_set_unit(handoff, tail + units, 0);
	// release: the packets, the other units and the end behind them are visible before
	atomic_store_explicit(&handoff->unit[tail & mask], unit, memory_order_release);
	handoff->tail = tail + units;
	handoff->lent += n;
	pp_prefetch_write(handoff->unit, (tail + units) & mask, mask, units);
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

// Frames that were released, up to the first of another row, of what begins with a unit.
//
// @param row  That they must have, if n of them were found before; else it is set.
static inline uint32_t pp_handoff_take_frames(
	struct pp_handoff *handoff, const uint8_t *data[], uint32_t n, uint32_t max, uint16_t *row)
{
	uint64_t back = handoff->back, seen = handoff->head_seen;
	uint64_t unit = pp_handoff_unit_at(handoff, (uint32_t)back);
	bool run = !(unit & PP_HANDOFF_FRAME);
	uint64_t first = run ? pp_handoff_unit_at(handoff, (uint32_t)back + 1) : unit;

	if (n > 0 && *row != (uint16_t)(first >> PP_HANDOFF_ROW_SHIFT))
		return 0;
	*row = (uint16_t)(first >> PP_HANDOFF_ROW_SHIFT);
	if (!run) {
		data[n] = pp_handoff_data_of(unit);
		handoff->back = (uint32_t)back + 1u;
		return 1;
	}
	max -= n;
	// The consumer may be in the middle of the run.
	if ((uint32_t)seen == (uint32_t)back && (seen - back) >> 32 < max)
		max = (uint32_t)((seen - back) >> 32);
	max = pp_handoff_read_run(handoff, back, unit, &data[n], max);
	handoff->back = pp_handoff_next_place(back, unit, max);
	return max;
}

// Take frames of one row back that the consumer released, and with them the room of whatever lay
// between.
//
// @param data  Set to where their packets are, as in push_frames().
// @param row   Set to theirs, if there are any.
// @return      Frames, oldest first, 0 to max. See pp_handoff_has_more().
static inline uint32_t
pp_handoff_take_back(struct pp_handoff *handoff, const uint8_t *data[], uint32_t max, uint16_t *row)
{
	uint32_t n = 0;

	if (handoff->lent == 0)
		return 0;
	// The consumer's line is left alone while it is known that there is more.
	if (handoff->back == handoff->head_seen)
		// acquire: the consumer is done with the units it released
		handoff->head_seen = atomic_load_explicit(&handoff->head, memory_order_acquire);
	while (n < max && handoff->back != handoff->head_seen) {
		uint64_t unit = pp_handoff_unit_at(handoff, (uint32_t)handoff->back);
		uint32_t frames;

		if (!(unit & (PP_HANDOFF_FRAME | PP_HANDOFF_RUN))) {
			handoff->back = (uint32_t)handoff->back + (uint32_t)unit;
			continue;
		}
		frames = pp_handoff_take_frames(handoff, data, n, max, row);
		if (frames == 0)
			break;
		n += frames;
	}
	handoff->lent -= n;
	return n;
}

// Whether it is known, without another look, that take_back() has frames left.
static inline bool pp_handoff_has_more(const struct pp_handoff *handoff)
{
	return handoff->lent > 0 && handoff->back != handoff->head_seen;
}

// Whether nothing waits. Consumer only.
static inline bool pp_handoff_empty(const struct pp_handoff *handoff)
{
	return pp_handoff_unit_at(handoff, (uint32_t)handoff->head_next) == 0;
}

// What burst() says of a copy: where its data is, as of a frame, and that it is none.
//
// @return  Items stored, 0 or 1.
static inline uint32_t pp_handoff_read_copy(const struct pp_handoff *handoff,
					    uint32_t at,
					    uint64_t unit,
					    const uint8_t **item)
{
	const uint8_t *meta = (const uint8_t *)&handoff->unit[(at & handoff->mask) + 1];
	uint64_t kind = PP_HANDOFF_ITEM_COPY;

	if (unit & PP_HANDOFF_SKIP)
		return 0;
	if (unit & PP_HANDOFF_ROUTED)
		kind |= PP_HANDOFF_ITEM_ROUTED;
	*item = (const uint8_t *)(kind | ((uintptr_t)meta + sizeof(struct pp_meta)));
	return 1;
}

// What begins with a unit that is there, as much as fits.
//
// @return  Items.
static inline uint32_t
pp_handoff_read(struct pp_handoff *handoff, uint64_t unit, const uint8_t *item[], uint32_t max)
{
	uint64_t head = handoff->head_next;
	uint32_t n = 1;

	if (unit & PP_HANDOFF_FRAME) {
		item[0] = pp_handoff_data_of(unit);
		handoff->head_next = (uint32_t)head + 1u;
	} else if (unit & PP_HANDOFF_RUN) {
		pp_prefetch_read(&handoff->unit[(uint32_t)head & handoff->mask],
				 (uint32_t)unit * sizeof(unit));
		n = pp_handoff_read_run(handoff, head, unit, item, max);
		handoff->head_next = pp_handoff_next_place(head, unit, n);
	} else {
		n = pp_handoff_read_copy(handoff, (uint32_t)head, unit, item);
		handoff->head_next = (uint32_t)head + (uint32_t)unit;
	}
	return n;
}

// Take packets, oldest first.
//
// @param item  Set to what names them: see pp_handoff_item_of(). Of a lent packet it is where its
//              data is.
// @return      Packets stored, 0 to max.
static inline uint32_t
pp_handoff_burst(struct pp_handoff *handoff, const uint8_t *item[], uint32_t max)
{
	uint32_t n = 0;

	while (n < max) {
		uint32_t at = (uint32_t)handoff->head_next & handoff->mask;
		// acquire: pairs with the releases in push_frames() and flush()
		uint64_t unit = atomic_load_explicit(&handoff->unit[at], memory_order_acquire);

		if (unit == 0)
			break;
		n += pp_handoff_read(handoff, unit, &item[n], max - n);
	}
	// The worker has looked at it: the line comes back meanwhile, for release().
	if (n > 0)
		pp_prefetch_own(&handoff->head);
	return n;
}

static inline struct pp_handoff_item pp_handoff_item_of(const uint8_t *item)
{
	uint64_t kind = (uint64_t)(uintptr_t)item;
	const uint8_t *data = pp_handoff_data_of(kind);

	return (struct pp_handoff_item){.meta = (const struct pp_meta *)(const void *)data - 1,
					.data = data,
					.routed = (kind >> 62) != PP_HANDOFF_ITEM_COPY >> 62,
					.lent = !(kind & PP_HANDOFF_ITEM_COPY)};
}

// Give back everything that burst() took: room and frames.
static inline void pp_handoff_release(struct pp_handoff *handoff)
{
	if (atomic_load_explicit(&handoff->head, memory_order_relaxed) == handoff->head_next)
		return;
	// release: units and packets were read before the producer may reuse them
	atomic_store_explicit(&handoff->head, handoff->head_next, memory_order_release);
}
