// SPDX-License-Identifier: MIT OR Apache-2.0
#include "oracle.h"

#include <string.h>

static bool bit(const uint8_t *addr, unsigned int index)
{
	return (addr[index / 8] >> (7 - index % 8)) & 1;
}

static bool prefix_matches(const struct pp_prefix *prefix, uint8_t family, const uint8_t *addr)
{
	if (prefix->family == PP_FAMILY_NONE)
		return true;
	if (prefix->family != family)
		return false;
	for (unsigned int i = 0; i < prefix->len_bits; i++)
		if (bit(prefix->addr, i) != bit(addr, i))
			return false;
	return true;
}

static bool ports_match(const struct pp_ports *ports, bool has_ports, uint16_t port)
{
	if (!ports->set)
		return true;
	return has_ports && ports->lo <= port && port <= ports->hi;
}

static bool is_about_ip(const struct pp_rule *rule)
{
	return rule->family != PP_FAMILY_NONE || rule->src.family != PP_FAMILY_NONE ||
	       rule->dst.family != PP_FAMILY_NONE || rule->sport.set || rule->dport.set ||
	       rule->proto >= 0 || rule->src_set[0] != '\0' || rule->dst_set[0] != '\0';
}

bool oracle_rule_matches(const struct pp_rule *rule, const struct oracle_packet *packet)
{
	if ((rule->direction == PP_DIRECTION_OUT) != packet->out)
		return false;
	if (rule->on[0] != '\0' && strcmp(rule->on, packet->iface) != 0)
		return false;
	if (!is_about_ip(rule))
		return true;
	if (!packet->is_ip)
		return false;
	if (rule->family != PP_FAMILY_NONE && rule->family != packet->family)
		return false;
	if (rule->proto >= 0 && rule->proto != packet->proto)
		return false;
	return prefix_matches(&rule->src, packet->family, packet->src) &&
	       prefix_matches(&rule->dst, packet->family, packet->dst) &&
	       ports_match(&rule->sport, packet->has_ports, packet->sport) &&
	       ports_match(&rule->dport, packet->has_ports, packet->dport);
}

static bool
set_matches(const struct pp_ruleset *set, const char *name, uint8_t family, const uint8_t *addr)
{
	const struct pp_set *addresses = pp_ruleset_find_set(set, name);

	if (name[0] == '\0')
		return true;
	for (size_t i = 0; i < pp_set_count(addresses); i++) {
		struct pp_set_entry entry;

		pp_set_at(addresses, i, &entry);
		if (prefix_matches(&entry.prefix, family, addr))
			return true;
	}
	return false;
}

uint32_t oracle_match(const struct pp_ruleset *set, const struct oracle_packet *packet)
{
	for (uint32_t i = 0; i < pp_ruleset_count(set); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(set, i);

		if (oracle_rule_matches(&entry->rule, packet) &&
		    set_matches(set, entry->rule.src_set, packet->family, packet->src) &&
		    set_matches(set, entry->rule.dst_set, packet->family, packet->dst))
			return entry->id;
	}
	return 0;
}
