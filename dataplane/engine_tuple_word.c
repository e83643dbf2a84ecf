// SPDX-License-Identifier: MIT OR Apache-2.0
// Words are found by an open hash table of indices. One that no cell has any more stays, and is taken
// again for the same: only compile() forgets. When they
// run out between two compilations, that counts as what deletions leave behind.
#include "engine_tuple.h"

#include <string.h>

#define EVERYTHING 1u

static uint32_t *slot_of(const struct pp_tuple_family *family, uint64_t word)
{
	uint32_t slots = 2 * (pp_tuple_part(family)->word_mask + 1);
	uint64_t hash = (word ^ word >> 32) * 0x9e3779b97f4a7c15u;
	uint32_t at = (uint32_t)(hash >> 32) & (slots - 1);

	while (family->word_index[at] != 0 &&
	       pp_tuple_words(family)[family->word_index[at] - 1] != word)
		at = (at + 1) & (slots - 1);
	return &family->word_index[at];
}

static void add_word(struct pp_tuple_family *family, uint64_t word)
{
	uint32_t *slot = slot_of(family, word);
	__u64 *at = &pp_tuple_words(family)[family->word_end];

	*at = word;
	*slot = ++family->word_end;
	pp_tuple_touched(family->state, at, sizeof(*at));
}

void pp_tuple_words_clear(struct pp_tuple_family *family)
{
	memset(family->word_index, 0,
	       2 * (pp_tuple_part(family)->word_mask + 1) * sizeof(family->word_index[0]));
	family->word_end = 0;
	add_word(family, 0);
	add_word(family, ~0ull);
}

uint16_t pp_tuple_word_get(struct pp_tuple_family *family, uint64_t word)
{
	uint32_t found = *slot_of(family, word);

	if (found != 0)
		return (uint16_t)(found - 1);
	if (family->word_end > pp_tuple_part(family)->word_mask) {
		family->stale += family->filters;
		return EVERYTHING;
	}
	add_word(family, word);
	return (uint16_t)(family->word_end - 1);
}
