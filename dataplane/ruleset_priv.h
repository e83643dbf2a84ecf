// SPDX-License-Identifier: MIT OR Apache-2.0
// What a rule set is made of, for the files ruleset_*.c and statements_*.c.
//
// Threads    the set's writer.
// Cost       control path.
// Ownership  a set holds references to trees, pages of slots and the table of sets of addresses.
//            Who changes one of them makes it its own before.
#pragma once

#include <stdbool.h>

#include <push-packet/ruleset.h>

#include "rule_slots.h"
#include "rule_tree.h"

struct pp_named_set {
	struct pp_set *addresses;
	uint32_t users; // rules that name it
	uint8_t origin; // enum pp_origin
	bool is_protected;
};

// Sets of addresses by name.
struct pp_named_sets {
	uint32_t refs;
	uint32_t count;
	uint32_t capacity;
	uint32_t src_users; // rules that name a set as src
	uint32_t dst_users;
	struct pp_named_set set[];
};

struct pp_ruleset {
	uint32_t generation;
	uint32_t last_id;
	// Rules above came since pp_ruleset_settle(); UINT32_MAX: never settled.
	uint32_t settled_id;
	uint8_t default_verdict; // enum pp_verdict
	struct pp_rule_tree by_rank;
	struct pp_rule_tree by_id;
	struct pp_rule_slots slots;
	struct pp_named_sets *sets; // NULL: there are none
	struct pp_rule_pool pool; // no copy gets it
};

// Exchange everything two sets hold, so that a change of many things is made on a copy and then is
// there at once. Cannot fail.
void pp_ruleset_swap(struct pp_ruleset *set, struct pp_ruleset *other);

// Make an item for a new rule, with id, slot and the uses of its sets, but without a rank and in no
// tree. The set has a rule's place less until the item is in its trees.
//
// @param count  Rules that are there, for the limit.
// @param out    Set on success; a reference.
// @return       0; -ENOENT; -ENOSPC; -ENOMEM.
int pp_ruleset_make(struct pp_ruleset *set,
		    const struct pp_rule *rule,
		    enum pp_origin origin,
		    uint64_t now_ns,
		    uint32_t count,
		    struct pp_rule_item **out,
		    struct pp_error *err);

// Make what an entry holds the set's own, so that pp_ruleset_release() cannot fail.
//
// @return  0; -ENOMEM.
int pp_ruleset_own(struct pp_ruleset *set, const struct pp_ruleset_entry *entry);
// Give back what an entry holds: its slot and the uses of its sets.
void pp_ruleset_release(struct pp_ruleset *set, const struct pp_ruleset_entry *entry);

// Exchange all rules of a set for others, whose ids, slots and ranks are set.
//
// @param item  count of them by rank; they get references.
// @return      0; -ENOMEM, and the set is unchanged.
int pp_ruleset_build(struct pp_ruleset *set, struct pp_rule_item *const *item, uint32_t count);

// The rank for a rule that comes to index, where it goes by its prio.
//
// @return  0: there is none left between its neighbours.
uint32_t pp_ruleset_rank(const struct pp_ruleset *set, uint32_t index, uint32_t prio);

// Make room for a rule between the neighbours of index: they get other ranks.
//
// @return  0; -ENOMEM, with the set half changed: to be thrown away.
int pp_ruleset_spread(struct pp_ruleset *set, uint32_t index);

// Give ranks to what has none (0) in a list, and other ranks to some that have where there is no
// room between them.
//
// @param rank  Rising where not 0.
// @param prio  By index as well.
void pp_ruleset_rank_all(uint32_t *rank, const uint32_t *prio, uint32_t count);

// @return  The set's place among the sets, or where it would be.
uint32_t pp_ruleset_set_index(const struct pp_ruleset *set, const char *name, bool *found);

// Make the table of sets this rule set's own.
//
// @param more  Sets that it needs room for.
// @return      0; -ENOMEM.
int pp_ruleset_own_sets(struct pp_ruleset *set, uint32_t more);
void pp_ruleset_unref_sets(struct pp_named_sets *sets);

// Count a rule as a user of the sets that it names, or no more. The table is this rule set's own.
void pp_ruleset_count_user(struct pp_ruleset *set, const struct pp_rule *rule, int by);

// @return  NULL: there is no set of this name. In a table that may be shared.
struct pp_named_set *pp_ruleset_named_set(const struct pp_ruleset *set, const char *name);

// Exchange a set for another of the same name; the generation stays. Takes a reference. The table
// is this rule set's own.
void pp_ruleset_exchange_set(struct pp_named_set *named, struct pp_set *addresses);
