// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine.h"

#include <string.h>

// Whether frames that are neither IPv4 nor IPv6 can match.
static bool takes_other(const struct pp_rule *rule)
{
	return rule->family == PP_FAMILY_NONE && rule->proto < 0 && !rule->sport.set &&
	       !rule->dport.set && rule->src_set[0] == '\0' && rule->dst_set[0] == '\0';
}

static uint8_t frames_of(const struct pp_rule *rule)
{
	uint8_t frames = 0;

	if (rule->family != PP_FAMILY_IP6)
		frames |= PP_FRAMES_IP4;
	if (rule->family != PP_FAMILY_IP4)
		frames |= PP_FRAMES_IP6;
	if (takes_other(rule))
		frames |= PP_FRAMES_OTHER;
	return frames;
}

static void fill_ports(const struct pp_ports *ports, uint16_t *lo, uint16_t *hi)
{
	*lo = ports->set ? ports->lo : 0;
	*hi = ports->set ? ports->hi : UINT16_MAX;
}

void pp_engine_rule_fill(struct pp_engine_rule *out,
			 const struct pp_ruleset_entry *entry,
			 const struct pp_bindings *bindings,
			 const struct pp_used_sets *used)
{
	const struct pp_rule *rule = &entry->rule;

	*out = (struct pp_engine_rule){
		.slot = entry->slot,
		.rank = entry->rank,
		.rule_id = entry->id,
		.frames = frames_of(rule),
		.src_bits = rule->src.len_bits,
		.dst_bits = rule->dst.len_bits,
		.needs_ports = rule->sport.set || rule->dport.set,
		.proto = rule->proto,
		.iface = -1,
		.direction = rule->direction,
		.src_sets = pp_used_sets_bit(used, rule->src_set),
		.dst_sets = pp_used_sets_bit(used, rule->dst_set),
	};
	if (rule->on[0] != '\0')
		out->iface = (int16_t)pp_bindings_iface(bindings, rule->on);
	fill_ports(&rule->sport, &out->sport_lo, &out->sport_hi);
	fill_ports(&rule->dport, &out->dport_lo, &out->dport_hi);
	memcpy(out->src, rule->src.addr, sizeof(out->src));
	memcpy(out->dst, rule->dst.addr, sizeof(out->dst));
}
