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
	handoff = aligned_alloc(PP_CACHE_LINE, pp_cache_lines(sizeof(*handoff) + bytes));
	if (handoff == NULL)
		return -ENOMEM;
	memset(handoff, 0, sizeof(*handoff));
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
		uint64_t unit = handoff->unit[handoff->back & handoff->mask];

		if (!(unit & PP_HANDOFF_NO_FRAME))
			break;
		handoff->back += (uint32_t)unit;
	}
}

static uint32_t room(const struct pp_handoff *handoff)
{
	return handoff->mask + 1 - (handoff->tail_next - handoff->back);
}

uint32_t pp_handoff_room(struct pp_handoff *handoff)
{
	reclaim_copies(handoff);
	return room(handoff);
}

static void skip_to_start(struct pp_handoff *handoff, uint32_t units)
{
	handoff->unit[handoff->tail_next & handoff->mask] =
		PP_HANDOFF_NO_FRAME | PP_HANDOFF_SKIP | units;
	handoff->tail_next += units;
}

// Units in a row; NULL: no room. The rest of the ring is skipped when they do not fit before
// its end. An item of more than half the ring may fit at the start only: an empty ring is wound
// on to there, and takes the next one.
static uint64_t *reserve(struct pp_handoff *handoff, uint32_t units)
{
	uint32_t to_end = handoff->mask + 1 - (handoff->tail_next & handoff->mask);
	uint32_t skip = units > to_end ? to_end : 0;

	if (room(handoff) < units + skip && pp_handoff_room(handoff) < units + skip) {
		if (handoff->tail_next == handoff->back && units <= handoff->mask + 1)
			skip_to_start(handoff, to_end);
		return NULL;
	}
	if (skip > 0)
		skip_to_start(handoff, skip);
	handoff->tail_next += units;
	return &handoff->unit[(handoff->tail_next - units) & handoff->mask];
}

static uint32_t copy_units(const struct pp_meta *meta)
{
	return 1 + (uint32_t)((sizeof(*meta) + meta->cap_bytes + sizeof(uint64_t) - 1) /
			      sizeof(uint64_t));
}

bool pp_handoff_push_copy(struct pp_handoff *handoff, const struct pp_meta *meta, bool routed)
{
	uint32_t units = copy_units(meta);
	uint64_t *unit = reserve(handoff, units);

	if (unit == NULL)
		return false;
	*unit = PP_HANDOFF_NO_FRAME | (routed ? PP_HANDOFF_ROUTED : 0) | units;
	memcpy(unit + 1, meta, sizeof(*meta) + meta->cap_bytes);
	return true;
}
