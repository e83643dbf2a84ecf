/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// From bytes to struct pp_key: one protocol, one function, every length checked before use.
//
// Also compiled for user space, where analysers read packets with the same eyes and tests
// run it under AddressSanitizer. Nothing here calls a helper.
//
// Every step returns 0, or the counter (PP_COUNT_UNPARSED_*) that says why the packet cannot be
// parsed. The parser asks for exactly what rules match on: four bytes of ports, not a whole TCP
// header, so that a tiny first fragment cannot slip past a port rule as "unparsed".
#pragma once

#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>

#include "abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define PP_IP4_OFFSET_MASK 0x1fff // RFC 791: fragment offset
#define PP_IP6_OFFSET_MASK 0xfff8 // RFC 8200, section 4.5
#define PP_VLAN_TAGS_MAX 2
#define PP_PROTO_UDPLITE 136
#define PP_PORTS_BYTES 4

// A read position in the packet. pos only moves forward, end never moves.
struct pp_cursor {
	const void *pos;
	const void *end;
	__u32 big; // the kernel has yet to cut it up, and its IP header may say a length of 0 (BIG TCP)
};

struct pp_vlan {
	__be16 tci;
	__be16 proto;
};

// The part of every IPv6 extension header that is the same (RFC 8200; RFC 4302 for AH).
struct pp_ext {
	__u8 next;
	__u8 len;
	__be16 frag_offset; // of a fragment header only
	__be32 rest;
};

// What the parser must know of an extension header. A table and not a switch: one path for the verifier,
// which otherwise walks every order in which extension headers can stand.
struct pp_proto {
	__be16 offset_mask; // of the fragment offset, where the header has one
	// An extension header is ((len & len_mask) + len_add) << len_shift bytes long.
	__u8 len_mask;
	__u8 len_add;
	__u8 len_shift;
	__u8 is_ext;
	__u8 pad[2];
};

#define PP_PROTO_EXT                                                                               \
	{                                                                                          \
		.is_ext = 1, .len_mask = 0xff, .len_add = 1, .len_shift = 3                        \
	}
static const struct pp_proto pp_protos[256] = {
	[IPPROTO_HOPOPTS] = PP_PROTO_EXT,
	[IPPROTO_ROUTING] = PP_PROTO_EXT,
	[IPPROTO_DSTOPTS] = PP_PROTO_EXT,
	[IPPROTO_FRAGMENT] = {.is_ext = 1,
			      .len_add = 1,
			      .len_shift = 3,
			      .offset_mask = bpf_htons(PP_IP6_OFFSET_MASK)},
	[IPPROTO_AH] = {.is_ext = 1, .len_mask = 0xff, .len_add = 2, .len_shift = 2},
};
#define PP_EXT_BYTES_MASK 0xfff // the longest is 256 * 8

static __always_inline int pp_has_ports(__u32 proto)
{
	return proto == IPPROTO_UDP || proto == IPPROTO_TCP || proto == IPPROTO_SCTP ||
	       proto == PP_PROTO_UDPLITE;
}

static __always_inline int pp_is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

// Put what the IP header and the ports say into key->word, where the family stands already.
//
// By additions, which the compiler must not see through: the verifier of Linux 6.1 forgets every bit
// of a number that an unknown one was or'ed to, the family too, and then walks the rules of the
// other family as well, where it finds addresses that nobody wrote.
static __always_inline void pp_key_set(struct pp_key *key, __u32 proto, __u32 flags, __u64 ports)
{
	__u64 proto_bits = (__u64)proto << PP_KEY_PROTO_SHIFT;
	__u64 flag_bits = (__u64)flags << PP_KEY_FLAGS_SHIFT;

	asm volatile("" : "+r"(proto_bits));
	asm volatile("" : "+r"(ports));
	key->word += flag_bits;
	key->word += proto_bits;
	key->word += ports;
}

// Read the ports at cur.
//
// @param left   Bytes that the IP header promises from cur on: padding is not ports.
static __always_inline int
pp_parse_ports(const struct pp_cursor *cur, __u32 left, struct pp_key *key, __u32 proto)
{
	__u32 ports; // source, then destination

	if (left < PP_PORTS_BYTES || cur->pos + PP_PORTS_BYTES > cur->end)
		return PP_COUNT_UNPARSED_L4_SHORT;
	ports = bpf_ntohl(*(const __be32 *)cur->pos);
	pp_key_set(key, proto, PP_KEY_PORTS, (__u64)ports << PP_KEY_DPORT_SHIFT);
	return 0;
}

// What follows the IP header: ports where there are any and this is not a later fragment.
static __always_inline int pp_parse_l4(
	const struct pp_cursor *cur, __u32 left, struct pp_key *key, __u32 proto, int later_frag)
{
	if (!later_frag && pp_has_ports(proto))
		return pp_parse_ports(cur, left, key, proto);
	pp_key_set(key, proto, later_frag ? PP_KEY_LATER_FRAG : 0, 0);
	return 0;
}

// The first eight bytes of an IPv4 header: version 4, no options, not a later fragment?
#define PP_IP4_PLAIN_MASK bpf_cpu_to_be64(0xff00000000000000 | PP_IP4_OFFSET_MASK)
#define PP_IP4_PLAIN bpf_cpu_to_be64(0x4500000000000000)
#define PP_IP4_TOTAL_SHIFT 32 // of the total length, once in host order

// What most packets are: IPv4 without options, with ports. One length and one compare where
// pp_parse_ip4() has five.
//
// @return  1: key is set; 0: not such a packet, nothing was set.
static __always_inline int pp_parse_ip4_plain(const struct pp_cursor *cur, struct pp_key *key)
{
	const void *ip = cur->pos;
	__be64 first;
	__u8 proto;

	if (ip + sizeof(struct iphdr) + PP_PORTS_BYTES > cur->end)
		return 0;
	first = *(const __be64 *)ip;
	proto = *(const __u8 *)(ip + offsetof(struct iphdr, protocol));
	if ((first & PP_IP4_PLAIN_MASK) != PP_IP4_PLAIN || !pp_has_ports(proto) ||
	    bpf_ntohs(*(const __be16 *)(ip + offsetof(struct iphdr, tot_len))) <
		    sizeof(struct iphdr) + PP_PORTS_BYTES)
		return 0;
	// Source and destination stand side by side: one load for both. So do the ports.
	key->addr[0] = bpf_be64_to_cpu(*(const __be64 *)(ip + offsetof(struct iphdr, saddr)));
	key->word |= PP_FAMILY_IP4;
	pp_key_set(key, proto, PP_KEY_PORTS,
		   (__u64)bpf_ntohl(*(const __be32 *)(ip + sizeof(struct iphdr)))
			   << PP_KEY_DPORT_SHIFT);
	return 1;
}

// A length that an IP header promises.
static __always_inline __u32 pp_promised(const struct pp_cursor *cur, __be16 length)
{
	return cur->big && length == 0 ? 0xffff : bpf_ntohs(length);
}

static __always_inline int pp_parse_ip4(struct pp_cursor *cur, struct pp_key *key)
{
	const struct iphdr *ip = cur->pos;
	__u32 hdr_bytes, total_bytes;

	if (pp_parse_ip4_plain(cur, key))
		return 0;
	if ((const void *)(ip + 1) > cur->end)
		return PP_COUNT_UNPARSED_IP_SHORT;
	hdr_bytes = ip->ihl * 4;
	total_bytes = pp_promised(cur, ip->tot_len);
	if (ip->version != 4 || hdr_bytes < sizeof(*ip) || total_bytes < hdr_bytes)
		return PP_COUNT_UNPARSED_IP_BAD;
	if (cur->pos + hdr_bytes > cur->end)
		return PP_COUNT_UNPARSED_IP_SHORT;

	key->addr[0] = bpf_be64_to_cpu(*(const __be64 *)(cur->pos + offsetof(struct iphdr, saddr)));
	key->word |= PP_FAMILY_IP4;
	cur->pos += hdr_bytes;
	return pp_parse_l4(cur, total_bytes - hdr_bytes, key, ip->protocol,
			   (ip->frag_off & bpf_htons(PP_IP4_OFFSET_MASK)) != 0);
}

static __always_inline __u32 pp_ext_bytes(const struct pp_proto *proto, const struct pp_ext *ext)
{
	return (((ext->len & proto->len_mask) + proto->len_add) << proto->len_shift) &
	       PP_EXT_BYTES_MASK;
}

// Walk the extension headers, then read ports.
//
// @param left   Payload length that the IPv6 header promises.
static __always_inline int
pp_parse_ip6_payload(struct pp_cursor *cur, __u32 left, __u8 next, struct pp_key *key)
{
	__be16 later_frag = 0;

	for (int i = 0; i < PP_EXT_HEADERS_MAX && !later_frag; i++) {
		const struct pp_proto *proto = &pp_protos[next];
		const struct pp_ext *ext = cur->pos;
		__u32 bytes;

		if (!proto->is_ext)
			break;
		if ((const void *)(ext + 1) > cur->end)
			return PP_COUNT_UNPARSED_EXT_SHORT;
		bytes = pp_ext_bytes(proto, ext);
		if (bytes > left || cur->pos + bytes > cur->end)
			return PP_COUNT_UNPARSED_EXT_SHORT;
		later_frag = ext->frag_offset & proto->offset_mask;
		next = ext->next;
		left -= bytes;
		cur->pos += bytes;
	}
	if (!later_frag && pp_protos[next].is_ext)
		return PP_COUNT_UNPARSED_EXT_DEEP;
	return pp_parse_l4(cur, left, key, next, later_frag != 0);
}

static __always_inline int pp_parse_ip6(struct pp_cursor *cur, struct pp_key *key)
{
	const struct ipv6hdr *ip = cur->pos;
	const __u64 *addr = cur->pos + offsetof(struct ipv6hdr, saddr);

	if ((const void *)(ip + 1) > cur->end)
		return PP_COUNT_UNPARSED_IP_SHORT;
	if (ip->version != 6)
		return PP_COUNT_UNPARSED_IP_BAD;

	key->addr[0] = addr[0];
	key->addr[1] = addr[1];
	key->addr[2] = addr[2];
	key->addr[3] = addr[3];
	key->word |= PP_FAMILY_IP6;
	cur->pos += sizeof(*ip);
	return pp_parse_ip6_payload(cur, pp_promised(cur, ip->payload_len), ip->nexthdr, key);
}

// Most packets have no tag and are IP: that is asked first.
static __always_inline int pp_parse_ethernet(struct pp_cursor *cur, struct pp_key *key)
{
	const struct ethhdr *eth = cur->pos;
	__be16 proto;

	if ((const void *)(eth + 1) > cur->end)
		return PP_COUNT_UNPARSED_ETH_SHORT;
	proto = *(const __be16 *)(cur->pos + offsetof(struct ethhdr, h_proto));
	cur->pos += sizeof(*eth);

	for (int i = 0; i < PP_VLAN_TAGS_MAX; i++) {
		const struct pp_vlan *vlan = cur->pos;

		if (proto == bpf_htons(ETH_P_IP) || !pp_is_vlan(proto))
			break;
		if ((const void *)(vlan + 1) > cur->end)
			return PP_COUNT_UNPARSED_VLAN_SHORT;
		proto = vlan->proto;
		cur->pos += sizeof(*vlan);
	}
	if (proto == bpf_htons(ETH_P_IP))
		return pp_parse_ip4(cur, key);
	if (proto == bpf_htons(ETH_P_IPV6))
		return pp_parse_ip6(cur, key);
	if (pp_is_vlan(proto))
		return PP_COUNT_UNPARSED_VLAN_DEEP;
	return 0; // not IP: family stays none, and only `any` and `on` can match
}

static __always_inline int pp_parse_raw_ip(struct pp_cursor *cur, struct pp_key *key)
{
	const __u8 *first = cur->pos;

	if ((const void *)(first + 1) > cur->end)
		return PP_COUNT_UNPARSED_IP_SHORT;
	if (*first >> 4 == 4)
		return pp_parse_ip4(cur, key);
	if (*first >> 4 == 6)
		return pp_parse_ip6(cur, key);
	return 0;
}

// Parse a packet.
//
// @param kind   enum pp_frame_kind.
// @param iface  Index of the interface in the configuration, with PP_IFACE_OUT if it sends.
// @param big    As pp_cursor.big.
// @param key    Set when 0 is returned; addr only where the family has addresses. Otherwise family and
//               addresses are there when the packet is cut off behind them.
// @return       0, or why not: PP_COUNT_UNPARSED_*.
static __always_inline int pp_parse_any(const void *data,
					const void *data_end,
					__u32 kind,
					__u32 iface,
					__u32 big,
					struct pp_key *key)
{
	struct pp_cursor cur = {.pos = data, .end = data_end, .big = big};

	key->word = (__u64)iface << PP_KEY_IFACE_SHIFT;
	return kind == PP_FRAME_ETHERNET ? pp_parse_ethernet(&cur, key)
					 : pp_parse_raw_ip(&cur, key);
}

// The same of what goes over the wire as it is.
static __always_inline int
pp_parse(const void *data, const void *data_end, __u32 kind, __u32 iface, struct pp_key *key)
{
	return pp_parse_any(data, data_end, kind, iface, 0, key);
}
