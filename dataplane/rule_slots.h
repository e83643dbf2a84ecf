// SPDX-License-Identifier: MIT OR Apache-2.0
// Which slots are free, in pages that copies of a rule set share.
//
// A slot is free, used, or leaving: its rule is gone, counts of it may still be on their way.
//
// Threads    one, for all that share pages.
// Cost       copy: one reference a page. Everything else: a look at the directory and at one page.
// Ownership  holds references to its pages.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>

#define PP_SLOT_PAGE 4096u // slots
#define PP_SLOT_PAGES (PP_SLOTS_MAX / PP_SLOT_PAGE)

struct pp_slot_page {
	uint32_t refs;
	uint64_t used[PP_SLOT_PAGE / 64]; // or leaving
	uint64_t leaving[PP_SLOT_PAGE / 64];
};

struct pp_rule_slots {
	struct pp_slot_page *page[PP_SLOT_PAGES]; // NULL: all are free
	uint16_t used[PP_SLOT_PAGES]; // or leaving
	uint16_t leaving[PP_SLOT_PAGES];
	// What leaves is free, though the page, which others may have, still says it leaves.
	bool settled[PP_SLOT_PAGES];
};

// Share the pages with a copy, which is caller's storage.
void pp_rule_slots_copy(struct pp_rule_slots *to, const struct pp_rule_slots *from);
void pp_rule_slots_fini(struct pp_rule_slots *slots);

// What leaves is free from now on.
void pp_rule_slots_settle(struct pp_rule_slots *slots);

// The smallest free slot, but for the default action's.
//
// @return  0: there is none.
uint32_t pp_rule_slots_first_free(const struct pp_rule_slots *slots);

// One more than the greatest slot that is not free.
uint32_t pp_rule_slots_end(const struct pp_rule_slots *slots);

// Make the page of a slot this set's own, so that what follows cannot fail.
//
// @return  0; -ENOMEM.
int pp_rule_slots_own(struct pp_rule_slots *slots, uint32_t slot);
void pp_rule_slots_take(struct pp_rule_slots *slots, uint32_t slot);
// @param leaves  Else it is free at once.
void pp_rule_slots_give(struct pp_rule_slots *slots, uint32_t slot, bool leaves);
