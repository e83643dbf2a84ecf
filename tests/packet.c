// SPDX-License-Identifier: MIT OR Apache-2.0
#include "packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/abi.h>

#define OTHER_L4_BYTES 4

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint8_t *append(struct packet *packet, uint32_t bytes)
{
	uint8_t *at = packet->data + packet->len_bytes;

	if (bytes > PACKET_BYTES_MAX - packet->len_bytes)
		abort();
	memset(at, 0, bytes);
	packet->len_bytes += bytes;
	return at;
}

static void need(struct packet *packet, uint32_t end, int reason)
{
	if (packet->need_count == PACKET_NEEDS_MAX)
		abort();
	packet->need[packet->need_count++] = (struct packet_need){end, reason};
}

void packet_begin(struct packet *packet, uint32_t kind)
{
	static const uint8_t addrs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	memset(packet, 0, offsetof(struct packet, data));
	if (kind != PP_FRAME_ETHERNET)
		return;
	memcpy(append(packet, ETH_HLEN), addrs, sizeof(addrs));
	packet->next_at = ETH_HLEN - 2;
	packet->next_bytes = 2;
	need(packet, ETH_HLEN, PP_COUNT_UNPARSED_ETH_SHORT);
}

void packet_next(struct packet *packet, uint16_t type)
{
	if (packet->next_bytes == 2)
		put16(packet->data + packet->next_at, type);
	else if (packet->next_bytes == 1)
		packet->data[packet->next_at] = (uint8_t)type;
}

void packet_vlan(struct packet *packet, uint16_t type, uint16_t tci)
{
	packet_next(packet, type);
	put16(append(packet, 4), tci);
	packet->next_at = packet->len_bytes - 2;
	need(packet, packet->len_bytes, PP_COUNT_UNPARSED_VLAN_SHORT);
}

void packet_ip4(struct packet *packet,
		const uint8_t src[4],
		const uint8_t dst[4],
		uint32_t option_bytes,
		uint16_t fragment)
{
	uint8_t *ip;

	packet_next(packet, ETH_P_IP);
	packet->ip_at = packet->len_bytes;
	ip = append(packet, 20 + option_bytes);
	ip[0] = (uint8_t)(0x45 + option_bytes / 4);
	put16(ip + 6, fragment);
	ip[8] = 64;
	memcpy(ip + 12, src, 4);
	memcpy(ip + 16, dst, 4);
	memset(ip + 20, 1, option_bytes); // no-operation
	packet->next_at = packet->ip_at + 9;
	packet->next_bytes = 1;
	packet->later_fragment = (fragment & 0x1fff) != 0;
	need(packet, packet->ip_at + 20, PP_COUNT_UNPARSED_IP_SHORT);
	need(packet, packet->len_bytes, PP_COUNT_UNPARSED_IP_SHORT);
}

void packet_ip6(struct packet *packet, const uint8_t src[16], const uint8_t dst[16])
{
	uint8_t *ip;

	packet_next(packet, ETH_P_IPV6);
	packet->ip_at = packet->len_bytes;
	ip = append(packet, 40);
	ip[0] = 0x60;
	ip[7] = 64;
	memcpy(ip + 8, src, 16);
	memcpy(ip + 24, dst, 16);
	packet->next_at = packet->ip_at + 6;
	packet->next_bytes = 1;
	need(packet, packet->len_bytes, PP_COUNT_UNPARSED_IP_SHORT);
}

void packet_ip(struct packet *packet, const char *src, const char *dst)
{
	int family = strchr(src, ':') != NULL ? AF_INET6 : AF_INET;
	uint8_t from[16], to[16];

	if (inet_pton(family, src, from) != 1 || inet_pton(family, dst, to) != 1)
		abort();
	if (family == AF_INET6)
		packet_ip6(packet, from, to);
	else
		packet_ip4(packet, from, to, 0, 0);
}

static uint8_t *append_ext(struct packet *packet, uint8_t proto, uint32_t bytes)
{
	uint8_t *ext;

	packet_next(packet, proto);
	packet->next_at = packet->len_bytes;
	ext = append(packet, bytes);
	need(packet, packet->len_bytes, PP_COUNT_UNPARSED_EXT_SHORT);
	return ext;
}

void packet_ext(struct packet *packet, uint8_t proto, uint8_t len)
{
	uint32_t bytes = proto == IPPROTO_AH ? 4 * (len + 2u) : 8 * (len + 1u);

	append_ext(packet, proto, bytes)[1] = len;
}

void packet_fragment(struct packet *packet, uint16_t offset, bool more)
{
	uint8_t *ext = append_ext(packet, IPPROTO_FRAGMENT, 8);

	put16(ext + 2, (uint16_t)(offset << 3 | more));
	ext[1] = 0xff; // reserved, and no length
	packet->later_fragment = offset != 0;
}

static uint32_t l4_bytes(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 12;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 8;
	default:
		return OTHER_L4_BYTES;
	}
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE;
}

void packet_l4(struct packet *packet, uint8_t proto, uint16_t sport, uint16_t dport)
{
	uint8_t *l4;

	packet_next(packet, proto);
	packet->next_bytes = 0;
	packet->l4_at = packet->len_bytes;
	if (packet->later_fragment) {
		packet_payload(packet, 24);
		return;
	}
	l4 = append(packet, l4_bytes(proto));
	if (!has_ports(proto))
		return;
	put16(l4, sport);
	put16(l4 + 2, dport);
	need(packet, packet->l4_at + 4, PP_COUNT_UNPARSED_L4_SHORT);
}

void packet_payload(struct packet *packet, uint32_t bytes)
{
	uint32_t at = packet->len_bytes;
	uint8_t *payload = append(packet, bytes);

	for (uint32_t i = 0; i < bytes; i++, at++)
		payload[i] = (uint8_t)(at + (at >> 8) * 7 + 0x55);
}

static uint16_t checksum(const uint8_t *data, uint32_t bytes)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void packet_finish(struct packet *packet)
{
	uint8_t *ip = packet->data + packet->ip_at;
	uint32_t bytes = packet->len_bytes - packet->ip_at;

	if (ip[0] >> 4 == 4) {
		put16(ip + 2, (uint16_t)bytes);
		put16(ip + 10, 0);
		put16(ip + 10, checksum(ip, (ip[0] & 15) * 4u));
	} else {
		put16(ip + 4, (uint16_t)(bytes - 40));
	}
}

void packet_udp(
	struct packet *packet, const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	packet_begin(packet, PP_FRAME_ETHERNET);
	packet_ip(packet, src, dst);
	packet_l4(packet, IPPROTO_UDP, sport, dport);
	packet_payload(packet, 18);
	packet_finish(packet);
}

static bool one_in(struct rule_gen *gen, uint32_t n)
{
	return rule_gen_below(gen, n) == 0;
}

// A frame that is not IP, ports and all left to chance. The types are neighbours of those of IP.
static void build_other(struct packet *packet, uint32_t kind, struct rule_gen *gen)
{
	static const uint16_t types[] = {ETH_P_ARP, ETH_P_IP - 1,   ETH_P_IP + 1,
					 0x88cc,    ETH_P_IPV6 - 1, 0};

	packet_next(packet, types[rule_gen_below(gen, sizeof(types) / sizeof(types[0]))]);
	packet_payload(packet, 46);
	if (kind == PP_FRAME_RAW_IP) {
		packet->data[0] = (uint8_t)(one_in(gen, 2) ? 0x50 : 0xf4);
		need(packet, 1, PP_COUNT_UNPARSED_IP_SHORT);
	}
}

static void build_exts(struct packet *packet, uint32_t max, struct rule_gen *gen)
{
	static const uint8_t protos[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
					 IPPROTO_AH};

	for (uint32_t n = rule_gen_below(gen, max + 1); n > 0; n--)
		packet_ext(packet, protos[rule_gen_below(gen, sizeof(protos))],
			   (uint8_t)rule_gen_below(gen, 4));
}

static void
build_ip6(struct packet *packet, const struct oracle_packet *what, bool later, struct rule_gen *gen)
{
	packet_ip6(packet, what->src, what->dst);
	if (one_in(gen, 2))
		build_exts(packet, 4, gen);
	if (later)
		packet_fragment(packet, (uint16_t)(1 + rule_gen_below(gen, 8191)), one_in(gen, 2));
	else if (one_in(gen, 4))
		packet_fragment(packet, 0, one_in(gen, 2));
	if (!later && one_in(gen, 4))
		build_exts(packet, 3, gen);
}

static void
build_ip4(struct packet *packet, const struct oracle_packet *what, bool later, struct rule_gen *gen)
{
	uint32_t option_bytes = one_in(gen, 2) ? 0 : 4 * rule_gen_below(gen, 11);
	uint32_t fragment = one_in(gen, 4) ? PACKET_MORE_FRAGMENTS : 0;

	if (later)
		fragment |= 1 + rule_gen_below(gen, 8191);
	packet_ip4(packet, what->src, what->dst, option_bytes, (uint16_t)fragment);
}

void packet_build(struct packet *packet,
		  uint32_t kind,
		  const struct oracle_packet *what,
		  struct rule_gen *gen)
{
	// A protocol that has ports but shows none is seen in later fragments only.
	bool later = !what->has_ports && (has_ports(what->proto) || one_in(gen, 8));

	packet_begin(packet, kind);
	for (uint32_t n = rule_gen_below(gen, 3); kind == PP_FRAME_ETHERNET && n > 0; n--)
		packet_vlan(packet, one_in(gen, 2) ? ETH_P_8021Q : ETH_P_8021AD,
			    (uint16_t)rule_gen_below(gen, 65536));
	if (!what->is_ip) {
		build_other(packet, kind, gen);
		return;
	}
	if (what->family == PP_FAMILY_IP4)
		build_ip4(packet, what, later, gen);
	else
		build_ip6(packet, what, later, gen);
	packet_l4(packet, what->proto, what->sport, what->dport);
	packet_payload(packet, rule_gen_below(gen, 100));
	packet_finish(packet);
	packet_payload(packet, rule_gen_below(gen, 20));
}

int packet_missing(const struct packet *packet, uint32_t len)
{
	for (uint32_t i = 0; i < packet->need_count; i++)
		if (len < packet->need[i].end)
			return packet->need[i].reason;
	return 0;
}

const char *packet_hex(const uint8_t *data, uint32_t bytes, char *buf, uint32_t size)
{
	uint32_t n = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < bytes && n + 3 < size; i++)
		n += (uint32_t)snprintf(buf + n, size - n, "%02x", data[i]);
	return buf;
}
