// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <errno.h>

#include "prefix.h"
#include "ruleset_priv.h"
#include "set_priv.h"

static bool takes_family(const struct pp_rule *rule, uint8_t family)
{
	return rule->family == PP_FAMILY_NONE || rule->family == family;
}

// Where a rule says who the other side is: the source of what is received, the destination of what is
// sent.
static const char *peer_set_name(const struct pp_rule *rule)
{
	return rule->direction == PP_DIRECTION_OUT ? rule->dst_set : rule->src_set;
}

static const struct pp_prefix *peer_prefix(const struct pp_rule *rule)
{
	return rule->direction == PP_DIRECTION_OUT ? &rule->dst : &rule->src;
}

static const struct pp_set *peer_set(const struct pp_ruleset *set, const struct pp_rule *rule)
{
	const char *name = peer_set_name(rule);

	return name[0] != '\0' ? pp_ruleset_find_set(set, name) : NULL;
}

// Whether the other side of a rule can be in a protected set. Other conditions can only narrow that.
static bool may_concern(const struct pp_ruleset *set,
			const struct pp_rule *rule,
			const struct pp_set *shield,
			uint8_t family)
{
	if (!takes_family(rule, family) || pp_set_count_family(shield, family) == 0)
		return false;
	if (peer_set_name(rule)[0] != '\0')
		return pp_set_overlaps_in(peer_set(set, rule), shield, family);
	return peer_prefix(rule)->family == PP_FAMILY_NONE ||
	       pp_set_overlaps_prefix(shield, peer_prefix(rule));
}

static bool prefix_covers(const struct pp_prefix *prefix, const struct pp_set *shield)
{
	struct pp_set_entry entry = {.prefix = *prefix};
	struct pp_set outer = {.count = 1, .entry = &entry};

	outer.ip4_count = prefix->family == PP_FAMILY_IP4;
	return pp_set_covers_in(&outer, shield, prefix->family);
}

// Whether a rule that asks for nothing but the other side (PP_TRAIT_SHELTER) lets every packet of a
// protected set pass, and for good: nobody can refuse what an entry that expires would bring about.
static bool lets_all_pass(const struct pp_ruleset *set,
			  const struct pp_rule *rule,
			  const struct pp_set *shield,
			  uint8_t family)
{
	const struct pp_set *peer = peer_set(set, rule);

	if (!takes_family(rule, family))
		return false;
	if (peer == shield)
		return true;
	if (peer != NULL)
		return pp_set_next_expiry(peer) == 0 && pp_set_covers_in(peer, shield, family);
	return peer_prefix(rule)->family == PP_FAMILY_NONE ||
	       prefix_covers(peer_prefix(rule), shield);
}

// The place in match order of the first rule that lets all pass; the count of rules: none does.
static uint32_t shielded_from(const struct pp_ruleset *set,
			      const struct pp_set *shield,
			      uint8_t family,
			      uint8_t direction)
{
	const struct pp_ruleset_entry *entry;
	uint32_t place = 0;

	while ((entry = pp_ruleset_next_with(set, &place, PP_TRAIT_SHELTER)) != NULL &&
	       (entry->rule.direction != direction ||
		!lets_all_pass(set, &entry->rule, shield, family)))
		place++;
	return place;
}

// @param entry  NULL: the default action.
static int
refuse(const struct pp_ruleset_entry *entry, const struct pp_set *shield, struct pp_error *err)
{
	bool out = entry != NULL && entry->rule.direction == PP_DIRECTION_OUT;
	const char *name = pp_set_name(shield);
	char text[PP_RULE_TEXT_BYTES];

	if (entry == NULL)
		return pp_error_set(err, -EPERM, 0, 0,
				    "the default action would drop packets from the protected set "
				    "@%s: add 'pass src @%s'",
				    name, name);
	pp_rule_format(&entry->rule, text, sizeof(text));
	return pp_error_set(
		err, -EPERM, 0, 0,
		"rule %u (%.100s) would %s packets %s the protected set @%s: put "
		"'pass %s @%s%s' before it",
		entry->id, text, entry->rule.verdict == PP_VERDICT_DROP ? "drop" : "route",
		out ? "to" : "from", name, out ? "dst" : "src", name, out ? " direction out" : "");
}

static bool harms(const struct pp_ruleset *set,
		  const struct pp_ruleset_entry *entry,
		  const struct pp_set *shield,
		  uint8_t family)
{
	return entry->rule.verdict != PP_VERDICT_PASS &&
	       may_concern(set, &entry->rule, shield, family);
}

static bool default_harms(const struct pp_ruleset *set,
			  const struct pp_set *shield,
			  uint8_t family,
			  uint32_t safe)
{
	return safe == pp_ruleset_count(set) && set->default_verdict == PP_VERDICT_DROP &&
	       pp_set_count_family(shield, family) > 0;
}

// Up to which place harm can be done, by direction.
struct safe {
	uint32_t ip4[PP_DIRECTIONS];
	uint32_t ip6[PP_DIRECTIONS];
};

static struct safe safe_from(const struct pp_ruleset *set, const struct pp_set *shield)
{
	struct safe safe;

	for (uint8_t i = 0; i < PP_DIRECTIONS; i++) {
		safe.ip4[i] = shielded_from(set, shield, PP_FAMILY_IP4, i);
		safe.ip6[i] = shielded_from(set, shield, PP_FAMILY_IP6, i);
	}
	return safe;
}

// The first place from place on that harms a set; the count of rules stands for the default action,
// which judges what is received, and one more for nothing.
static uint32_t find_harm(const struct pp_ruleset *set, const struct pp_set *shield, uint32_t place)
{
	const struct safe safe = safe_from(set, shield);
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(set, place);
	const struct pp_ruleset_entry *entry;

	for (; (entry = pp_ruleset_next(&cursor)) != NULL; place++)
		if ((place < safe.ip4[entry->rule.direction] &&
		     harms(set, entry, shield, PP_FAMILY_IP4)) ||
		    (place < safe.ip6[entry->rule.direction] &&
		     harms(set, entry, shield, PP_FAMILY_IP6)))
			return place;
	if (place == pp_ruleset_count(set) &&
	    !default_harms(set, shield, PP_FAMILY_IP4, safe.ip4[PP_DIRECTION_IN]) &&
	    !default_harms(set, shield, PP_FAMILY_IP6, safe.ip6[PP_DIRECTION_IN]))
		place++;
	return place;
}

int pp_ruleset_check_protected(const struct pp_ruleset *set,
			       uint32_t *after,
			       uint32_t *rule_id,
			       struct pp_error *err)
{
	uint32_t places = pp_ruleset_count(set) + 1; // for each set

	for (uint32_t i = *after / places; i < pp_ruleset_set_count(set); i++) {
		const struct pp_set *shield = set->sets->set[i].addresses;
		uint32_t place = *after > i * places ? *after - i * places : 0;
		const struct pp_ruleset_entry *entry;

		if (!set->sets->set[i].is_protected)
			continue;
		place = find_harm(set, shield, place);
		if (place >= places)
			continue;
		*after = i * places + place + 1;
		entry = pp_ruleset_at(set, place);
		*rule_id = entry != NULL ? entry->id : 0;
		return refuse(entry, shield, err);
	}
	return 0;
}

static bool harms_before_shield(const struct pp_ruleset *set,
				const struct pp_ruleset_entry *entry,
				const struct pp_set *shield,
				uint8_t family)
{
	return harms(set, entry, shield, family) &&
	       pp_ruleset_rules_before(set, entry->rank) <
		       shielded_from(set, shield, family, entry->rule.direction);
}

int pp_ruleset_check_protected_from(const struct pp_ruleset *set,
				    const struct pp_ruleset_entry *entry,
				    uint32_t *after,
				    struct pp_error *err)
{
	for (; *after < pp_ruleset_set_count(set); ++*after) {
		const struct pp_set *shield = set->sets->set[*after].addresses;

		if (!set->sets->set[*after].is_protected ||
		    (!harms_before_shield(set, entry, shield, PP_FAMILY_IP4) &&
		     !harms_before_shield(set, entry, shield, PP_FAMILY_IP6)))
			continue;
		++*after;
		return refuse(entry, shield, err);
	}
	return 0;
}

static bool same_sets(const struct pp_ruleset *a, const struct pp_ruleset *b)
{
	uint32_t count = pp_ruleset_set_count(a);

	if (a->sets == b->sets)
		return true;
	if (count != pp_ruleset_set_count(b))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (a->sets->set[i].addresses != b->sets->set[i].addresses ||
		    a->sets->set[i].is_protected != b->sets->set[i].is_protected)
			return false;
	return true;
}

static bool shelters_in(const struct pp_ruleset *set, const struct pp_rule *rule, uint8_t family)
{
	for (uint32_t i = 0; i < pp_ruleset_set_count(set); i++) {
		const struct pp_set *shield = set->sets->set[i].addresses;

		if (set->sets->set[i].is_protected && pp_set_count_family(shield, family) > 0 &&
		    lets_all_pass(set, rule, shield, family))
			return true;
	}
	return false;
}

static bool has_shelter(const struct pp_ruleset *set,
			const struct pp_ruleset_entry *const *entry,
			uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct pp_rule *rule = &entry[i]->rule;

		if ((pp_ruleset_traits(rule) & PP_TRAIT_SHELTER) &&
		    (shelters_in(set, rule, PP_FAMILY_IP4) ||
		     shelters_in(set, rule, PP_FAMILY_IP6)))
			return true;
	}
	return false;
}

bool pp_ruleset_protects_alike(const struct pp_ruleset *before,
			       const struct pp_ruleset *after,
			       const struct pp_ruleset_diff *diff)
{
	return before->default_verdict == after->default_verdict && same_sets(before, after) &&
	       !has_shelter(after, diff->added, diff->added_count) &&
	       !has_shelter(before, diff->deleted, diff->deleted_count);
}
