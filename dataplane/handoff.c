// SPDX-License-Identifier: MIT OR Apache-2.0
#include "handoff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HANDOFF_BYTES_MIN 4096u
#define HANDOFF_BYTES_MAX (1u << 30)

_Static_assert(sizeof(struct pp_meta) % sizeof(uint64_t) == 0, "packets stay aligned");

int pp_handoff_create(struct pp_handoff **out, uint32_t bytes)
{
	struct pp_handoff *handoff;

	if (bytes < HANDOFF_BYTES_MIN || bytes > HANDOFF_BYTES_MAX || (bytes & (bytes - 1)) != 0)
		return -EINVAL;
	handoff = aligned_alloc(alignof(struct pp_handoff), sizeof(*handoff) + bytes);
	if (handoff == NULL)
		return -ENOMEM;
	// All of it, so that no worker waits for a page.
	memset(handoff, 0, sizeof(*handoff) + bytes);
	handoff->mask = bytes / sizeof(uint64_t) - 1;
	*out = handoff;
	return 0;
}

void pp_handoff_destroy(struct pp_handoff *handoff)
{
	free(handoff);
}

// Move over what the consumer released and is no frame: frames wait for take_back().
static void reclaim_copies(struct pp_handoff *handoff)
{
	// acquire: the consumer is done with the units it released
	handoff->head_seen = atomic_load_explicit(&handoff->head, memory_order_acquire);
	if (handoff->lent == 0)
		handoff->back = handoff->head_seen;
	while (handoff->back != handoff->head_seen) {
		uint64_t unit = pp_handoff_unit_at(handoff, (uint32_t)handoff->back);

		if (unit & (PP_HANDOFF_FRAME | PP_HANDOFF_RUN))
			break;
		handoff->back = (uint32_t)handoff->back + (uint32_t)unit;
	}
}

// One unit is always left: the end.
static uint32_t room(const struct pp_handoff *handoff)
{
	return handoff->mask - (handoff->tail - (uint32_t)handoff->back);
}

uint32_t pp_handoff_room(struct pp_handoff *handoff)
{
	reclaim_copies(handoff);
	return room(handoff);
}

// Write a unit that is no frame and what it begins, which are the last ones. Where nothing waits
// for flush() it does: all behind it is hidden then.
static void put(struct pp_handoff *handoff, uint64_t unit)
{
	uint32_t at = handoff->tail, next = at + (uint32_t)unit;

	pp_handoff_set_unit(handoff, next, 0);
	handoff->tail = next;
	if (handoff->held != 0) {
		pp_handoff_set_unit(handoff, at, unit);
		return;
	}
	handoff->held = unit;
	handoff->held_at = at;
}

static void skip_to_start(struct pp_handoff *handoff, uint32_t units)
{
	put(handoff, PP_HANDOFF_SKIP | units);
}

// Get units in a row at the tail. The rest of the ring is skipped when they do not fit before its
// end. An item of more than half the ring may fit at the start only: an empty ring is wound on to
// there, and takes the next one.
static bool reserve(struct pp_handoff *handoff, uint32_t units)
{
	uint32_t to_end = handoff->mask + 1 - (handoff->tail & handoff->mask);
	uint32_t skip = units > to_end ? to_end : 0;

	if (room(handoff) < units + skip && pp_handoff_room(handoff) < units + skip) {
		if (handoff->tail == (uint32_t)handoff->back && units <= handoff->mask)
			skip_to_start(handoff, to_end);
		return false;
	}
	if (skip > 0)
		skip_to_start(handoff, skip);
	return true;
}

static uint32_t copy_units(const struct pp_meta *meta)
{
	return 1 + (uint32_t)((sizeof(*meta) + meta->cap_bytes + sizeof(uint64_t) - 1) /
			      sizeof(uint64_t));
}

bool pp_handoff_push_copy(struct pp_handoff *handoff, const struct pp_meta *meta, bool routed)
{
	uint32_t units = copy_units(meta);
	uint8_t *to;

	if (!reserve(handoff, units))
		return false;
	to = (uint8_t *)&handoff->unit[(handoff->tail & handoff->mask) + 1];
	memcpy(to, meta, sizeof(*meta) + meta->cap_bytes);
	put(handoff, (routed ? PP_HANDOFF_ROUTED : 0) | units);
	return true;
}
