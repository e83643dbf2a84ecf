// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_rules.h"

#include <stdlib.h>
#include <string.h>

#include "rule_gen.h"

static int16_t iface_index(const char *name)
{
	for (int16_t i = 0; i < RULE_GEN_IFACES; i++)
		if (strcmp(rule_gen_iface[i], name) == 0)
			return i;
	return -1;
}

static uint32_t set_bit(const char *name)
{
	return name[0] == '\0' ? 0 : 1u << (strtoul(name + 1, NULL, 10) & 31);
}

static uint8_t frames(const struct pp_rule *rule)
{
	bool ip_only = rule->proto >= 0 || rule->sport.set || rule->dport.set ||
		       rule->src_set[0] != '\0' || rule->dst_set[0] != '\0';

	if (rule->family == PP_FAMILY_IP4)
		return PP_FRAMES_IP4;
	if (rule->family == PP_FAMILY_IP6)
		return PP_FRAMES_IP6;
	return PP_FRAMES_IP4 | PP_FRAMES_IP6 | (ip_only ? 0 : PP_FRAMES_OTHER);
}

void engine_rule_make(const struct pp_rule *rule,
		      uint32_t slot,
		      uint32_t rank,
		      struct pp_engine_rule *out)
{
	*out = (struct pp_engine_rule){
		.slot = slot,
		.rank = rank,
		.rule_id = slot,
		.frames = frames(rule),
		.src_bits = rule->src.len_bits,
		.dst_bits = rule->dst.len_bits,
		.needs_ports = rule->sport.set || rule->dport.set,
		.proto = rule->proto,
		.iface = rule->on[0] == '\0' ? -1 : iface_index(rule->on),
		.sport_lo = rule->sport.set ? rule->sport.lo : 0,
		.sport_hi = rule->sport.set ? rule->sport.hi : UINT16_MAX,
		.dport_lo = rule->dport.set ? rule->dport.lo : 0,
		.dport_hi = rule->dport.set ? rule->dport.hi : UINT16_MAX,
		.src_sets = set_bit(rule->src_set),
		.dst_sets = set_bit(rule->dst_set),
	};
	memcpy(out->src, rule->src.addr, sizeof(out->src));
	memcpy(out->dst, rule->dst.addr, sizeof(out->dst));
}
