// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <errno.h>
#include <stdio.h>

#define NAMED 3u

// Whether a rule stands where the refused one would: its addresses, protocol and interface are the
// same or less specific, and the refused one's lie within.
static bool is_rival(const struct pp_tuple_box *rival, const struct pp_tuple_box *box, int ip6)
{
	struct pp_tuple_mask mask = pp_tuple_box_mask(rival), own = pp_tuple_box_mask(box);
	uint64_t addr[4], word, differs = 0;

	if (mask.src > own.src || mask.dst > own.dst)
		return false;
	pp_tuple_mask_write(&mask, ip6, addr, &word);
	for (int i = 0; i < 4; i++)
		differs |= (rival->addr[i] ^ box->addr[i]) & addr[i];
	return differs == 0 && ((rival->value ^ box->value) & rival->mask & box->mask) == 0 &&
	       rival->sport_lo <= box->sport_hi && rival->sport_hi >= box->sport_lo &&
	       rival->dport_lo <= box->dport_hi && rival->dport_hi >= box->dport_lo;
}

int pp_tuple_refuse(const struct pp_tuple_box *box,
		    uint32_t count,
		    uint32_t refused,
		    int ip6,
		    struct pp_error *err)
{
	char names[64] = "", *end = names;
	uint32_t named = 0, more = 0;

	for (uint32_t i = 0; i < refused && i < count; i++) {
		if (!is_rival(&box[i], &box[refused], ip6))
			continue;
		if (named == NAMED) {
			more++;
			continue;
		}
		end += sprintf(end, "%s%u", named == 0 ? "" : ", ", box[i].rule_id);
		named++;
	}
	if (more > 0)
		sprintf(end, " and %u more", more);
	return pp_error_set(err, -E2BIG, 0, 0,
			    "engine tuple: rule %u overlaps rules %s in addresses, ports, protocol "
			    "and interface, and no bound on the steps of a lookup can be kept",
			    box[refused].rule_id, names);
}
