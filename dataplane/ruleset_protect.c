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

static const struct pp_set *src_set(const struct pp_ruleset *set, const struct pp_rule *rule)
{
	return rule->src_set[0] != '\0' ? pp_ruleset_find_set(set, rule->src_set) : NULL;
}

// Whether the source of a rule can be in a protected set. Other conditions can only narrow that.
static bool may_come_from(const struct pp_ruleset *set,
			  const struct pp_rule *rule,
			  const struct pp_set *shield,
			  uint8_t family)
{
	if (!takes_family(rule, family) || pp_set_count_family(shield, family) == 0)
		return false;
	if (rule->src_set[0] != '\0')
		return pp_set_overlaps_in(src_set(set, rule), shield, family);
	return rule->src.family == PP_FAMILY_NONE || pp_set_overlaps_prefix(shield, &rule->src);
}

static bool prefix_covers(const struct pp_prefix *prefix, const struct pp_set *shield)
{
	struct pp_set_entry entry = {.prefix = *prefix};
	struct pp_set outer = {.count = 1, .entry = &entry};

	outer.ip4_count = prefix->family == PP_FAMILY_IP4;
	return pp_set_covers_in(&outer, shield, prefix->family);
}

// Whether a rule lets every packet of a protected set pass, whatever else the packet is, and for
// good: nobody can refuse what a rule or an entry that expires would bring about.
static bool lets_all_pass(const struct pp_ruleset *set,
			  const struct pp_rule *rule,
			  const struct pp_set *shield,
			  uint8_t family)
{
	const struct pp_set *src = src_set(set, rule);

	if (rule->verdict != PP_VERDICT_PASS || !takes_family(rule, family) || rule->ttl_ns > 0 ||
	    rule->on[0] != '\0' || rule->proto >= 0 || rule->sport.set || rule->dport.set ||
	    rule->dst.family != PP_FAMILY_NONE || rule->dst_set[0] != '\0')
		return false;
	if (src == shield)
		return true;
	if (src != NULL)
		return pp_set_next_expiry(src) == 0 && pp_set_covers_in(src, shield, family);
	return rule->src.family == PP_FAMILY_NONE || prefix_covers(&rule->src, shield);
}

// The place in match order of the first rule that lets all pass; the count of rules: none does.
static uint32_t
shielded_from(const struct pp_ruleset *set, const struct pp_set *shield, uint8_t family)
{
	uint32_t place = 0;

	while (place < set->count &&
	       !lets_all_pass(set, &pp_ruleset_at(set, place)->rule, shield, family))
		place++;
	return place;
}

static int refuse(const struct pp_ruleset *set,
		  uint32_t place,
		  const struct pp_set *shield,
		  struct pp_error *err)
{
	const struct pp_ruleset_entry *entry = pp_ruleset_at(set, place);
	const char *name = pp_set_name(shield);
	char text[PP_RULE_TEXT_BYTES];

	if (entry == NULL)
		return pp_error_set(err, -EPERM, 0, 0,
				    "the default action would drop packets from the protected set "
				    "@%s: add 'pass src @%s'",
				    name, name);
	pp_rule_format(&entry->rule, text, sizeof(text));
	return pp_error_set(err, -EPERM, 0, 0,
			    "rule %u (%.100s) would %s packets from the protected set @%s: put "
			    "'pass src @%s' before it",
			    entry->id, text,
			    entry->rule.verdict == PP_VERDICT_DROP ? "drop" : "route", name, name);
}

// @param safe  The place of the rule that lets all pass; the count of rules: there is none.
static bool harms(const struct pp_ruleset *set,
		  uint32_t place,
		  const struct pp_set *shield,
		  uint8_t family,
		  uint32_t safe)
{
	const struct pp_ruleset_entry *entry = pp_ruleset_at(set, place);

	if (entry == NULL)
		return safe == set->count && set->default_verdict == PP_VERDICT_DROP &&
		       pp_set_count_family(shield, family) > 0;
	return place < safe && entry->rule.verdict != PP_VERDICT_PASS &&
	       may_come_from(set, &entry->rule, shield, family);
}

// The first place from place on that harms a set; the count of rules stands for the default action.
static uint32_t find_harm(const struct pp_ruleset *set, const struct pp_set *shield, uint32_t place)
{
	uint32_t safe4 = shielded_from(set, shield, PP_FAMILY_IP4);
	uint32_t safe6 = shielded_from(set, shield, PP_FAMILY_IP6);

	while (place <= set->count && !harms(set, place, shield, PP_FAMILY_IP4, safe4) &&
	       !harms(set, place, shield, PP_FAMILY_IP6, safe6))
		place++;
	return place;
}

int pp_ruleset_check_protected(const struct pp_ruleset *set,
			       uint32_t *after,
			       uint32_t *rule_id,
			       struct pp_error *err)
{
	uint32_t places = set->count + 1; // for each set

	for (uint32_t i = *after / places; i < set->set_count; i++) {
		const struct pp_set *shield = set->set[i].addresses;
		uint32_t place = *after > i * places ? *after - i * places : 0;

		if (!set->set[i].is_protected)
			continue;
		place = find_harm(set, shield, place);
		if (place == places)
			continue;
		*after = i * places + place + 1;
		*rule_id = place < set->count ? pp_ruleset_at(set, place)->id : 0;
		return refuse(set, place, shield, err);
	}
	return 0;
}
