// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_rules.h"

#include <stdlib.h>
#include <string.h>

static uint8_t frames_of(const struct pp_rule *rule)
{
	if (rule->family == PP_FAMILY_IP4)
		return PP_FRAMES_IP4;
	if (rule->family == PP_FAMILY_IP6)
		return PP_FRAMES_IP6;
	if (rule->proto >= 0 || rule->sport.set || rule->dport.set || rule->src_set[0] != '\0' ||
	    rule->dst_set[0] != '\0')
		return PP_FRAMES_IP4 | PP_FRAMES_IP6;
	return PP_FRAMES_IP4 | PP_FRAMES_IP6 | PP_FRAMES_OTHER;
}

static int16_t iface_of(const char *name)
{
	for (uint32_t i = 0; i < RULE_GEN_IFACES; i++)
		if (strcmp(rule_gen_iface[i], name) == 0)
			return (int16_t)i;
	return -1;
}

static uint32_t set_bit_of(const char *name)
{
	return name[0] == '\0' ? 0 : 1u << atoi(name + 1);
}

void engine_rule_of(struct pp_engine_rule *out,
		    const struct pp_rule *rule,
		    uint32_t slot,
		    uint32_t rank,
		    uint32_t rule_id)
{
	*out = (struct pp_engine_rule){
		.slot = slot,
		.rank = rank,
		.rule_id = rule_id,
		.frames = frames_of(rule),
		.src_bits = rule->src.len_bits,
		.dst_bits = rule->dst.len_bits,
		.needs_ports = rule->sport.set || rule->dport.set,
		.proto = rule->proto,
		.iface = iface_of(rule->on),
		.direction = rule->direction,
		.sport_lo = rule->sport.set ? rule->sport.lo : 0,
		.sport_hi = rule->sport.set ? rule->sport.hi : UINT16_MAX,
		.dport_lo = rule->dport.set ? rule->dport.lo : 0,
		.dport_hi = rule->dport.set ? rule->dport.hi : UINT16_MAX,
		.src_sets = set_bit_of(rule->src_set),
		.dst_sets = set_bit_of(rule->dst_set),
	};
	memcpy(out->src, rule->src.addr, sizeof(out->src));
	memcpy(out->dst, rule->dst.addr, sizeof(out->dst));
}

static void key_set_addresses(struct pp_key *key, const uint8_t src[16], const uint8_t dst[16])
{
	if ((uint8_t)key->word == PP_FAMILY_IP6) {
		memcpy(&key->addr[0], src, 16);
		memcpy(&key->addr[2], dst, 16);
		return;
	}
	for (int i = 0; i < 4; i++)
		key->addr[0] = key->addr[0] << 8 | src[i];
	for (int i = 0; i < 4; i++)
		key->addr[0] = key->addr[0] << 8 | dst[i];
}

struct pp_key engine_key_of(const struct oracle_packet *packet)
{
	struct pp_key key = {.word = packet->family | packet->proto << PP_KEY_PROTO_SHIFT};

	key.word |= (uint64_t)iface_of(packet->iface) << PP_KEY_IFACE_SHIFT;
	key.word |= packet->out ? PP_KEY_OUT : 0;
	key.word |= (uint64_t)(packet->has_ports ? PP_KEY_PORTS : 0) << PP_KEY_FLAGS_SHIFT;
	key.word |= (uint64_t)packet->sport << PP_KEY_SPORT_SHIFT;
	key.word |= (uint64_t)packet->dport << PP_KEY_DPORT_SHIFT;
	if (packet->family != PP_FAMILY_NONE)
		key_set_addresses(&key, packet->src, packet->dst);
	return key;
}

static uint8_t key_addr_byte(const struct pp_key *key, bool dst, uint32_t index)
{
	const uint8_t *bytes = (const uint8_t *)&key->addr[dst ? 2 : 0];

	if ((uint8_t)key->word == PP_FAMILY_IP6)
		return bytes[index];
	return (uint8_t)(key->addr[0] >> ((dst ? 24 : 56) - 8 * index));
}

static bool prefix_matches(const uint8_t *prefix, uint32_t bits, const struct pp_key *key, bool dst)
{
	for (uint32_t i = 0; i < bits; i++) {
		uint8_t differs = (uint8_t)(prefix[i / 8] ^ key_addr_byte(key, dst, i / 8));

		if (differs >> (7 - i % 8) & 1)
			return false;
	}
	return true;
}

static uint8_t frame_of(const struct pp_key *key)
{
	return (uint8_t)key->word == PP_FAMILY_IP4   ? PP_FRAMES_IP4
	       : (uint8_t)key->word == PP_FAMILY_IP6 ? PP_FRAMES_IP6
						     : PP_FRAMES_OTHER;
}

bool engine_rule_matches(const struct pp_engine_rule *rule, const struct pp_key *key, uint64_t sets)
{
	uint16_t sport = (uint16_t)(key->word >> PP_KEY_SPORT_SHIFT);
	uint16_t dport = (uint16_t)(key->word >> PP_KEY_DPORT_SHIFT);

	if (!(rule->frames & frame_of(key)))
		return false;
	if ((rule->direction == PP_DIRECTION_OUT) != ((key->word & PP_KEY_OUT) != 0))
		return false;
	if (rule->iface >= 0 &&
	    (uint64_t)rule->iface != (key->word >> PP_KEY_IFACE_SHIFT & PP_KEY_IFACE))
		return false;
	if (frame_of(key) == PP_FRAMES_OTHER)
		return true;
	if (rule->proto >= 0 && rule->proto != (uint8_t)(key->word >> PP_KEY_PROTO_SHIFT))
		return false;
	if (rule->needs_ports && !(key->word >> PP_KEY_FLAGS_SHIFT & PP_KEY_PORTS))
		return false;
	if (sport < rule->sport_lo || sport > rule->sport_hi || dport < rule->dport_lo ||
	    dport > rule->dport_hi)
		return false;
	if ((rule->src_sets & ~(uint32_t)sets) != 0 || (rule->dst_sets & ~(sets >> 32)) != 0)
		return false;
	return prefix_matches(rule->src, rule->src_bits, key, false) &&
	       prefix_matches(rule->dst, rule->dst_bits, key, true);
}

uint32_t engine_rules_match(const struct pp_engine_rule *rule,
			    uint32_t count,
			    const struct pp_key *key,
			    uint64_t sets)
{
	uint32_t slot = PP_SLOT_DEFAULT, rank = UINT32_MAX;

	for (uint32_t i = 0; i < count; i++)
		if (rule[i].rank < rank && engine_rule_matches(&rule[i], key, sets)) {
			slot = rule[i].slot;
			rank = rule[i].rank;
		}
	return slot;
}

static bool one_in(struct rule_gen *gen, uint32_t n)
{
	return n != 0 && rule_gen_below(gen, n) == 0;
}

static void random_address(struct rule_gen *gen, const struct engine_mix *mix, uint8_t addr[16])
{
	static const uint8_t last[8] = {0, 1, 2, 3, 0x80, 0x81, 0xfe, 0xff};
	static const uint8_t first[8] = {0, 10, 10, 0x20, 0x20, 0x80, 0xff, 0xff};

	for (int i = 0; i < 16; i++)
		addr[i] = (uint8_t)rule_gen_below(gen, 256);
	if (mix->addresses != 0) {
		uint32_t one = rule_gen_below(gen, mix->addresses);

		memset(addr, first[one], 16);
		addr[3] = addr[15] = last[one];
	}
}

static uint8_t
random_prefix(struct rule_gen *gen, const struct engine_mix *mix, uint8_t family, uint8_t addr[16])
{
	uint32_t width = family == PP_FAMILY_IP6 ? 128 : 32, bits = width;

	random_address(gen, mix, addr);
	if (!mix->host_only && !one_in(gen, 3))
		bits = one_in(gen, 2) ? rule_gen_below(gen, width + 1)
				      : rule_gen_below(gen, 5) * width / 4;
	for (uint32_t i = bits; i < 128; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return (uint8_t)bits;
}

static uint16_t random_port(struct rule_gen *gen, const struct engine_mix *mix)
{
	static const uint16_t edge[] = {0, 1024, 80, 65535};

	if (mix->ports != 0)
		return edge[rule_gen_below(gen, mix->ports)];
	return (uint16_t)rule_gen_below(gen, 65536);
}

static void
random_range(struct rule_gen *gen, const struct engine_mix *mix, uint16_t *lo, uint16_t *hi)
{
	uint16_t a = random_port(gen, mix), b = one_in(gen, 2) ? a : random_port(gen, mix);

	*lo = a < b ? a : b;
	*hi = a < b ? b : a;
}

void engine_rule_random(struct rule_gen *gen,
			const struct engine_mix *mix,
			struct pp_engine_rule *out)
{
	uint8_t family = mix->family;

	*out = (struct pp_engine_rule){
		.proto = -1, .iface = -1, .sport_hi = UINT16_MAX, .dport_hi = UINT16_MAX};
	out->frames = PP_FRAMES_IP4 | PP_FRAMES_IP6 | PP_FRAMES_OTHER;
	out->direction = one_in(gen, 4) ? PP_DIRECTION_OUT : PP_DIRECTION_IN;
	if (one_in(gen, mix->one_in_iface))
		out->iface = (int16_t)rule_gen_below(gen, 4);
	if (one_in(gen, mix->one_in_any))
		return;
	if (family == PP_FAMILY_NONE)
		family = one_in(gen, 2) ? PP_FAMILY_IP4 : PP_FAMILY_IP6;
	out->frames = family == PP_FAMILY_IP4 ? PP_FRAMES_IP4 : PP_FRAMES_IP6;
	if (one_in(gen, mix->one_in_sets))
		out->src_sets = 1u << rule_gen_below(gen, 3);
	else
		out->src_bits = random_prefix(gen, mix, family, out->src);
	if (one_in(gen, mix->one_in_sets))
		out->dst_sets = 1u << (31 - rule_gen_below(gen, 3));
	else
		out->dst_bits = random_prefix(gen, mix, family, out->dst);
	if (one_in(gen, mix->one_in_proto))
		out->proto = (int16_t)(one_in(gen, 2) ? 6 : rule_gen_below(gen, 256));
	out->needs_ports = one_in(gen, mix->one_in_ports);
	if (out->needs_ports && !one_in(gen, 4))
		random_range(gen, mix, &out->sport_lo, &out->sport_hi);
	if (out->needs_ports && !one_in(gen, 4))
		random_range(gen, mix, &out->dport_lo, &out->dport_hi);
	if (mix->family == PP_FAMILY_NONE && out->src_bits == 0 && out->dst_bits == 0)
		out->frames = PP_FRAMES_IP4 | PP_FRAMES_IP6;
}

static void
address_near(struct rule_gen *gen, const uint8_t *prefix, uint32_t bits, uint8_t addr[16])
{
	memcpy(addr, prefix, 16);
	for (uint32_t i = bits; i < 128; i++)
		addr[i / 8] ^= (uint8_t)(rule_gen_below(gen, 2) << (7 - i % 8));
	if (bits > 0 && one_in(gen, 6))
		addr[(bits - 1) / 8] ^= (uint8_t)(0x80 >> (bits - 1) % 8);
}

static uint64_t port_near(struct rule_gen *gen, uint16_t lo, uint16_t hi)
{
	switch (rule_gen_below(gen, 6)) {
	case 0:
		return (uint16_t)(lo - 1);
	case 1:
		return (uint16_t)(hi + 1);
	case 2:
		return lo;
	case 3:
		return hi;
	default:
		return lo + rule_gen_below(gen, (uint32_t)(hi - lo) + 1);
	}
}

void engine_key_near(struct rule_gen *gen,
		     const struct pp_engine_rule *rule,
		     struct pp_key *key,
		     uint64_t *sets)
{
	uint8_t src[16], dst[16], family = one_in(gen, 2) ? PP_FAMILY_IP4 : PP_FAMILY_IP6;
	uint64_t proto = rule->proto >= 0 ? (uint64_t)rule->proto : rule_gen_below(gen, 256);
	uint64_t iface = rule->iface >= 0 ? (uint64_t)rule->iface : rule_gen_below(gen, 5);

	if (rule->frames == PP_FRAMES_IP4 || rule->frames == PP_FRAMES_IP6)
		family = rule->frames == PP_FRAMES_IP4 ? PP_FAMILY_IP4 : PP_FAMILY_IP6;
	if (one_in(gen, rule->frames & PP_FRAMES_OTHER ? 3 : 50))
		family = PP_FAMILY_NONE;
	if (one_in(gen, 8))
		proto ^= 1;
	if (one_in(gen, 8))
		iface = rule_gen_below(gen, 5);
	*sets = (rule->src_sets | (uint64_t)rule->dst_sets << 32) ^
		(one_in(gen, 4) ? (uint64_t)rule_gen_below(gen, 8) << rule_gen_below(gen, 61) : 0);
	*key = (struct pp_key){.word = family | iface << PP_KEY_IFACE_SHIFT};
	if ((rule->direction == PP_DIRECTION_OUT) != one_in(gen, 8))
		key->word |= PP_KEY_OUT;
	if (family == PP_FAMILY_NONE)
		return;
	key->word |= proto << PP_KEY_PROTO_SHIFT;
	if (one_in(gen, 5))
		key->word |= one_in(gen, 2) ? (uint64_t)PP_KEY_LATER_FRAG << PP_KEY_FLAGS_SHIFT : 0;
	else
		key->word |= (uint64_t)PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT |
			     port_near(gen, rule->sport_lo, rule->sport_hi) << PP_KEY_SPORT_SHIFT |
			     port_near(gen, rule->dport_lo, rule->dport_hi) << PP_KEY_DPORT_SHIFT;
	address_near(gen, rule->src, rule->src_bits, src);
	address_near(gen, rule->dst, rule->dst_bits, dst);
	key_set_addresses(key, src, dst);
}
