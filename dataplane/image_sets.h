// SPDX-License-Identifier: MIT OR Apache-2.0
// The sets that rules name, compiled once for all images until they change.
//
// Threads    control thread.
// Cost       control path; nothing is compiled again while the rules name the same sets.
// Ownership  holds references to the sets and owns their table.
#pragma once

#include <push-packet/ruleset.h>

#include "addr_table.h"

// Bit i of a mask of sets stands for set[i].
struct pp_used_sets {
	uint32_t count;
	struct pp_set *set[PP_SETS_USED_MAX]; // by name; borrowed from the rule set
	uint32_t uses; // PP_SETS_SRC | PP_SETS_DST
};

// The names that bits stand for, to see whether they still do.
struct pp_set_names {
	uint32_t count;
	char name[PP_SETS_USED_MAX][PP_NAME_BYTES];
};

// @return  Whether the names were others.
bool pp_used_sets_rename(const struct pp_used_sets *used, struct pp_set_names *names);

void pp_used_sets_find(struct pp_used_sets *used, const struct pp_ruleset *rules);

// @return  The bit of a set; 0: no name was given.
uint32_t pp_used_sets_bit(const struct pp_used_sets *used, const char *name);

struct pp_image_sets {
	struct pp_used_sets used; // with a reference each
	struct pp_addr_table table;
	uint64_t serial; // of the table; 0: the empty one that no update made
};

// Compile the sets that rules name. All zero is the empty state.
//
// @return  0; as pp_addr_table_build(), and nothing is changed then.
int pp_image_sets_update(struct pp_image_sets *sets,
			 const struct pp_ruleset *rules,
			 struct pp_error *err);
void pp_image_sets_fini(struct pp_image_sets *sets);

// Bytes of area that an image needs for a table of this size: a power of two, or 0.
//
// @param least  When there must be an area: what it has at least.
uint32_t pp_image_sets_area(size_t table_bytes, uint32_t least);
