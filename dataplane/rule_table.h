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
// Cost       slot(): three loads and a compare. create(): O(changes) and a directory of 2 KiB.
//            exchange() waits for the readers: microseconds.
// Ownership  the writer's; who gets a table from exchange() may free it at once. Tables share pages
//            of rules (40 KiB); a page goes with the last table that has it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/plane.h>

#define PP_RULE_PAGE 1024u // slots
#define PP_RULE_PAGES (PP_SLOTS_MAX / PP_RULE_PAGE)

// Never changed once a table with it was exchanged, but for refs, which is the writer's.
struct pp_rule_page {
	uint32_t refs; // tables that have it
	uint32_t id
		[PP_RULE_PAGE]; // of the rule that has the slot, or had it until the change; 0: none
	uint8_t verdict[PP_RULE_PAGE]; // enum pp_verdict
	char name[PP_RULE_PAGE][PP_NAME_BYTES];
};

struct pp_rule_table {
	uint32_t generation; // of the rules in force
	// Every routed packet goes to consumers of this kind, SINK or REFLECT, and carries no metadata:
	// a sink's is not looked at, and its cache lines stay with the CPU that wrote them.
	// PP_CONSUMER_KINDS: metadata says who gets it.
	uint8_t sole; // enum pp_consumer_kind
	uint32_t leaving_count; // slots that no rule has in the next table, unless a new one does
	uint32_t *leaving;
	const struct pp_rule_page *page[PP_RULE_PAGES];
};

// Make the table of a change.
//
// @param before      In force before it; NULL: the first.
// @param diff        From the rules before it to those after it.
// @param generation  Of the rules after it.
// @return            0; -EINVAL: a slot of before is given to another rule, so the rules were not
//                    made from a settled copy of those before; -ENOMEM.
int pp_rule_table_create(struct pp_rule_table **out,
			 const struct pp_rule_table *before,
			 const struct pp_ruleset_diff *diff,
			 uint32_t generation,
			 uint8_t sole,
			 struct pp_error *err);
// NULL is allowed.
void pp_rule_table_destroy(struct pp_rule_table *table);

// Put a table where readers find it, and wait until no reader uses the one before.
//
// @return  The one before; the caller's.
struct pp_rule_table *pp_rule_table_exchange(struct pp_rule_table **in_force,
					     struct pp_rule_table *table);

// Who has a slot.
//
// @return  The rule's id; 0: the default action, or nobody.
static inline uint32_t pp_rule_table_id(const struct pp_rule_table *table, uint32_t slot)
{
	return table->page[slot / PP_RULE_PAGE]->id[slot % PP_RULE_PAGE];
}

// Where a packet counts.
//
// @return  meta->slot, or PP_SLOT_FORMER. The default action is rule 0 in slot 0.
static inline uint32_t pp_rule_table_slot(const struct pp_rule_table *table,
					  const struct pp_meta *meta)
{
	uint32_t slot = meta->slot;

	if (slot < PP_SLOTS_MAX && pp_rule_table_id(table, slot) == meta->rule_id)
		return slot;
	return PP_SLOT_FORMER;
}

// Who judged a packet. The name is borrowed until the reader is quiescent.
//
// @param verdict  enum pp_verdict.
// @return         NULL: the rule is gone, and verdict is untouched.
static inline const char *
pp_rule_table_name(const struct pp_rule_table *table, const struct pp_meta *meta, uint8_t *verdict)
{
	uint32_t slot = pp_rule_table_slot(table, meta);
	const struct pp_rule_page *page;

	if (slot == PP_SLOT_FORMER)
		return NULL;
	page = table->page[slot / PP_RULE_PAGE];
	*verdict = page->verdict[slot % PP_RULE_PAGE];
	return page->name[slot % PP_RULE_PAGE];
}
