// SPDX-License-Identifier: MIT OR Apache-2.0
#include "dump_decode.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_ether.h>

#include <push-packet/abi.h>

struct decoder {
	const uint8_t *at;
	uint32_t left;
	char *out;
	size_t used;
};

static void say(struct decoder *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct decoder *d, const char *fmt, ...)
{
	size_t room = PP_DUMP_DECODE_BYTES - d->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(d->out + d->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		d->used += (size_t)n < room ? (size_t)n : room - 1;
}

// Go on by so many bytes.
//
// @param name  Said where they are not all there.
// @return      The bytes; NULL: cut off.
static const uint8_t *take(struct decoder *d, uint32_t bytes, const char *name)
{
	const uint8_t *at = d->at;

	if (bytes > d->left) {
		say(d, "[|%s]", name);
		return NULL;
	}
	d->at += bytes;
	d->left -= bytes;
	return at;
}

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static const char *address(int family, const uint8_t *addr, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(family, addr, text, INET6_ADDRSTRLEN);
}

struct ends {
	int family;
	const uint8_t *src;
	const uint8_t *dst;
};

static void say_ends(struct decoder *d, const struct ends *ends, const uint8_t *ports)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	address(ends->family, ends->src, src);
	address(ends->family, ends->dst, dst);
	if (ports)
		say(d, "%s.%u > %s.%u: ", src, be16(ports), dst, be16(ports + 2));
	else
		say(d, "%s > %s: ", src, dst);
}

static void say_tcp_flags(struct decoder *d, uint8_t flags)
{
	static const char letter[] = "FSRP.UEW"; // as tcpdump writes them

	say(d, "TCP [");
	for (int i = 0; i < 8; i++)
		if (flags >> i & 1)
			say(d, "%c", letter[i]);
	say(d, "%s]", flags ? "" : "none");
}

static void decode_ports(struct decoder *d, const struct ends *ends, uint8_t proto)
{
	const uint8_t *l4 = d->at;
	const char *name = proto == IPPROTO_TCP	   ? "TCP"
			   : proto == IPPROTO_UDP  ? "UDP"
			   : proto == IPPROTO_SCTP ? "SCTP"
						   : "UDP-Lite";

	say_ends(d, ends, d->left >= 4 ? l4 : NULL);
	if (d->left < 4)
		say(d, "[|%s]", name);
	else if (proto == IPPROTO_TCP && d->left >= 14)
		say_tcp_flags(d, l4[13]);
	else
		say(d, "%s", name);
}

static void decode_icmp(struct decoder *d, const struct ends *ends, bool six)
{
	const uint8_t *icmp;
	const char *name = six ? "ICMP6" : "ICMP";
	uint8_t request = six ? 128 : 8, reply = six ? 129 : 0;

	say_ends(d, ends, NULL);
	icmp = take(d, 2, name);
	if (!icmp)
		return;
	if (icmp[0] == request || icmp[0] == reply)
		say(d, "%s echo %s", name, icmp[0] == request ? "request" : "reply");
	else if (six && (icmp[0] == 135 || icmp[0] == 136))
		say(d, "ICMP6 neighbor %s", icmp[0] == 135 ? "solicitation" : "advertisement");
	else
		say(d, "%s type %u code %u", name, icmp[0], icmp[1]);
}

static void decode_l4(struct decoder *d, const struct ends *ends, uint8_t proto, bool later_frag)
{
	if (later_frag) {
		say_ends(d, ends, NULL);
		say(d, "proto %u, later fragment", proto);
		return;
	}
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		decode_ports(d, ends, proto);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		decode_icmp(d, ends, proto == IPPROTO_ICMPV6);
		break;
	default:
		say_ends(d, ends, NULL);
		say(d, "proto %u", proto);
	}
}

static void decode_ip4(struct decoder *d)
{
	const uint8_t *ip = take(d, 20, "IP");
	struct ends ends;
	uint16_t frag;

	if (!ip)
		return;
	if (ip[0] >> 4 != 4 || (ip[0] & 15) < 5) {
		say(d, "IP, bad header");
		return;
	}
	say(d, "IP ");
	frag = be16(ip + 6);
	ends = (struct ends){AF_INET, ip + 12, ip + 16};
	if (!take(d, (ip[0] & 15u) * 4 - 20, "IP options"))
		return;
	decode_l4(d, &ends, ip[9], frag & 0x1fff);
	if (frag & 0x2000 && !(frag & 0x1fff))
		say(d, ", first fragment");
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

static uint32_t extension_bytes(uint8_t next, uint8_t length)
{
	if (next == IPPROTO_FRAGMENT)
		return 8;
	return next == IPPROTO_AH ? (length + 2u) * 4 : (length + 1u) * 8;
}

// @return  Whether what follows is there to be read.
static bool walk_extensions(struct decoder *d, uint8_t *next, bool *later_frag)
{
	for (int i = 0; i < PP_EXT_HEADERS_MAX && is_extension(*next); i++) {
		const uint8_t *ext = d->at;

		if (!take(d, 8, "IP6 extension"))
			return false;
		*later_frag |= *next == IPPROTO_FRAGMENT && be16(ext + 2) >> 3;
		if (!take(d, extension_bytes(*next, ext[1]) - 8, "IP6 extension"))
			return false;
		*next = ext[0];
		if (*later_frag)
			return true;
	}
	return true;
}

static void decode_ip6(struct decoder *d)
{
	const uint8_t *ip = take(d, 40, "IP6");
	bool later_frag = false;
	struct ends ends;
	uint8_t next;

	if (!ip)
		return;
	if (ip[0] >> 4 != 6) {
		say(d, "IP6, bad header");
		return;
	}
	say(d, "IP6 ");
	ends = (struct ends){AF_INET6, ip + 8, ip + 24};
	next = ip[6];
	if (walk_extensions(d, &next, &later_frag))
		decode_l4(d, &ends, next, later_frag);
}

static void decode_arp(struct decoder *d)
{
	char sender[INET6_ADDRSTRLEN], target[INET6_ADDRSTRLEN];
	const uint8_t *arp = take(d, 28, "ARP");

	if (!arp)
		return;
	address(AF_INET, arp + 14, sender);
	address(AF_INET, arp + 24, target);
	if (be16(arp) != 1 || be16(arp + 2) != ETH_P_IP)
		say(d, "ARP, hardware %u, protocol 0x%04x", be16(arp), be16(arp + 2));
	else if (be16(arp + 6) == 1)
		say(d, "ARP who-has %s tell %s", target, sender);
	else if (be16(arp + 6) == 2)
		say(d, "ARP reply %s is-at %02x:%02x:%02x:%02x:%02x:%02x", sender, arp[8], arp[9],
		    arp[10], arp[11], arp[12], arp[13]);
	else
		say(d, "ARP operation %u", be16(arp + 6));
}

static void say_macs(struct decoder *d, const uint8_t *eth, uint16_t type)
{
	say(d, "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x, ", eth[6], eth[7],
	    eth[8], eth[9], eth[10], eth[11], eth[0], eth[1], eth[2], eth[3], eth[4], eth[5]);
	say(d, type < 0x600 ? "802.3 length %u" : "ethertype 0x%04x", type);
}

static void decode_ethernet(struct decoder *d)
{
	const uint8_t *eth = take(d, 14, "Ethernet");
	uint16_t type = eth ? be16(eth + 12) : 0;

	while (eth && (type == ETH_P_8021Q || type == ETH_P_8021AD)) {
		const uint8_t *tag = take(d, 4, "VLAN");

		if (!tag)
			return;
		say(d, "vlan %u, ", be16(tag) & 0xfffu);
		type = be16(tag + 2);
	}
	if (!eth)
		return;
	if (type == ETH_P_IP)
		decode_ip4(d);
	else if (type == ETH_P_IPV6)
		decode_ip6(d);
	else if (type == ETH_P_ARP)
		decode_arp(d);
	else
		say_macs(d, eth, type);
}

void pp_dump_decode(uint8_t frame_kind,
		    const uint8_t *data,
		    uint32_t bytes,
		    char out[PP_DUMP_DECODE_BYTES])
{
	struct decoder d = {.at = data, .left = bytes, .out = out};

	out[0] = '\0';
	if (frame_kind == PP_FRAME_ETHERNET)
		decode_ethernet(&d);
	else if (bytes > 0 && data[0] >> 4 == 4)
		decode_ip4(&d);
	else if (bytes > 0 && data[0] >> 4 == 6)
		decode_ip6(&d);
	else
		say(&d, "neither IP nor IP6");
}
