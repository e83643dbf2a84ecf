// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS (PP_SLOT_PAGE / 64)

_Static_assert(PP_SLOTS_MAX % PP_SLOT_PAGE == 0, "whole pages");
_Static_assert(PP_SLOT_DEFAULT == 0, "the first bit of the first page");

void pp_rule_slots_copy(struct pp_rule_slots *to, const struct pp_rule_slots *from)
{
	*to = *from;
	for (uint32_t i = 0; i < PP_SLOT_PAGES; i++)
		if (to->page[i] != NULL)
			to->page[i]->refs++;
}

static void page_unref(struct pp_slot_page *page)
{
	if (page != NULL && --page->refs == 0)
		free(page);
}

void pp_rule_slots_fini(struct pp_rule_slots *slots)
{
	for (uint32_t i = 0; i < PP_SLOT_PAGES; i++)
		page_unref(slots->page[i]);
	*slots = (struct pp_rule_slots){0};
}

void pp_rule_slots_settle(struct pp_rule_slots *slots)
{
	for (uint32_t i = 0; i < PP_SLOT_PAGES; i++) {
		if (slots->leaving[i] == 0)
			continue;
		slots->used[i] = (uint16_t)(slots->used[i] - slots->leaving[i]);
		slots->leaving[i] = 0;
		slots->settled[i] = true;
	}
}

static uint64_t used_word(const struct pp_rule_slots *slots, uint32_t page, uint32_t word)
{
	const struct pp_slot_page *p = slots->page[page];
	uint64_t used = 0;

	if (p != NULL)
		used = slots->settled[page] ? p->used[word] & ~p->leaving[word] : p->used[word];
	return page == 0 && word == 0 ? used | 1 : used;
}

uint32_t pp_rule_slots_first_free(const struct pp_rule_slots *slots)
{
	for (uint32_t page = 0; page < PP_SLOT_PAGES; page++) {
		if (slots->used[page] == PP_SLOT_PAGE)
			continue;
		for (uint32_t word = 0; word < WORDS; word++) {
			uint64_t used = used_word(slots, page, word);

			if (used != UINT64_MAX)
				return page * PP_SLOT_PAGE + word * 64 +
				       (uint32_t)__builtin_ctzll(~used);
		}
	}
	return 0;
}

uint32_t pp_rule_slots_end(const struct pp_rule_slots *slots)
{
	for (uint32_t page = PP_SLOT_PAGES; page-- > 0;) {
		if (slots->used[page] == 0)
			continue;
		for (uint32_t word = WORDS; word-- > 0;) {
			uint64_t used = used_word(slots, page, word);

			if (used != 0)
				return page * PP_SLOT_PAGE + word * 64 + 64 -
				       (uint32_t)__builtin_clzll(used);
		}
	}
	return PP_SLOT_DEFAULT + 1;
}

static void clear_leaving(struct pp_slot_page *page)
{
	for (uint32_t word = 0; word < WORDS; word++)
		page->used[word] &= ~page->leaving[word];
	memset(page->leaving, 0, sizeof(page->leaving));
}

int pp_rule_slots_own(struct pp_rule_slots *slots, uint32_t slot)
{
	uint32_t at = slot / PP_SLOT_PAGE;
	struct pp_slot_page *shared = slots->page[at], *page = shared;

	if (shared == NULL || shared->refs > 1) {
		page = malloc(sizeof(*page));
		if (page == NULL)
			return -ENOMEM;
		*page = shared != NULL ? *shared : (struct pp_slot_page){0};
		page->refs = 1;
		page_unref(shared);
		slots->page[at] = page;
	}
	if (slots->settled[at])
		clear_leaving(page);
	slots->settled[at] = false;
	return 0;
}

void pp_rule_slots_take(struct pp_rule_slots *slots, uint32_t slot)
{
	uint32_t page = slot / PP_SLOT_PAGE, bit = slot % PP_SLOT_PAGE;

	slots->page[page]->used[bit / 64] |= 1ull << bit % 64;
	slots->used[page]++;
}

void pp_rule_slots_give(struct pp_rule_slots *slots, uint32_t slot, bool leaves)
{
	uint32_t page = slot / PP_SLOT_PAGE, bit = slot % PP_SLOT_PAGE;

	if (leaves) {
		slots->page[page]->leaving[bit / 64] |= 1ull << bit % 64;
		slots->leaving[page]++;
	} else {
		slots->page[page]->used[bit / 64] &= ~(1ull << bit % 64);
		slots->used[page]--;
	}
}
