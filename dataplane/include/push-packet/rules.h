// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules of an open plane, changed and listed from any thread.
//
// Each change is one transaction: every packet is judged by the rules from before or by those from after,
// and with an error nothing changed. A call returns when the change is in force for every packet and what was
// judged by the old rules is through (8 to 20 ms, the kernel's grace period). Several changes in one step go
// between pp_rules_begin() and pp_rules_commit(). The grammar of a rule is in rule.h, that of a text of
// rules and sets in ruleset.h.
//
// Threads    any: each function takes pp_plane_lock(). From begin to commit or abort the thread holds it.
// Cost       control path. Packets never wait.
// Ownership  nothing is borrowed but the rule set of a transaction.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/error.h>
#include <push-packet/plane.h>
#include <push-packet/rule.h>
#include <push-packet/ruleset.h>

__BEGIN_DECLS

// Add a rule.
//
// @param text  As pp_rule_parse() reads it.
// @param id    Set to its id, which no other rule ever gets; may be NULL.
// @return      0; -EINVAL: err->col says where it makes no sense; what pp_ruleset_add() and
//              pp_plane_apply() return: -ENOENT, -ENOSPC, -ENOMEM; -EPERM: it would drop or route packets
//              of a protected set.
int pp_rules_add(struct pp_plane *plane, const char *text, uint32_t *id, struct pp_error *err);
// The same from a struct, as pp_rule_parse() leaves it.
int pp_rules_add_rule(struct pp_plane *plane,
		      const struct pp_rule *rule,
		      uint32_t *id,
		      struct pp_error *err);

// @return  0; -ENOENT: there is no such rule; as pp_plane_apply().
int pp_rules_remove(struct pp_plane *plane, uint32_t id, struct pp_error *err);

// Make rules and sets what a text says, by difference: a rule that is in both keeps id and counters.
//
// @param text  Lines, NUL-terminated; "": no rules.
// @return      0; as pp_statements_read(), pp_statements_apply(), pp_plane_apply(); -EPERM as above.
int pp_rules_replace(struct pp_plane *plane, const char *text, struct pp_error *err);

// What happens to packets that no rule matches.
//
// @param verdict  PP_VERDICT_PASS or PP_VERDICT_DROP.
int pp_rules_set_default(struct pp_plane *plane, uint8_t verdict, struct pp_error *err);

// Remove what has expired by its ttl. Nobody else does.
//
// @param next_ns  Set to when something expires next, CLOCK_BOOTTIME; 0: never. May be NULL.
// @return         0; as pp_plane_apply().
int pp_rules_expire(struct pp_plane *plane, uint64_t *next_ns, struct pp_error *err);

// Begin a transaction: take the lock, and a copy of the rules in force, to be changed by the functions of
// ruleset.h with PP_ORIGIN_CONFIG.
//
// @return  0; -ENOMEM: the lock is not held.
int pp_rules_begin(struct pp_plane *plane, struct pp_ruleset **out, struct pp_error *err);
// Put it in force, or throw it away if it cannot be; on the thread that began. Either way it is over.
//
// @return  0; as pp_plane_apply(); -EPERM as above.
int pp_rules_commit(struct pp_plane *plane, struct pp_ruleset *rules, struct pp_error *err);
void pp_rules_abort(struct pp_plane *plane, struct pp_ruleset *rules);

struct pp_rule_info {
	uint32_t id;
	uint32_t reserved; // 0
	struct pp_rule_stats stats; // since it is in force
	struct pp_rule rule; // pp_rule_format() writes it
};

// List the rules in match order, with what each judged.
//
// @param out  Room for max.
// @return     How many there are, which may be more than max.
uint32_t pp_rules_list(const struct pp_plane *plane, struct pp_rule_info *out, uint32_t max);

// What a rule judged.
//
// @param id  0: the default action.
// @return    0; -ENOENT.
int pp_rules_stats(const struct pp_plane *plane,
		   uint32_t id,
		   struct pp_rule_stats *out,
		   struct pp_error *err);

__END_DECLS
