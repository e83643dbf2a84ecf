// SPDX-License-Identifier: MIT OR Apache-2.0
// Boxes as rules of the body, and back.
#include "engine_tuple.h"

#define LOW_BITS ((1u << PP_TUPLE_LINK_BITS) - 1)

// See PP_TUPLE_PORT_LANES.
static uint64_t ports_of(const struct pp_tuple_box *box)
{
	return box->sport_lo | (uint64_t)(UINT16_MAX - box->sport_hi) << 16 |
	       (uint64_t)box->dport_lo << 32 | (uint64_t)(UINT16_MAX - box->dport_hi) << 48;
}

static void read_ports(uint64_t ports, struct pp_tuple_box *box)
{
	box->sport_lo = (uint16_t)ports;
	box->sport_hi = (uint16_t)(UINT16_MAX - (uint16_t)(ports >> 16));
	box->dport_lo = (uint16_t)(ports >> 32);
	box->dport_hi = (uint16_t)(UINT16_MAX - (uint16_t)(ports >> 48));
}

// See struct pp_tuple_rule6.
//
// @param bits  Of a prefix, in the half.
static uint8_t shift6(uint32_t bits)
{
	return (uint8_t)(bits == 0 ? 63 | 1 << 7 : 64 - bits);
}

static uint32_t bits6(uint32_t shift)
{
	return 64 - (shift & 63) - (shift >> 7);
}

static uint32_t in_half(uint32_t bits, int half)
{
	if (half == 1)
		return bits > 64 ? bits - 64 : 0;
	return bits > 64 ? 64 : bits;
}

uint32_t pp_tuple_box_units(const struct pp_tuple_box *box, int ip6)
{
	return ip6 && (box->src_bits > 64 || box->dst_bits > 64) ? 2 : 1;
}

uint64_t pp_tuple_box_cond_ports(const struct pp_tuple_box *box, int ip6)
{
	return ip6 && pp_tuple_box_units(box, ip6) == 1 ? ports_of(box) : PP_TUPLE_PORTS_ANY;
}

int pp_tuple_rule_cond_get(struct pp_tuple_state *state,
			   const struct pp_tuple_box *box,
			   int ip6,
			   uint32_t *units)
{
	struct pp_tuple_cond cond = {.sets = box->sets,
				     .word = box->value | (uint64_t)box->mask << 32,
				     .ports = pp_tuple_box_cond_ports(box, ip6)};
	int found = -1;

	*units = pp_tuple_box_units(box, ip6);
	if (cond.ports != PP_TUPLE_PORTS_ANY) {
		found = pp_tuple_cond_get(state, &cond);
		if (found >= 0)
			return found;
		*units = 2;
		cond.ports = PP_TUPLE_PORTS_ANY;
	}
	return pp_tuple_cond_get(state, &cond);
}

static void write6(struct pp_tuple_rule *rule, const struct pp_tuple_box *box, uint32_t units)
{
	struct pp_tuple_rule6 *first = (struct pp_tuple_rule6 *)rule;
	struct pp_tuple_rest6 *rest = (struct pp_tuple_rest6 *)(first + 1);

	rule->next |= (uint32_t)shift6(in_half(box->src_bits, 0)) << PP_TUPLE_LINK_BITS;
	rule->cond |= (uint32_t)shift6(in_half(box->dst_bits, 0)) << PP_TUPLE_LINK_BITS;
	first->addr[0] = box->addr[0];
	first->addr[1] = box->addr[2];
	if (units == 1)
		return;
	rule->cond |= PP_TUPLE_LONG;
	*rest = (struct pp_tuple_rest6){.addr = {box->addr[1], box->addr[3]},
					.ports = ports_of(box)};
	rest->shift[0] = shift6(in_half(box->src_bits, 1));
	rest->shift[1] = shift6(in_half(box->dst_bits, 1));
}

struct pp_tuple_rule4 pp_tuple_rule_make4(const struct pp_tuple_box *box, uint32_t cond)
{
	uint32_t src_shift = 32u - box->src_bits, dst_shift = 32u - box->dst_bits;

	return (struct pp_tuple_rule4){
		.rule = {.rank = box->rank,
			 .next = src_shift << PP_TUPLE_LINK_BITS,
			 .cond = cond * (uint32_t)sizeof(struct pp_tuple_cond) |
				 dst_shift << PP_TUPLE_LINK_BITS,
			 .slot = box->slot},
		.ports = ports_of(box),
		.addr = box->addr[0],
	};
}

void pp_tuple_rule_write6(const struct pp_tuple_family *family,
			  uint32_t index,
			  const struct pp_tuple_box *box,
			  uint32_t cond)
{
	struct pp_tuple_rule *rule = pp_tuple_rule(family, index);
	uint32_t units = family->entry[index].units;

	*rule = (struct pp_tuple_rule){
		.rank = box->rank,
		.cond = cond * (uint32_t)sizeof(struct pp_tuple_cond),
		.slot = box->slot,
	};
	write6(rule, box, units);
	pp_tuple_touched(family->state, rule, units * PP_TUPLE_UNIT_BYTES);
}

static void
read6(const struct pp_tuple_rule *rule, const struct pp_tuple_cond *cond, struct pp_tuple_box *box)
{
	const struct pp_tuple_rule6 *first = (const struct pp_tuple_rule6 *)rule;
	const struct pp_tuple_rest6 *rest = (const struct pp_tuple_rest6 *)(first + 1);

	box->src_bits = (uint8_t)bits6(rule->next >> PP_TUPLE_LINK_BITS);
	box->dst_bits = (uint8_t)bits6(rule->cond >> PP_TUPLE_LINK_BITS);
	box->addr[0] = first->addr[0];
	box->addr[2] = first->addr[1];
	read_ports(cond->ports, box);
	if (!(rule->cond & PP_TUPLE_LONG))
		return;
	box->src_bits = (uint8_t)(box->src_bits + bits6(rest->shift[0]));
	box->dst_bits = (uint8_t)(box->dst_bits + bits6(rest->shift[1]));
	box->addr[1] = rest->addr[0];
	box->addr[3] = rest->addr[1];
	read_ports(rest->ports, box);
}

struct pp_tuple_box pp_tuple_rule_read(const struct pp_tuple_family *family, uint32_t index)
{
	const struct pp_tuple_rule *rule = pp_tuple_rule(family, index);
	const struct pp_tuple_rule4 *rule4 = (const struct pp_tuple_rule4 *)rule;
	const struct pp_tuple_cond *cond = pp_tuple_cond(
		family->state, (rule->cond & LOW_BITS) / sizeof(struct pp_tuple_cond));
	struct pp_tuple_box box = {
		.rank = rule->rank,
		.slot = family->ip6 ? rule->slot : rule->slot & PP_TUPLE_SLOT_MASK,
		.sets = cond->sets,
		.value = (uint32_t)cond->word,
		.mask = (uint32_t)(cond->word >> 32),
	};

	if (family->ip6) {
		read6(rule, cond, &box);
		return box;
	}
	box.src_bits = (uint8_t)(32 - (rule->next >> PP_TUPLE_LINK_BITS));
	box.dst_bits = (uint8_t)(32 - (rule->cond >> PP_TUPLE_LINK_BITS));
	box.addr[0] = rule4->addr;
	read_ports(rule4->ports, &box);
	return box;
}
