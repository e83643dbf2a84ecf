// SPDX-License-Identifier: MIT OR Apache-2.0
// The ordered rule set: by prio, then by order of insertion. First match wins. With the sets of
// addresses that its rules name, what is protected, and the default action.
//
// A transaction is a copy that is changed and then put in force (pp_plane_apply()), or thrown away:
// copy, pp_ruleset_settle(), changes, apply.
//
// A set and its copies share what is the same in them, so neither a copy nor a change costs more
// in a set of a hundred thousand rules than in one of ten.
//
// Threads    one for a set and all copies of it, made in any way from one another.
// Cost       control path. copy, settle: O(1), about a microsecond. add, remove, find, at:
//            O(log rules). To go through all rules use a cursor. replace: O(rules log rules).
// Ownership  the rule set holds references to its entries and sets; what _at(), _find() and
//            _next() return is borrowed until the set's next change, even if copies have it too.
#pragma once

#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/rule.h>
#include <push-packet/set.h>

__BEGIN_DECLS

#define PP_SETS_MAX 256 // in a rule set
#define PP_SETS_USED_MAX 32 // that its rules name

struct pp_ruleset;

// Who a rule or set comes from: a reload exchanges what is the configuration's and leaves what
// came by command alone.
enum pp_origin {
	PP_ORIGIN_CONFIG,
	PP_ORIGIN_COMMAND,
	PP_ORIGIN_ANY, // of pp_ruleset_replace() only: rules of both; new ones came by command
};

struct pp_ruleset_entry {
	struct pp_rule rule;
	uint64_t expires_ns; // CLOCK_BOOTTIME; 0: never
	uint32_t id; // from 1, never reused while the set or a copy of it lives
	uint32_t slot; // where it counts: 1 to PP_SLOTS_MAX - 1, unique in the set
	// The place in match order as a number: lower is first; unique in the set, below
	// PP_RANK_END. Stays while the rule stays, but for now and then, when there is no number
	// left between two neighbours.
	uint32_t rank;
	uint8_t origin; // enum pp_origin
};
#define PP_RANK_END (1u << 31)

// What few rules are, and somebody looks for often; a bit each.
enum pp_ruleset_trait {
	// A `pass` that stays and asks for nothing but the source, or of what is sent for nothing but
	// the destination: it can shelter a protected set.
	PP_TRAIT_SHELTER = 1 << 0,
	PP_TRAIT_ICMP6 = 1 << 1, // proto icmp6
};
uint32_t pp_ruleset_traits(const struct pp_rule *rule);

// Create an empty set whose default action is pass.
//
// @return  0; -ENOMEM.
int pp_ruleset_create(struct pp_ruleset **out);

// NULL is allowed.
void pp_ruleset_destroy(struct pp_ruleset *set);

// Copy a set: the same rules with the same ids and slots, the same sets, generation and default.
// From then on the two go their own ways, and both may give the same id to different new rules.
//
// @param out  Set on success, untouched on failure; free with pp_ruleset_destroy().
// @return     0; -ENOMEM.
int pp_ruleset_copy(struct pp_ruleset **out, const struct pp_ruleset *set);

// A removed rule's slot is not given to another rule before this is called: events and counts of
// the old rule may still be on their way. Call it on the copy of a set that is in force.
// From then on the slot of a rule that is added and removed again is free at once: it was in force
// nowhere. So a transaction of any length finds a slot for PP_RULES_MAX rules.
void pp_ruleset_settle(struct pp_ruleset *set);

// Add a rule, in match order behind those of its prio; the generation grows by one. It gets the
// smallest free slot. There is always one for PP_RULES_MAX rules, even when all rules were removed
// since pp_ruleset_settle().
//
// @param rule    As pp_rule_parse() leaves it; copied.
// @param now_ns  What its ttl counts from, CLOCK_BOOTTIME.
// @param id      Set on success; may be NULL.
// @return        0; -ENOENT: a set that it names is not there; -ENOSPC: PP_RULES_MAX rules are
//                there, the slots are used up, or more than PP_SETS_USED_MAX sets are named;
//                -ENOMEM. The set is unchanged on failure.
int pp_ruleset_add(struct pp_ruleset *set,
		   const struct pp_rule *rule,
		   enum pp_origin origin,
		   uint64_t now_ns,
		   uint32_t *id,
		   struct pp_error *err);

// Remove a rule; the generation grows by one.
//
// @return      0; -ENOENT.
int pp_ruleset_remove(struct pp_ruleset *set, uint32_t id, struct pp_error *err);

struct pp_ruleset_change {
	uint32_t added;
	uint32_t deleted;
	uint32_t kept; // rules that stay as they were, with id, slot, counters and remaining ttl
};

// Exchange the rules of an origin for others, by difference: an entry whose rule is equal to one
// of rule[] stays; its place among rules of its prio is that of the new list, before those of
// the other origin. The generation grows by one. All or nothing.
//
// @param id      Set to the ids, in the order of rule[]; may be NULL.
// @param change  May be NULL.
// @return        0; as pp_ruleset_add(), with err->line the index in rule[] plus one.
int pp_ruleset_replace(struct pp_ruleset *set,
		       const struct pp_rule *rule,
		       uint32_t count,
		       enum pp_origin origin,
		       uint64_t now_ns,
		       uint32_t *id,
		       struct pp_ruleset_change *change,
		       struct pp_error *err);

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

// One more than the greatest slot that a rule has, or had until pp_ruleset_settle().
uint32_t pp_ruleset_slots(const struct pp_ruleset *set);

// @return  The greatest id of a rule; 0: there are no rules.
uint32_t pp_ruleset_greatest_id(const struct pp_ruleset *set);

// How many rules stand before a rank.
uint32_t pp_ruleset_rules_before(const struct pp_ruleset *set, uint32_t rank);

// The first rule with one of these traits.
//
// @param index   Where to begin to look; set to the rule's index.
// @param traits  enum pp_ruleset_trait
// @return        The entry, or NULL: there is none from index on.
const struct pp_ruleset_entry *
pp_ruleset_next_with(const struct pp_ruleset *set, uint32_t *index, uint32_t traits);

// Going through the rules in match order. The set must not change meanwhile.
//
//   struct pp_ruleset_cursor cursor = pp_ruleset_begin(set, 0);
//   while ((entry = pp_ruleset_next(&cursor)) != NULL)
#define PP_RULESET_LEVELS 8 // 8^8 rules and more
struct pp_rule_node;
struct pp_ruleset_cursor {
	const struct pp_rule_node *node[PP_RULESET_LEVELS];
	uint16_t at[PP_RULESET_LEVELS];
	uint16_t levels;
};

// @param index  The first rule that pp_ruleset_next() returns.
struct pp_ruleset_cursor pp_ruleset_begin(const struct pp_ruleset *set, uint32_t index);
// @return  NULL: there are no more.
const struct pp_ruleset_entry *pp_ruleset_next(struct pp_ruleset_cursor *cursor);

// What must be done to come from one set to another, in match order. A rule that stays but has
// another rank is in both lists.
struct pp_ruleset_diff {
	const struct pp_ruleset_entry **added; // borrowed from the set after
	uint32_t added_count;
	const struct pp_ruleset_entry **deleted; // borrowed from the set before
	uint32_t deleted_count;
};

// Find out what is different. Cost: O(changes) where one set was made of a copy of the other.
//
// @param before  NULL: everything was added.
// @param out     Set on success; pp_ruleset_diff_fini() frees it.
// @return        0; -ENOMEM.
int pp_ruleset_diff(const struct pp_ruleset *before,
		    const struct pp_ruleset *after,
		    struct pp_ruleset_diff *out);
void pp_ruleset_diff_fini(struct pp_ruleset_diff *diff);

// Sets of addresses.

// Put a set in, in the place of one with its name if there is one; the generation grows by one,
// unless it is the very same set. Takes a reference.
//
// @param origin  Of the set when it is new; one that is replaced keeps its origin.
// @return        0; -ENOSPC: PP_SETS_MAX are there.
int pp_ruleset_put_set(struct pp_ruleset *set,
		       struct pp_set *addresses,
		       enum pp_origin origin,
		       struct pp_error *err);

// @return  0; -ENOENT; -EBUSY: a rule names it or it is protected, err says which.
int pp_ruleset_remove_set(struct pp_ruleset *set, const char *name, struct pp_error *err);

uint32_t pp_ruleset_set_count(const struct pp_ruleset *set);
// @param index  From 0, by name.
// @param origin May be NULL.
struct pp_set *
pp_ruleset_set_at(const struct pp_ruleset *set, uint32_t index, enum pp_origin *origin);
// @return  The set, or NULL.
struct pp_set *pp_ruleset_find_set(const struct pp_ruleset *set, const char *name);
// Rules that name the set.
uint32_t pp_ruleset_set_users(const struct pp_ruleset *set, const char *name);
// Which addresses rules look up in sets: PP_SETS_SRC | PP_SETS_DST.
uint32_t pp_ruleset_set_uses(const struct pp_ruleset *set);

// Protected sets: no rule, nor the default action, may drop or route packets whose source is in
// one. Marks are part of the set's name, so they outlive a change of the set.

// @return  0; -ENOENT: there is no such set.
int pp_ruleset_protect(struct pp_ruleset *set,
		       const char *name,
		       bool protect,
		       struct pp_error *err);
bool pp_ruleset_protected(const struct pp_ruleset *set, const char *name);

// Find what would drop or route packets of a protected set: a rule with verdict drop or route whose
// other conditions some packet from the set could meet, unless a rule before it, without other
// conditions than src, lets all of them pass for good: no ttl in it, nor in the set it names, but
// for the protected set itself.
//
// @param rule_id  Set to the rule's id; 0: the default action.
// @param after    Look for the next one after this place; 0 at first; updated.
// @return         0: nothing (more); -EPERM: found, err has a sentence that names rule and set.
int pp_ruleset_check_protected(const struct pp_ruleset *set,
			       uint32_t *after,
			       uint32_t *rule_id,
			       struct pp_error *err);

// The same for one rule of the set.
//
// @param after  Look for the next protected set after this place; 0 at first; updated.
// @return       0: it harms none (more); -EPERM, with err set.
int pp_ruleset_check_protected_from(const struct pp_ruleset *set,
				    const struct pp_ruleset_entry *entry,
				    uint32_t *after,
				    struct pp_error *err);

// Whether a change leaves what pp_ruleset_check_protected() says of rules that stay as it was.
bool pp_ruleset_protects_alike(const struct pp_ruleset *before,
			       const struct pp_ruleset *after,
			       const struct pp_ruleset_diff *diff);

// Expiry.

// @return  The earliest expiry of a rule or set entry, CLOCK_BOOTTIME; 0: nothing expires.
uint64_t pp_ruleset_next_expiry(const struct pp_ruleset *set);

// Remove what has expired by now_ns: rules, and entries of sets.
//
// @param rules, entries  How many; may be NULL.
// @return                0; -ENOMEM: nothing was removed.
int pp_ruleset_expire(struct pp_ruleset *set, uint64_t now_ns, uint32_t *rules, size_t *entries);

// Text. A statement is a rule, or one of
//
//   set NAME { ENTRIES }       a set of addresses; braces may stand on several lines
//   set NAME file PATH         the same from a file, relative to the folder given
//   protect @NAME
//
// A statement ends with its line, except inside braces. Comments and empty lines are skipped.
// Sets may be named before they stand: names are looked up at the end of the text.

// What stood in a text, before it becomes part of a rule set.
struct pp_statements;

int pp_statements_create(struct pp_statements **out);
// NULL is allowed.
void pp_statements_destroy(struct pp_statements *statements);

// Read a text and add what it says.
//
// @param text    len bytes; lines end with LF or CR LF.
// @param folder  For PATH; NULL: the current one.
// @param now_ns  What ttl in sets counts from, CLOCK_BOOTTIME.
// @param err     line and col in the text. What is wrong in a file of a set: text names the file
//                with line and column, line and col are those of the statement.
// @return        0; -EINVAL; -ENOSPC; -ENOMEM; -errno of a file. Nothing was added on failure.
int pp_statements_read(struct pp_statements *statements,
		       const char *text,
		       size_t len,
		       const char *folder,
		       uint64_t now_ns,
		       struct pp_error *err);

struct pp_statement_rule {
	struct pp_rule rule;
	uint32_t line; // in its text
	uint32_t col;
	uint32_t text; // which call of pp_statements_read(), from 0
};
uint32_t pp_statements_rule_count(const struct pp_statements *statements);
const struct pp_statement_rule *pp_statements_rule(const struct pp_statements *statements,
						   uint32_t index);

struct pp_statements_change {
	struct pp_ruleset_change rules;
	uint32_t sets_added, sets_deleted, sets_changed;
	struct pp_set_change entries; // of all sets
};

// Make a rule set's configuration what the statements say, by difference: rules, sets and marks
// of protection of origin PP_ORIGIN_CONFIG that are not in the statements go. All or nothing.
//
// @param err    line, col of the statement at fault; text says what.
// @param where  Set to the index of the call of pp_statements_read() err is about; may be NULL.
// @return       0; as pp_ruleset_replace(), pp_ruleset_put_set(); -EBUSY: a set that goes is
//               named by a rule that stays.
int pp_statements_apply(const struct pp_statements *statements,
			struct pp_ruleset *set,
			uint64_t now_ns,
			uint32_t *ids, // of the rules, in order; may be NULL
			struct pp_statements_change *change, // may be NULL
			uint32_t *where,
			struct pp_error *err);

__END_DECLS
