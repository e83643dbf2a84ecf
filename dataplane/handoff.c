// SPDX-License-Identifier: MIT OR Apache-2.0
#include "handoff.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cache_line.h"

#define HANDOFF_BYTES_MIN 4096u
#define HANDOFF_BYTES_MAX (1u << 30)

enum unit_kind {
	UNIT_FRAME, // a lent frame
	UNIT_COPY, // units that follow hold meta and packet
	UNIT_SKIP, // nothing up to the end of the ring
};

struct unit {
	const uint8_t *data; // FRAME
	uint32_t units; // of the whole item, this one included
	uint16_t kind;
	uint16_t tag; // FRAME: row of the port; COPY: 1: a routed packet
};
_Static_assert(sizeof(struct unit) == 16, "four to a cache line");
_Static_assert(sizeof(struct pp_meta) % sizeof(struct unit) == 0, "packets stay aligned");

// head and tail count units since creation and wrap at 2^32. Each block is on lines of its own.
struct pp_handoff {
	uint32_t mask; // units - 1
	alignas(PP_CACHE_LINE) _Atomic uint32_t tail; // producer: rw, consumer: ro
	alignas(PP_CACHE_LINE) uint32_t tail_next; // producer: private, ahead of tail
	uint32_t head_seen;
	alignas(PP_CACHE_LINE) _Atomic uint32_t head; // consumer: rw, producer: ro
	alignas(PP_CACHE_LINE) uint32_t head_next; // consumer: private, ahead of head
	uint32_t tail_seen;
	alignas(PP_CACHE_LINE) struct unit unit[];
};

int pp_handoff_create(struct pp_handoff **out, uint32_t bytes)
{
	struct pp_handoff *handoff;

	if (bytes < HANDOFF_BYTES_MIN || bytes > HANDOFF_BYTES_MAX || (bytes & (bytes - 1)) != 0)
		return -EINVAL;
	handoff = aligned_alloc(PP_CACHE_LINE, pp_cache_lines(sizeof(*handoff) + bytes));
	if (handoff == NULL)
		return -ENOMEM;
	memset(handoff, 0, sizeof(*handoff));
	handoff->mask = bytes / sizeof(struct unit) - 1;
	*out = handoff;
	return 0;
}

void pp_handoff_destroy(struct pp_handoff *handoff)
{
	free(handoff);
}

static uint32_t room(struct pp_handoff *handoff, uint32_t want)
{
	uint32_t room = handoff->mask + 1 - (handoff->tail_next - handoff->head_seen);

	if (room >= want)
		return room;
	// acquire: the consumer is done with the units it gave back
	handoff->head_seen = atomic_load_explicit(&handoff->head, memory_order_acquire);
	return handoff->mask + 1 - (handoff->tail_next - handoff->head_seen);
}

static void skip_to_start(struct pp_handoff *handoff, uint32_t units)
{
	handoff->unit[handoff->tail_next & handoff->mask] =
		(struct unit){.units = units, .kind = UNIT_SKIP};
	handoff->tail_next += units;
}

// Units in a row; NULL: no room. The rest of the ring is skipped when they do not fit before
// its end. An item of more than half the ring may fit at the start only: an empty ring is wound
// on to there, and takes the next one.
static struct unit *reserve(struct pp_handoff *handoff, uint32_t units)
{
	uint32_t to_end = handoff->mask + 1 - (handoff->tail_next & handoff->mask);
	uint32_t skip = units > to_end ? to_end : 0;

	if (room(handoff, units + skip) < units + skip) {
		if (handoff->tail_next == handoff->head_seen && units <= handoff->mask + 1)
			skip_to_start(handoff, to_end);
		return NULL;
	}
	if (skip > 0)
		skip_to_start(handoff, skip);
	handoff->tail_next += units;
	return &handoff->unit[(handoff->tail_next - units) & handoff->mask];
}

bool pp_handoff_push_frame(struct pp_handoff *handoff, const uint8_t *data, uint16_t row)
{
	struct unit *unit = reserve(handoff, 1);

	if (unit == NULL)
		return false;
	*unit = (struct unit){.data = data, .units = 1, .kind = UNIT_FRAME, .tag = row};
	return true;
}

static uint32_t copy_units(const struct pp_meta *meta)
{
	return 1 + (uint32_t)((sizeof(*meta) + meta->cap_bytes + sizeof(struct unit) - 1) /
			      sizeof(struct unit));
}

bool pp_handoff_push_copy(struct pp_handoff *handoff, const struct pp_meta *meta, bool routed)
{
	uint32_t units = copy_units(meta);
	struct unit *unit = reserve(handoff, units);

	if (unit == NULL)
		return false;
	*unit = (struct unit){.units = units, .kind = UNIT_COPY, .tag = routed};
	memcpy(unit + 1, meta, sizeof(*meta) + meta->cap_bytes);
	return true;
}

void pp_handoff_flush(struct pp_handoff *handoff)
{
	if (atomic_load_explicit(&handoff->tail, memory_order_relaxed) == handoff->tail_next)
		return;
	// release: the units are visible before the new tail
	atomic_store_explicit(&handoff->tail, handoff->tail_next, memory_order_release);
}

static void read_unit(const struct unit *unit, struct pp_handoff_item *item)
{
	if (unit->kind == UNIT_FRAME) {
		item->data = unit->data;
		item->meta = (const struct pp_meta *)item->data - 1;
		item->routed = true;
		item->lent = true;
		item->row = unit->tag;
		return;
	}
	item->meta = (const struct pp_meta *)(unit + 1);
	item->data = (const uint8_t *)(item->meta + 1);
	item->routed = unit->tag;
	item->lent = false;
	item->row = 0;
}

bool pp_handoff_empty(struct pp_handoff *handoff)
{
	if (handoff->head_next == handoff->tail_seen)
		// acquire: pairs with the release in pp_handoff_flush()
		handoff->tail_seen = atomic_load_explicit(&handoff->tail, memory_order_acquire);
	return handoff->head_next == handoff->tail_seen;
}

uint32_t pp_handoff_burst(struct pp_handoff *handoff, struct pp_handoff_item item[], uint32_t max)
{
	uint32_t n = 0;

	if (pp_handoff_empty(handoff))
		return 0;
	while (n < max && handoff->head_next != handoff->tail_seen) {
		const struct unit *unit = &handoff->unit[handoff->head_next & handoff->mask];

		if (unit->kind != UNIT_SKIP)
			read_unit(unit, &item[n++]);
		handoff->head_next += unit->units;
	}
	return n;
}

void pp_handoff_release(struct pp_handoff *handoff)
{
	if (atomic_load_explicit(&handoff->head, memory_order_relaxed) == handoff->head_next)
		return;
	// release: the units above were read before the producer may reuse them
	atomic_store_explicit(&handoff->head, handoff->head_next, memory_order_release);
}
