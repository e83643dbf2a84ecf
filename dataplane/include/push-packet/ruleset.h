// SPDX-License-Identifier: MIT OR Apache-2.0
// The ordered rule set: by prio, then by order of insertion. First match wins.
//
// Threads    one writer; readers only while no writer runs.
// Cost       control path. add and remove move O(rules) pointers.
// Ownership  the set owns its entries; pp_ruleset_at() borrows until the next change.
#pragma once

#include <stdint.h>

#include <push-packet/rule.h>

struct pp_ruleset;

struct pp_ruleset_entry {
	struct pp_rule rule;
	uint32_t id; // from 1, never reused while the set lives
	uint16_t slot; // where it counts: 1 to PP_RULES_MAX, unique in the set
};

// Create an empty set whose default action is pass.
//
// @return  0; -ENOMEM.
int pp_ruleset_create(struct pp_ruleset **out);

// NULL is allowed.
void pp_ruleset_destroy(struct pp_ruleset *set);

// Copy a set: the same rules with the same ids and slots, the same generation and default. From
// then on the two go their own ways, and both may give the same id to different new rules.
//
// @param out  Set on success, untouched on failure; free with pp_ruleset_destroy().
// @return     0; -ENOMEM.
int pp_ruleset_copy(struct pp_ruleset **out, const struct pp_ruleset *set);

// Add a rule, in match order behind those of its prio; the generation grows by one. It gets the
// smallest free slot.
//
// @param rule  As pp_rule_parse() leaves it; copied.
// @param id    Set on success; may be NULL.
// @return      0; -ENOSPC: PP_RULES_MAX rules are there; -ENOMEM. The set is unchanged on failure.
int pp_ruleset_add(struct pp_ruleset *set,
		   const struct pp_rule *rule,
		   uint32_t *id,
		   struct pp_error *err);

// Remove a rule; the generation grows by one.
//
// @return      0; -ENOENT.
int pp_ruleset_remove(struct pp_ruleset *set, uint32_t id, struct pp_error *err);

// Set what happens to packets that no rule matches; the generation grows by one.
//
// @param verdict  PP_VERDICT_PASS or PP_VERDICT_DROP.
// @return         0; -EINVAL.
int pp_ruleset_set_default(struct pp_ruleset *set, uint8_t verdict);

uint8_t pp_ruleset_default(const struct pp_ruleset *set);
uint32_t pp_ruleset_count(const struct pp_ruleset *set);
// From 1; grows with every change.
uint32_t pp_ruleset_generation(const struct pp_ruleset *set);

// @param index  From 0, in match order.
// @return       The entry, or NULL: there are not so many.
const struct pp_ruleset_entry *pp_ruleset_at(const struct pp_ruleset *set, uint32_t index);

// @return  The entry, or NULL.
const struct pp_ruleset_entry *pp_ruleset_find(const struct pp_ruleset *set, uint32_t id);

// Add every rule of a file, one rule a line, '#' comments and empty lines allowed; lines end
// with LF or CR LF. All or nothing: on failure the set is as before. The generation grows by one
// for each rule.
//
// @param err   line and col are those of the file; text does not name it.
// @return      0; -EINVAL: a bad rule, a NUL byte, a line over 16,384 bytes; -ENOSPC; -ENOMEM;
//              -errno of open and read.
int pp_ruleset_load(struct pp_ruleset *set, const char *path, struct pp_error *err);
