// SPDX-License-Identifier: MIT OR Apache-2.0
// What a rule set is made of, for the files ruleset_*.c and statements_*.c.
//
// Threads    the set's writer.
// Cost       control path. Entries lie in one block, so that a copy is a copy of bytes; the order
//            is beside them, so that a change of it moves two bytes a rule.
// Ownership  a set owns its entries' block and one reference to each set of addresses.
#pragma once

#include <stdbool.h>

#include <push-packet/ruleset.h>

enum pp_slot_state {
	PP_SLOT_FREE,
	PP_SLOT_USED,
	PP_SLOT_LEAVING, // its rule is gone, counts of it may still be on their way
};

struct pp_named_set {
	struct pp_set *addresses;
	uint32_t users; // rules that name it
	uint8_t origin; // enum pp_origin
	bool is_protected;
};

struct pp_ruleset {
	uint32_t count;
	uint32_t capacity; // of entry[]
	uint32_t generation;
	uint32_t last_id;
	uint32_t
		settled_id; // rules above came since pp_ruleset_settle(); UINT32_MAX: never settled
	uint32_t set_count;
	uint8_t default_verdict; // enum pp_verdict
	uint8_t slot[PP_SLOTS_MAX]; // enum pp_slot_state
	uint16_t order[PP_RULES_MAX]; // indices of entry[] in match order
	struct pp_named_set set[PP_SETS_MAX]; // by name
	struct pp_ruleset_entry *entry; // count of them, in no order
};

// Exchange everything two sets hold, so that a change of many things is made on a copy and then is
// there at once. Cannot fail.
void pp_ruleset_swap(struct pp_ruleset *set, struct pp_ruleset *other);

// Make room for count entries in all.
//
// @return  0; -ENOMEM.
int pp_ruleset_reserve(struct pp_ruleset *set, uint32_t count, struct pp_error *err);

// Put a rule at the end of entry[], with an id, a slot and the uses of its sets, but not into the
// order. There is room.
//
// @param out  Set on success.
// @return     0; -ENOENT; -ENOSPC.
int pp_ruleset_append(struct pp_ruleset *set,
		      const struct pp_rule *rule,
		      enum pp_origin origin,
		      uint64_t now_ns,
		      struct pp_ruleset_entry **out,
		      struct pp_error *err);

// Give back what an entry holds: its slot and the uses of its sets.
void pp_ruleset_release(struct pp_ruleset *set, const struct pp_ruleset_entry *entry);

// @return  The set's place in set[], or where it would be.
uint32_t pp_ruleset_set_index(const struct pp_ruleset *set, const char *name, bool *found);

// @return  NULL: there is no set of this name.
struct pp_named_set *pp_ruleset_named_set(struct pp_ruleset *set, const char *name);

// Exchange a set for another of the same name; the generation stays. Takes a reference.
void pp_ruleset_exchange_set(struct pp_named_set *named, struct pp_set *addresses);
