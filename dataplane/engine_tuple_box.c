// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <string.h>

static uint64_t bytes_be(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static void box_addresses(struct pp_tuple_box *box, const struct pp_engine_rule *rule, int ip6)
{
	if (!ip6) {
		box->addr[0] = bytes_be(rule->src, 4) << 32 | bytes_be(rule->dst, 4);
		return;
	}
	for (int i = 0; i < 2; i++) {
		box->addr[i] = bytes_be(rule->src + 8 * i, 8);
		box->addr[2 + i] = bytes_be(rule->dst + 8 * i, 8);
	}
}

// @return  false: the rule matches nothing in this family.
bool pp_tuple_box_of(struct pp_tuple_box *box, const struct pp_engine_rule *rule, int ip6)
{
	if (!(rule->frames & (ip6 ? PP_FRAMES_IP6 : PP_FRAMES_IP4)))
		return false;
	*box = (struct pp_tuple_box){
		.sets = rule->src_sets | (uint64_t)rule->dst_sets << PP_SETS_DST_SHIFT,
		.rank = rule->rank,
		.slot = rule->slot,
		.rule_id = rule->rule_id,
		.sport_lo = rule->sport_lo,
		.sport_hi = rule->sport_hi,
		.dport_lo = rule->dport_lo,
		.dport_hi = rule->dport_hi,
		.src_bits = rule->src_bits,
		.dst_bits = rule->dst_bits,
	};
	box_addresses(box, rule, ip6);
	box->mask = (uint32_t)PP_KEY_OUT;
	box->value = rule->direction == PP_DIRECTION_OUT ? (uint32_t)PP_KEY_OUT : 0;
	if (rule->proto >= 0) {
		box->mask |= 0xffu << PP_KEY_PROTO_SHIFT;
		box->value |= (uint32_t)rule->proto << PP_KEY_PROTO_SHIFT;
	}
	if (rule->iface >= 0) {
		box->mask |= (uint32_t)PP_KEY_IFACE << PP_KEY_IFACE_SHIFT;
		box->value |= (uint32_t)rule->iface << PP_KEY_IFACE_SHIFT;
	}
	if (rule->needs_ports) {
		box->mask |= PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT;
		box->value |= PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT;
	}
	return true;
}

// How many of the first bits all ports of a range have in common.
uint32_t pp_tuple_range_bits(uint16_t lo, uint16_t hi)
{
	return lo == hi ? 16 : (uint32_t)__builtin_clz((uint32_t)(lo ^ hi)) - 16;
}

struct pp_tuple_mask pp_tuple_box_mask(const struct pp_tuple_box *box)
{
	return (struct pp_tuple_mask){
		.src = box->src_bits,
		.dst = box->dst_bits,
		.sport = (uint8_t)pp_tuple_range_bits(box->sport_lo, box->sport_hi),
		.dport = (uint8_t)pp_tuple_range_bits(box->dport_lo, box->dport_hi),
		.proto = (box->mask >> PP_KEY_PROTO_SHIFT & 0xff) != 0,
		.iface = (box->mask >> PP_KEY_IFACE_SHIFT & PP_KEY_IFACE) != 0,
	};
}

// @return  Whether a box whose own mask is `of` has one key under the mask.
bool pp_tuple_mask_fits(const struct pp_tuple_mask *mask, const struct pp_tuple_mask *of)
{
	return mask->src <= of->src && mask->dst <= of->dst && mask->sport <= of->sport &&
	       mask->dport <= of->dport && mask->proto <= of->proto && mask->iface <= of->iface;
}

static uint64_t first_bits(uint32_t bits, uint32_t of)
{
	if (bits == 0)
		return 0;
	if (bits >= of)
		return ~0ull >> (64 - of);
	return (~0ull >> (64 - of)) & ~(~0ull >> (64 - of + bits));
}

static void address_mask(uint64_t out[2], uint32_t bits)
{
	out[0] = first_bits(bits, 64);
	out[1] = bits > 64 ? first_bits(bits - 64, 64) : 0;
}

void pp_tuple_mask_write(const struct pp_tuple_mask *mask,
			 int ip6,
			 uint64_t addr[4],
			 uint64_t *word)
{
	memset(addr, 0, 4 * sizeof(addr[0]));
	if (ip6) {
		address_mask(&addr[0], mask->src);
		address_mask(&addr[2], mask->dst);
	} else {
		addr[0] = first_bits(mask->src, 32) << 32 | first_bits(mask->dst, 32);
	}
	// Every rule has a direction, so those of one never share a chain with those of the other.
	*word = PP_KEY_OUT | (mask->proto ? 0xffull << PP_KEY_PROTO_SHIFT : 0) |
		(mask->iface ? PP_KEY_IFACE << PP_KEY_IFACE_SHIFT : 0) |
		first_bits(mask->sport, 16) << PP_KEY_SPORT_SHIFT |
		first_bits(mask->dport, 16) << PP_KEY_DPORT_SHIFT;
}

uint64_t pp_tuple_box_word(const struct pp_tuple_box *box, int ip6)
{
	return (ip6 ? PP_FAMILY_IP6 : PP_FAMILY_IP4) | box->value |
	       (uint64_t)box->sport_lo << PP_KEY_SPORT_SHIFT |
	       (uint64_t)box->dport_lo << PP_KEY_DPORT_SHIFT;
}

bool pp_tuple_covers(const struct pp_tuple_box *of, const struct pp_tuple_box *box, int ip6)
{
	struct pp_tuple_mask mask = {.src = of->src_bits, .dst = of->dst_bits};
	uint64_t addr[4], word, differs = 0;

	if (of->sport_lo > box->sport_lo || of->sport_hi < box->sport_hi ||
	    of->dport_lo > box->dport_lo || of->dport_hi < box->dport_hi ||
	    (of->mask & ~box->mask) != 0 || ((of->value ^ box->value) & of->mask) != 0 ||
	    (of->sets & ~box->sets) != 0 || of->src_bits > box->src_bits ||
	    of->dst_bits > box->dst_bits)
		return false;
	pp_tuple_mask_write(&mask, ip6, addr, &word);
	for (int i = 0; i < (ip6 ? 4 : 1); i++)
		differs |= (of->addr[i] ^ box->addr[i]) & addr[i];
	return differs == 0;
}
