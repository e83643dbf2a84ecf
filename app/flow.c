// SPDX-License-Identifier: MIT OR Apache-2.0
#include "flow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool prefix_matches(const struct pp_prefix *prefix, const uint8_t addr[16])
{
	uint32_t bytes = prefix->len_bits / 8, bits = prefix->len_bits % 8;

	if (prefix->family == PP_FAMILY_NONE)
		return true;
	if (memcmp(prefix->addr, addr, bytes))
		return false;
	return !bits || !((prefix->addr[bytes] ^ addr[bytes]) >> (8 - bits));
}

// One address against a prefix and the name of a set, of which a rule has one at most.
static bool address_matches(const struct pp_ruleset *rules,
			    const struct pp_prefix *prefix,
			    const char *set,
			    uint8_t family,
			    const uint8_t addr[16])
{
	if (*set)
		return pp_set_contains(pp_ruleset_find_set(rules, set), family, addr);
	return prefix_matches(prefix, addr);
}

static bool ports_match(const struct pp_ports *ports, bool has_ports, uint16_t port)
{
	return !ports->set || (has_ports && port >= ports->lo && port <= ports->hi);
}

static bool has_ip_condition(const struct pp_rule *rule)
{
	return rule->family != PP_FAMILY_NONE || rule->src.family != PP_FAMILY_NONE ||
	       rule->dst.family != PP_FAMILY_NONE || *rule->src_set || *rule->dst_set ||
	       rule->sport.set || rule->dport.set || rule->proto >= 0;
}

// @param unknown  The flow's address is not known.
static bool end_matches(const struct pp_ruleset *rules,
			const struct pp_rule *rule,
			bool dst,
			bool unknown,
			const struct pp_flow *flow)
{
	const struct pp_prefix *prefix = dst ? &rule->dst : &rule->src;
	const char *set = dst ? rule->dst_set : rule->src_set;

	if (unknown && (prefix->family != PP_FAMILY_NONE || *set))
		return rule->verdict != PP_VERDICT_PASS;
	return address_matches(rules, prefix, set, flow->family, dst ? flow->dst : flow->src);
}

bool pp_flow_matches(const struct pp_ruleset *rules,
		     const struct pp_rule *rule,
		     const char *iface,
		     const struct pp_flow *flow)
{
	if (rule->direction != flow->direction || (*rule->on && strcmp(rule->on, iface)))
		return false;
	if (!has_ip_condition(rule))
		return true;
	if (flow->family == PP_FAMILY_NONE)
		return false;
	return (rule->family == PP_FAMILY_NONE || rule->family == flow->family) &&
	       (rule->proto < 0 || rule->proto == flow->proto) &&
	       end_matches(rules, rule, false, flow->src_unknown, flow) &&
	       end_matches(rules, rule, true, flow->dst_unknown, flow) &&
	       ports_match(&rule->sport, flow->ports, flow->sport) &&
	       ports_match(&rule->dport, flow->ports, flow->dport);
}

const struct pp_ruleset_entry *
pp_flow_judge(const struct pp_ruleset *rules, const char *iface, const struct pp_flow *flow)
{
	struct pp_ruleset_cursor cursor = pp_ruleset_begin(rules, 0);
	const struct pp_ruleset_entry *entry;

	while ((entry = pp_ruleset_next(&cursor)) &&
	       !pp_flow_matches(rules, &entry->rule, iface, flow))
		;
	return entry;
}

uint8_t pp_flow_parse_address(const char *text, uint8_t addr[16])
{
	char plain[INET6_ADDRSTRLEN];

	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(text, "%"), text);
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, plain, addr) == 1)
		return PP_FAMILY_IP4;
	if (inet_pton(AF_INET6, plain, addr) == 1)
		return PP_FAMILY_IP6;
	return PP_FAMILY_NONE;
}
