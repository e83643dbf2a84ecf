// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_layout.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "gen_sum.h"

#define ETHER_BYTES 14
#define TAG_BYTES 4
#define IP4_BYTES 20
#define IP6_BYTES 40
#define EXT_BYTES 8
#define AH_BYTES 24
#define SCTP_BYTES 28 // common header and the header of one DATA chunk
#define TPID_OUTER 0x88a8
#define TPID_INNER 0x8100
#define IP4_DF 0x4000
#define IP4_MF 0x2000
#define IP6_MF 0x0001
#define TTL 64

// The frame being laid out.
struct layout {
	const struct pp_gen_spec *spec;
	struct pp_gen_part *part;
	uint8_t *frame;
	uint32_t size;
	uint32_t at;
	uint32_t ip_offset;
	uint32_t fragment_data_bytes; // of the IP payload that is one fragment
	bool later;
};

static void put(struct layout *lay, const void *bytes, uint32_t n)
{
	memcpy(lay->frame + lay->at, bytes, n);
	lay->at += n;
}

static void put8(struct layout *lay, uint8_t value)
{
	lay->frame[lay->at++] = value;
}

static void put16(struct layout *lay, uint32_t value)
{
	put8(lay, (uint8_t)(value >> 8));
	put8(lay, (uint8_t)value);
}

static void put32(struct layout *lay, uint32_t value)
{
	put16(lay, value >> 16);
	put16(lay, value & 0xffff);
}

uint32_t pp_gen_layout_l2_bytes(const struct pp_gen_spec *spec)
{
	return spec->raw_ip ? 0 : ETHER_BYTES + spec->vlan_count * TAG_BYTES;
}

static uint32_t ext_bytes(uint8_t ext)
{
	return ext == IPPROTO_AH ? AH_BYTES : EXT_BYTES;
}

// Headers that stand in front of what is fragmented, the fragment header included.
static uint32_t ip_bytes(const struct pp_gen_spec *spec, bool later)
{
	uint32_t sum = IP6_BYTES;

	if (spec->ethertype >= 0)
		return 0;
	if (spec->family == 4)
		return IP4_BYTES + spec->option_bytes;
	for (uint32_t i = 0; i < spec->ext_count; i++) {
		sum += ext_bytes(spec->ext[i]);
		if (later && spec->ext[i] == IPPROTO_FRAGMENT)
			break;
	}
	return sum;
}

static bool is_icmp(const struct pp_gen_spec *spec)
{
	return spec->proto == (spec->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static uint32_t l4_bytes(const struct pp_gen_spec *spec, bool later)
{
	if (spec->ethertype >= 0 || later)
		return 0;
	switch (spec->proto) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return 8;
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return SCTP_BYTES;
	default:
		return is_icmp(spec) ? 8 : 0;
	}
}

uint32_t pp_gen_layout_head_bytes(const struct pp_gen_spec *spec, bool later)
{
	return pp_gen_layout_l2_bytes(spec) + ip_bytes(spec, later) + l4_bytes(spec, later) +
	       (spec->seq ? PP_GEN_SEQ_BYTES : 0);
}

uint32_t pp_gen_layout_fragment_bytes(const struct pp_gen_spec *spec, uint32_t size)
{
	return size - pp_gen_layout_l2_bytes(spec) - ip_bytes(spec, true);
}

static void put_ether(struct layout *lay)
{
	const struct pp_gen_spec *spec = lay->spec;

	put(lay, spec->dst_mac, 6);
	put(lay, spec->src_mac, 6);
	for (uint32_t i = 0; i < spec->vlan_count; i++) {
		put16(lay, i + 1 < spec->vlan_count ? TPID_OUTER : TPID_INNER);
		put16(lay, spec->vlan[i]);
	}
	if (spec->ethertype >= 0)
		put16(lay, (uint32_t)spec->ethertype);
	else
		put16(lay, spec->family == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
}

// Offset in units of 8 bytes, and whether more fragments follow.
static uint32_t fragment_offset(const struct layout *lay)
{
	return lay->later ? (lay->fragment_data_bytes + 7) / 8 : 0;
}

static bool more_fragments(const struct layout *lay)
{
	return lay->spec->fragment != PP_GEN_FRAGMENT_NONE && !lay->later;
}

static void put_ip4(struct layout *lay)
{
	const struct pp_gen_spec *spec = lay->spec;
	struct pp_gen_part *part = lay->part;
	uint32_t fragment = fragment_offset(lay) | (more_fragments(lay) ? IP4_MF : 0);

	if (spec->fragment == PP_GEN_FRAGMENT_NONE) {
		fragment = IP4_DF;
	} else {
		part->ident_offset = (uint16_t)(lay->at + 4);
		part->ident_bytes = 2;
	}
	part->ip_check_offset = (uint16_t)(lay->at + 10);
	part->src_offset = (uint16_t)(lay->at + 12);
	part->dst_offset = (uint16_t)(lay->at + 16);

	put8(lay, (uint8_t)(0x40 | ip_bytes(spec, lay->later) / 4));
	put8(lay, 0);
	put16(lay, lay->size - lay->ip_offset);
	put16(lay, 0);
	put16(lay, fragment);
	put8(lay, TTL);
	put8(lay, spec->proto);
	put16(lay, 0);
	put32(lay, 0);
	put32(lay, 0);
	for (uint32_t i = 0; i < spec->option_bytes; i++)
		put8(lay, 1); // no operation
}

// Padding options that fill what two header bytes leave of eight.
static void put_options(struct layout *lay)
{
	put8(lay, 0);
	put8(lay, 1); // PadN
	put8(lay, 4);
	put32(lay, 0);
}

static void put_ext(struct layout *lay, uint8_t ext, uint8_t next)
{
	put8(lay, next);
	switch (ext) {
	case IPPROTO_FRAGMENT:
		lay->part->ident_offset = (uint16_t)(lay->at + 3);
		lay->part->ident_bytes = 4;
		put8(lay, 0);
		put16(lay, fragment_offset(lay) << 3 | (more_fragments(lay) ? IP6_MF : 0));
		put32(lay, 0);
		break;
	case IPPROTO_AH:
		put8(lay, AH_BYTES / 4 - 2);
		put16(lay, 0);
		put32(lay, 1); // SPI
		put32(lay, 1); // sequence number
		put(lay, (uint8_t[12]){0}, 12);
		break;
	case IPPROTO_ROUTING:
		put(lay, (uint8_t[7]){0}, 7); // no segments left: the address is the last one
		break;
	default:
		put_options(lay);
		break;
	}
}

static void put_ip6(struct layout *lay)
{
	const struct pp_gen_spec *spec = lay->spec;
	bool end = false;

	lay->part->src_offset = (uint16_t)(lay->at + 20);
	lay->part->dst_offset = (uint16_t)(lay->at + 36);
	put32(lay, 0x60000000);
	put16(lay, lay->size - lay->ip_offset - IP6_BYTES);
	put8(lay, spec->ext_count > 0 ? spec->ext[0] : spec->proto);
	put8(lay, TTL);
	put(lay, spec->src.base, 12);
	put32(lay, 0);
	put(lay, spec->dst.base, 12);
	put32(lay, 0);
	for (uint32_t i = 0; i < spec->ext_count && !end; i++) {
		put_ext(lay, spec->ext[i],
			i + 1 < spec->ext_count ? spec->ext[i + 1] : spec->proto);
		end = lay->later && spec->ext[i] == IPPROTO_FRAGMENT;
	}
}

// Of the whole datagram, when it is cut in two.
static uint32_t l4_total_bytes(const struct layout *lay)
{
	uint32_t here = lay->size - lay->part->l4_offset;

	return more_fragments(lay) ? here + lay->fragment_data_bytes : here;
}

static void put_ports(struct layout *lay)
{
	lay->part->sport_offset = (uint16_t)lay->at;
	lay->part->dport_offset = (uint16_t)(lay->at + 2);
	put32(lay, 0);
}

static void put_udp(struct layout *lay)
{
	put_ports(lay);
	put16(lay, l4_total_bytes(lay));
	lay->part->l4_check_offset = (uint16_t)lay->at;
	lay->part->l4_pseudo = 1;
	put16(lay, 0);
}

static void put_tcp(struct layout *lay)
{
	put_ports(lay);
	put32(lay, 1); // sequence number
	put32(lay, 1); // acknowledgement
	put16(lay, 0x5010); // header of 20 bytes, ACK
	put16(lay, 0xffff); // window
	lay->part->l4_check_offset = (uint16_t)lay->at;
	lay->part->l4_pseudo = 1;
	put32(lay, 0); // checksum, urgent pointer
}

static void put_sctp(struct layout *lay)
{
	uint32_t total = l4_total_bytes(lay);

	put_ports(lay);
	put32(lay, 1); // verification tag
	if (lay->spec->fragment == PP_GEN_FRAGMENT_NONE) {
		lay->part->l4_check_offset = (uint16_t)lay->at;
		lay->part->l4_crc32c = 1;
	}
	put32(lay, 0);
	put16(lay, 0x0003); // DATA, a whole message
	put16(lay, total - 12);
	put32(lay, 1); // TSN
	put32(lay, 0); // stream and its sequence number
	put32(lay, 0); // payload protocol
}

static void put_icmp(struct layout *lay)
{
	put8(lay, lay->spec->family == 4 ? 8 : 128); // echo request
	put8(lay, 0);
	lay->part->l4_check_offset = (uint16_t)lay->at;
	lay->part->l4_pseudo = lay->spec->family == 6;
	put16(lay, 0);
	lay->part->sport_offset = (uint16_t)lay->at;
	put32(lay, 0); // identifier, sequence number
}

static void put_l4(struct layout *lay)
{
	lay->part->l4_offset = (uint16_t)lay->at;
	if (lay->spec->ethertype >= 0 || lay->later)
		return;
	switch (lay->spec->proto) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		put_udp(lay);
		break;
	case IPPROTO_TCP:
		put_tcp(lay);
		break;
	case IPPROTO_SCTP:
		put_sctp(lay);
		break;
	default:
		if (is_icmp(lay->spec))
			put_icmp(lay);
		break;
	}
}

static void put_payload(struct layout *lay)
{
	struct pp_gen_part *part = lay->part;
	uint32_t bytes = lay->size - lay->at;

	if (lay->spec->seq) {
		part->seq_offset = (uint16_t)lay->at;
		put32(lay, PP_GEN_MAGIC);
		put32(lay, 0);
		put32(lay, 0);
		put32(lay, 0);
		put16(lay, bytes);
		bytes -= PP_GEN_SEQ_BYTES;
		part->pattern_offset = (uint16_t)lay->at;
		part->pattern_pairs = (uint16_t)(bytes / 16);
		part->tail_bytes = (uint16_t)(bytes % 16);
		part->tail_offset = (uint16_t)(lay->size - part->tail_bytes);
		for (uint32_t i = 0; i < part->tail_bytes; i++)
			lay->frame[part->tail_offset + i] = (uint8_t)(PP_GEN_TAIL + i);
	} else {
		while (lay->at < lay->size)
			put8(lay, (uint8_t)lay->at);
	}
	lay->at = lay->size;
}

static void sum_part(struct layout *lay)
{
	const struct pp_gen_spec *spec = lay->spec;
	struct pp_gen_part *part = lay->part;

	if (spec->ethertype >= 0)
		return;
	if (spec->family == 4)
		part->ip_sum = pp_gen_sum(lay->frame + lay->ip_offset, ip_bytes(spec, lay->later));
	part->l4_sum = pp_gen_sum(lay->frame + part->l4_offset, lay->size - part->l4_offset);
	if (!part->l4_pseudo)
		return;
	part->l4_sum += htons(spec->proto);
	part->l4_sum += htons((uint16_t)l4_total_bytes(lay));
	if (spec->family == 6) {
		part->l4_sum += pp_gen_sum(spec->src.base, 12);
		part->l4_sum += pp_gen_sum(spec->dst.base, 12);
	}
}

void pp_gen_layout_part(const struct pp_gen_spec *spec,
			uint32_t size_bytes,
			struct pp_gen_part *part,
			bool later,
			uint8_t *frame)
{
	struct layout lay = {
		.spec = spec, .part = part, .frame = frame, .size = size_bytes, .later = later};

	if (spec->ethertype < 0)
		lay.fragment_data_bytes = pp_gen_layout_fragment_bytes(spec, size_bytes);
	if (!spec->raw_ip)
		put_ether(&lay);
	lay.ip_offset = lay.at;
	if (spec->ethertype < 0) {
		if (spec->family == 4)
			put_ip4(&lay);
		else
			put_ip6(&lay);
	}
	put_l4(&lay);
	put_payload(&lay);
	sum_part(&lay);
}
