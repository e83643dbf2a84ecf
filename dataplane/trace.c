// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/trace.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/random.h>

#define TRIES_MAX 64u // for a header that did not come yet

struct making {
	uint64_t random;
	const struct pp_trace_options *options;
	const struct pp_rule *rule;
	uint32_t rule_count;
	struct pp_trace_header *out;
	uint32_t *bucket; // hash table of headers: index plus one
	uint32_t bucket_mask;
};

static uint32_t below(struct making *m, uint32_t limit)
{
	return pp_random_below(&m->random, limit);
}

static uint32_t bits_max(uint8_t family)
{
	return family == PP_FAMILY_IP4 ? 32 : 128;
}

static void add_one(uint8_t *addr, uint32_t bytes, int step)
{
	for (uint32_t i = bytes; i-- > 0;) {
		uint8_t before = addr[i];

		addr[i] = (uint8_t)(before + step);
		if (step > 0 ? addr[i] != 0 : before != 0)
			return;
	}
}

// The first or last address of a prefix, or the one beyond.
static void move_to_corner(struct making *m, const struct pp_prefix *prefix, uint8_t addr[16])
{
	uint32_t bytes = bits_max(prefix->family) / 8;
	uint32_t which = below(m, 4);

	for (uint32_t bit = prefix->len_bits; bit < 8 * bytes; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		addr[bit / 8] = (uint8_t)(which < 2 ? addr[bit / 8] & ~mask : addr[bit / 8] | mask);
	}
	if (which == 0)
		add_one(addr, bytes, -1);
	else if (which == 3)
		add_one(addr, bytes, 1);
}

static void
make_addr(struct making *m, const struct pp_prefix *prefix, uint8_t family, uint8_t addr[16])
{
	uint32_t len = prefix->family == family ? prefix->len_bits : 0;

	for (uint32_t i = 0; i < bits_max(family) / 8; i++)
		addr[i] = (uint8_t)below(m, 256);
	for (uint32_t bit = 0; bit < len; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		addr[bit / 8] = (uint8_t)((addr[bit / 8] & ~mask) | (prefix->addr[bit / 8] & mask));
	}
	if (m->options->mode == PP_TRACE_CORNERS && len > 0)
		move_to_corner(m, prefix, addr);
}

static uint16_t make_port(struct making *m, const struct pp_ports *ports)
{
	uint32_t lo = ports->set ? ports->lo : 0, hi = ports->set ? ports->hi : UINT16_MAX;

	if (m->options->mode == PP_TRACE_INSIDE || !ports->set)
		return (uint16_t)(lo + below(m, hi - lo + 1));
	return (uint16_t)((below(m, 2) ? lo : hi) + below(m, 3) - 1);
}

static bool is_port_proto(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE;
}

// What follows these in IPv6 is the protocol.
static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_AH || proto == IPPROTO_DSTOPTS;
}

// Any protocol: mostly TCP and UDP, as packets are.
static uint8_t make_proto(struct making *m, const struct pp_rule *rule, uint8_t family)
{
	uint32_t which = below(m, 16);

	if (rule->proto >= 0 && (m->options->mode == PP_TRACE_INSIDE || which > 0))
		return (uint8_t)rule->proto;
	if (which < 9)
		return IPPROTO_TCP;
	if (which < 15 || rule->sport.set || rule->dport.set)
		return IPPROTO_UDP;
	return family == PP_FAMILY_IP4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

// Into zeros: headers are compared as memory.
static void set_iface(struct pp_trace_header *out, const char *name)
{
	if (name == NULL)
		name = "pp0";
	memcpy(out->iface, name, strnlen(name, sizeof(out->iface) - 1));
}

static void make_header(struct making *m, struct pp_trace_header *out)
{
	const struct pp_rule *rule = &m->rule[below(m, m->rule_count)];

	memset(out, 0, sizeof(*out));
	set_iface(out, rule->on[0] != '\0' ? rule->on : m->options->iface);
	out->out = rule->direction == PP_DIRECTION_OUT;
	out->is_ip = true;
	out->family = rule->family;
	if (out->family == PP_FAMILY_NONE)
		out->family = below(m, 2) ? PP_FAMILY_IP4 : PP_FAMILY_IP6;
	make_addr(m, &rule->src, out->family, out->src);
	make_addr(m, &rule->dst, out->family, out->dst);
	out->proto = make_proto(m, rule, out->family);
	if (out->family == PP_FAMILY_IP6 && is_extension(out->proto))
		out->proto = IPPROTO_NONE;
	if (is_port_proto(out->proto)) {
		out->has_ports = true;
		out->sport = make_port(m, &rule->sport);
		out->dport = make_port(m, &rule->dport);
	}
}

static uint32_t hash_header(const struct pp_trace_header *header)
{
	const uint8_t *bytes = (const uint8_t *)header;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(*header); i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return (uint32_t)(hash ^ (hash >> 32));
}

// @return  false: it came before.
static bool remember(struct making *m, uint32_t index)
{
	uint32_t at = hash_header(&m->out[index]) & m->bucket_mask;

	for (; m->bucket[at] != 0; at = (at + 1) & m->bucket_mask)
		if (memcmp(&m->out[m->bucket[at] - 1], &m->out[index], sizeof(*m->out)) == 0)
			return false;
	m->bucket[at] = index + 1;
	return true;
}

static void make_headers(struct making *m, uint32_t different)
{
	for (uint32_t i = 0; i < m->options->count; i++) {
		if (i >= different) {
			m->out[i] = m->out[below(m, different)];
			continue;
		}
		for (uint32_t tries = 0; tries < TRIES_MAX; tries++) {
			make_header(m, &m->out[i]);
			if (remember(m, i))
				break;
		}
	}
}

int pp_trace_make(const struct pp_trace_options *options,
		  const struct pp_rule *rule,
		  uint32_t rule_count,
		  struct pp_trace_header *out)
{
	struct making m = {.random = options->seed,
			   .options = options,
			   .rule = rule,
			   .rule_count = rule_count,
			   .out = out};
	uint32_t different = options->flows != 0 && options->flows < options->count
				     ? options->flows
				     : options->count;

	if (rule_count == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < rule_count; i++)
		if (rule[i].src_set[0] != '\0' || rule[i].dst_set[0] != '\0')
			return -EINVAL;
	for (m.bucket_mask = 15; m.bucket_mask < 2 * different;)
		m.bucket_mask = 2 * m.bucket_mask + 1;
	m.bucket = calloc(m.bucket_mask + 1, sizeof(*m.bucket));
	if (m.bucket == NULL)
		return -ENOMEM;
	make_headers(&m, different);
	free(m.bucket);
	return 0;
}

static uint64_t ip4(const uint8_t *addr)
{
	return (uint64_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3];
}

void pp_trace_key(const struct pp_trace_header *packet, uint32_t iface, struct pp_key *out)
{
	memset(out, 0, sizeof(*out));
	out->word = (uint64_t)iface << PP_KEY_IFACE_SHIFT;
	out->word |= packet->out ? PP_KEY_OUT : 0;
	if (!packet->is_ip)
		return;
	out->word |= packet->family | (uint64_t)packet->proto << PP_KEY_PROTO_SHIFT;
	if (packet->has_ports)
		out->word |= (uint64_t)PP_KEY_PORTS << PP_KEY_FLAGS_SHIFT |
			     (uint64_t)packet->dport << PP_KEY_DPORT_SHIFT |
			     (uint64_t)packet->sport << PP_KEY_SPORT_SHIFT;
	else if (is_port_proto(packet->proto))
		out->word |= (uint64_t)PP_KEY_LATER_FRAG << PP_KEY_FLAGS_SHIFT;
	if (packet->family == PP_FAMILY_IP4) {
		out->addr[0] = ip4(packet->src) << 32 | ip4(packet->dst);
		return;
	}
	memcpy(&out->addr[0], packet->src, 16);
	memcpy(&out->addr[2], packet->dst, 16);
}
