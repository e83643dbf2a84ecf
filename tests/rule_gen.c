// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_gen.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

const char *const rule_gen_iface[RULE_GEN_IFACES] = {"pp0", "pp1", "pp2"};
const char *const rule_gen_copy_consumer[RULE_GEN_CONSUMERS] = {"count-a", "count-b"};
const char *const rule_gen_route_consumer[RULE_GEN_CONSUMERS] = {"sink-a", "sink-b"};

// Neighbours that part at different bits: first, last, and across the halves of an IPv6 address.
static const uint8_t ip4_pool[8][16] = {
	{192, 0, 2, 0},	     {192, 0, 2, 1},	 {192, 0, 2, 255}, {192, 0, 3, 0},
	{198, 51, 100, 127}, {203, 0, 113, 128}, {0, 0, 0, 0},	   {255, 255, 255, 255},
};
static const uint8_t ip6_pool[8][16] = {
	{0x20, 0x01, 0x0d, 0xb8},
	{0x20, 0x01, 0x0d, 0xb8, [15] = 1},
	{0x20, 0x01, 0x0d, 0xb8, [7] = 1},
	{0x20, 0x01, 0x0d, 0xb8, [8] = 0x80},
	{0x20, 0x01, 0x0d, 0xb9, 0xff, 0xff, [15] = 0xff},
	{0xfe, 0x80, [8] = 2, [15] = 1},
	{0},
	{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
};
static const uint8_t ip4_len[] = {0, 1, 7, 8, 9, 16, 23, 24, 25, 31, 32, 32, 32};
static const uint8_t ip6_len[] = {0, 1, 31, 32, 33, 63, 64, 65, 96, 127, 128, 128, 128};
static const uint16_t port_pool[] = {0, 1, 53, 1023, 1024, 32767, 32768, 65534, 65535};
static const uint8_t port_proto[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE};
static const uint8_t rule_proto[] = {0, 1, 6, 17, 47, 58, 89, 132, 136, 254, 255};
static const uint32_t prio_pool[] = {
	PP_PRIO_DEFAULT, PP_PRIO_DEFAULT, PP_PRIO_DEFAULT, 0, 999, PP_PRIO_MAX,
};
static const uint32_t take_pool[] = {PP_TAKE_ALL, PP_TAKE_ALL, 1, 64, 128, PP_COPY_BYTES_MAX};

void rule_gen_init(struct rule_gen *gen, uint64_t seed)
{
	gen->state = seed;
}

// splitmix64
static uint64_t next(struct rule_gen *gen)
{
	uint64_t z = gen->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t rule_gen_below(struct rule_gen *gen, uint32_t below)
{
	return (uint32_t)((next(gen) >> 32) * below >> 32);
}

static bool one_in(struct rule_gen *gen, uint32_t n)
{
	return rule_gen_below(gen, n) == 0;
}

#define PICK(gen, array) ((array)[rule_gen_below(gen, COUNT(array))])

static void pick_addr(struct rule_gen *gen, uint8_t family, uint8_t addr[16])
{
	memcpy(addr, family == PP_FAMILY_IP4 ? PICK(gen, ip4_pool) : PICK(gen, ip6_pool), 16);
}

static uint32_t addr_bits(uint8_t family)
{
	return family == PP_FAMILY_IP4 ? 32 : 128;
}

static void set_bit(uint8_t *addr, uint32_t index, bool value)
{
	uint8_t mask = (uint8_t)(0x80 >> (index % 8));

	addr[index / 8] = (uint8_t)(value ? addr[index / 8] | mask : addr[index / 8] & ~mask);
}

static void flip_bit(uint8_t *addr, uint32_t index)
{
	addr[index / 8] ^= (uint8_t)(0x80 >> (index % 8));
}

static void make_prefix(struct rule_gen *gen, uint8_t family, struct pp_prefix *out)
{
	out->family = family;
	out->len_bits = family == PP_FAMILY_IP4 ? PICK(gen, ip4_len) : PICK(gen, ip6_len);
	pick_addr(gen, family, out->addr);
	for (uint32_t i = out->len_bits; i < addr_bits(family); i++)
		set_bit(out->addr, i, false);
}

static void make_ports(struct rule_gen *gen, struct pp_ports *out)
{
	uint16_t a = PICK(gen, port_pool);
	uint16_t b = one_in(gen, 2) ? a : PICK(gen, port_pool);

	out->set = true;
	out->lo = a < b ? a : b;
	out->hi = a < b ? b : a;
}

static void make_action(struct rule_gen *gen, struct pp_rule *rule)
{
	rule->verdict = (uint8_t)rule_gen_below(gen, PP_VERDICT_COUNT);
	rule->copy = one_in(gen, 2);
	rule->take_bytes = rule->copy ? PICK(gen, take_pool) : PP_TAKE_ALL;
	if (rule->copy && one_in(gen, 2))
		strcpy(rule->copy_to, PICK(gen, rule_gen_copy_consumer));
	if (rule->verdict == PP_VERDICT_ROUTE && one_in(gen, 2))
		strcpy(rule->route_to, PICK(gen, rule_gen_route_consumer));
}

static void make_ip_conditions(struct rule_gen *gen, struct pp_rule *rule)
{
	uint8_t family = one_in(gen, 2) ? PP_FAMILY_IP4 : PP_FAMILY_IP6;

	if (one_in(gen, 2))
		make_prefix(gen, family, &rule->src);
	if (one_in(gen, 2))
		make_prefix(gen, family, &rule->dst);
	if (rule->src.family != PP_FAMILY_NONE || rule->dst.family != PP_FAMILY_NONE ||
	    one_in(gen, 4))
		rule->family = family;
	if (one_in(gen, 4))
		make_ports(gen, &rule->sport);
	if (one_in(gen, 4))
		make_ports(gen, &rule->dport);
	if (one_in(gen, 2))
		rule->proto = rule->sport.set || rule->dport.set ? PICK(gen, port_proto)
								 : PICK(gen, rule_proto);
}

void rule_gen_rule(struct rule_gen *gen, struct pp_rule *out)
{
	bool nothing;

	memset(out, 0, sizeof(*out));
	out->proto = -1;
	out->prio = PICK(gen, prio_pool);
	make_action(gen, out);
	if (one_in(gen, 4))
		snprintf(out->name, sizeof(out->name), "r%u", rule_gen_below(gen, 100));
	if (one_in(gen, 4))
		strcpy(out->on, PICK(gen, rule_gen_iface));
	if (out->verdict != PP_VERDICT_ROUTE && one_in(gen, 4))
		out->direction = PP_DIRECTION_OUT;
	if (!one_in(gen, 16))
		make_ip_conditions(gen, out);
	nothing = out->family == PP_FAMILY_NONE && !out->sport.set && !out->dport.set &&
		  out->proto < 0;
	if (nothing)
		out->any = out->on[0] == '\0' || one_in(gen, 2);
}

// An address at the edge of a prefix: its first or last, the one beyond on either side, or one
// that differs in one bit, most often around the prefix's end.
static void addr_near(struct rule_gen *gen, const struct pp_prefix *prefix, uint8_t addr[16])
{
	uint32_t bits = addr_bits(prefix->family);
	uint32_t len = prefix->len_bits;

	memcpy(addr, prefix->addr, 16);
	if (one_in(gen, 2))
		for (uint32_t i = len; i < bits; i++)
			set_bit(addr, i, true);
	switch (rule_gen_below(gen, 5)) {
	case 0:
		// The same, in the prefix next to it.
		if (len > 0)
			flip_bit(addr, len - 1);
		break;
	case 1:
		if (len < bits)
			flip_bit(addr, len);
		break;
	case 2:
		flip_bit(addr, rule_gen_below(gen, bits));
		break;
	default:
		break;
	}
}

static uint16_t port_near(struct rule_gen *gen, const struct pp_ports *ports)
{
	uint16_t edge = one_in(gen, 2) ? ports->lo : ports->hi;

	if (!ports->set)
		return PICK(gen, port_pool);
	switch (rule_gen_below(gen, 4)) {
	case 0:
		return (uint16_t)(edge - 1);
	case 1:
		return (uint16_t)(edge + 1);
	default:
		return edge;
	}
}

static void name_set(struct rule_gen *gen, char name[PP_NAME_BYTES])
{
	snprintf(name, PP_NAME_BYTES, "s%u", rule_gen_below(gen, RULE_GEN_SETS));
}

int rule_gen_put_sets(struct rule_gen *gen, struct pp_ruleset *set)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < RULE_GEN_SETS; i++) {
		struct pp_set_entry entry[8] = {{{0}, 0}};
		uint32_t count = rule_gen_below(gen, 8);
		struct pp_set *addresses;
		char name[PP_NAME_BYTES];

		snprintf(name, sizeof(name), "s%u", i);
		for (uint32_t j = 0; j < count; j++)
			make_prefix(gen, one_in(gen, 2) ? PP_FAMILY_IP4 : PP_FAMILY_IP6,
				    &entry[j].prefix);
		ret = pp_set_create(&addresses, name, entry, count, NULL);
		if (ret < 0)
			return ret;
		ret = pp_ruleset_put_set(set, addresses, PP_ORIGIN_CONFIG, NULL);
		pp_set_unref(addresses);
	}
	return ret;
}

void rule_gen_use_sets(struct rule_gen *gen, struct pp_rule *rule)
{
	if (rule->any || one_in(gen, 2))
		return;
	if (one_in(gen, 2)) {
		rule->src = (struct pp_prefix){0};
		name_set(gen, rule->src_set);
	}
	if (one_in(gen, 4)) {
		rule->dst = (struct pp_prefix){0};
		name_set(gen, rule->dst_set);
	}
}

static bool is_port_proto(uint8_t proto)
{
	return memchr(port_proto, proto, sizeof(port_proto)) != NULL;
}

static void
make_ip_packet(struct rule_gen *gen, const struct pp_rule *rule, struct oracle_packet *p)
{
	p->is_ip = true;
	p->family = rule->family;
	if (p->family == PP_FAMILY_NONE || one_in(gen, 16))
		p->family = one_in(gen, 2) ? PP_FAMILY_IP4 : PP_FAMILY_IP6;

	pick_addr(gen, p->family, p->src);
	pick_addr(gen, p->family, p->dst);
	if (rule->src.family == p->family)
		addr_near(gen, &rule->src, p->src);
	if (rule->dst.family == p->family)
		addr_near(gen, &rule->dst, p->dst);

	if (rule->proto >= 0 && !one_in(gen, 8))
		p->proto = (uint8_t)rule->proto;
	else
		p->proto = one_in(gen, 4) ? PICK(gen, rule_proto) : PICK(gen, port_proto);
	// After an IPv6 header 0 is hop-by-hop options, which is no protocol.
	if (p->family == PP_FAMILY_IP6 && p->proto == 0)
		p->proto = IPPROTO_UDP;

	p->has_ports = is_port_proto(p->proto) && !one_in(gen, 8);
	if (p->has_ports) {
		p->sport = port_near(gen, &rule->sport);
		p->dport = port_near(gen, &rule->dport);
	}
}

void rule_gen_packet(struct rule_gen *gen, const struct pp_ruleset *set, struct oracle_packet *out)
{
	uint32_t count = pp_ruleset_count(set);
	struct pp_rule none = {.proto = -1};
	const struct pp_rule *rule = &none;

	if (count > 0 && !one_in(gen, 16))
		rule = &pp_ruleset_at(set, rule_gen_below(gen, count))->rule;

	memset(out, 0, sizeof(*out));
	strcpy(out->iface,
	       rule->on[0] != '\0' && !one_in(gen, 4) ? rule->on : PICK(gen, rule_gen_iface));
	out->out = (rule->direction == PP_DIRECTION_OUT) != one_in(gen, 8);
	if (!one_in(gen, rule->family == PP_FAMILY_NONE ? 4 : 32))
		make_ip_packet(gen, rule, out);
}

static bool same_prefix(const struct pp_prefix *a, const struct pp_prefix *b)
{
	return a->family == b->family && a->len_bits == b->len_bits &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool same_ports(const struct pp_ports *a, const struct pp_ports *b)
{
	return a->set == b->set && a->lo == b->lo && a->hi == b->hi;
}

bool rule_gen_same(const struct pp_rule *a, const struct pp_rule *b)
{
	return a->prio == b->prio && a->verdict == b->verdict && a->copy == b->copy &&
	       a->take_bytes == b->take_bytes && a->sample == b->sample &&
	       a->sample_flow == b->sample_flow && a->limit_per_s == b->limit_per_s &&
	       strcmp(a->copy_to, b->copy_to) == 0 && strcmp(a->route_to, b->route_to) == 0 &&
	       strcmp(a->name, b->name) == 0 && a->any == b->any && a->direction == b->direction &&
	       strcmp(a->on, b->on) == 0 && a->family == b->family &&
	       same_prefix(&a->src, &b->src) && same_prefix(&a->dst, &b->dst) &&
	       same_ports(&a->sport, &b->sport) && same_ports(&a->dport, &b->dport) &&
	       a->proto == b->proto && strcmp(a->src_set, b->src_set) == 0 &&
	       strcmp(a->dst_set, b->dst_set) == 0 && a->ttl_ns == b->ttl_ns;
}
