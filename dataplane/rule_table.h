// SPDX-License-Identifier: MIT OR Apache-2.0
// What workers and analysis threads know of the rules in force: who has which slot.
//
// A packet on its way says which rule judged it, by id and slot. It counts under the slot only
// while the table says the slot is that rule's. The table of a change knows the rules before the
// change too, for their slots are not given away before the next one; so what they judged is still
// counted as theirs, and what comes later than that as a former rule's.
//
// Threads    create, destroy, exchange: control thread, the one writer. Readers are under RCU (QSBR):
//            they load the pointer with rcu_dereference() and use it until they are quiescent.
// Cost       slot(): a load and a compare. exchange() waits for the readers: microseconds.
// Ownership  the writer's; who gets a table from exchange() may free it at once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/plane.h>

struct pp_rule_table {
	uint32_t generation; // of the rules in force
	// Every routed packet goes to a sink, carries no metadata and is not looked at: its cache
	// line stays with the CPU that wrote it.
	bool sole_sink;
	uint32_t id
		[PP_SLOTS_MAX]; // of the rule that has the slot, or had it until the change; 0: none
};

// Make the table of a change.
//
// @param rules   In force after it.
// @param before  In force before it; NULL: the first.
// @return        0; -EINVAL: a slot of before has another rule, so rules were not made from them;
//                -ENOMEM.
int pp_rule_table_create(struct pp_rule_table **out,
			 const struct pp_ruleset *rules,
			 const struct pp_ruleset *before,
			 bool sole_sink,
			 struct pp_error *err);
// NULL is allowed.
void pp_rule_table_destroy(struct pp_rule_table *table);

// Put a table where readers find it, and wait until no reader uses the one before.
//
// @return  The one before; the caller's.
struct pp_rule_table *pp_rule_table_exchange(struct pp_rule_table **in_force,
					     struct pp_rule_table *table);

// Where a packet counts.
//
// @return  meta->slot, or PP_SLOT_FORMER. The default action is rule 0 in slot 0.
static inline uint32_t pp_rule_table_slot(const struct pp_rule_table *table,
					  const struct pp_meta *meta)
{
	if (meta->slot < PP_SLOTS_MAX && table->id[meta->slot] == meta->rule_id)
		return meta->slot;
	return PP_SLOT_FORMER;
}
