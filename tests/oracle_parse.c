// SPDX-License-Identifier: MIT OR Apache-2.0
#include "oracle_parse.h"

#include <string.h>

#include <push-packet/abi.h>

// What has not been read yet.
struct rest {
	const uint8_t *data;
	uint32_t bytes;
};

static uint32_t number(const struct rest *rest, uint32_t at, uint32_t bytes)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < bytes; i++)
		value = value * 256 + rest->data[at + i];
	return value;
}

static struct rest behind(const struct rest *rest, uint32_t bytes)
{
	return (struct rest){rest->data + bytes, rest->bytes - bytes};
}

// promised: bytes that the IP header says there are.
static int read_l4(struct rest rest, uint32_t promised, struct oracle_packet *out)
{
	if (out->proto != 6 && out->proto != 17 && out->proto != 132 && out->proto != 136)
		return 0;
	if (promised < 4 || rest.bytes < 4)
		return PP_COUNT_UNPARSED_L4_SHORT;
	out->has_ports = true;
	out->sport = (uint16_t)number(&rest, 0, 2);
	out->dport = (uint16_t)number(&rest, 2, 2);
	return 0;
}

// RFC 791, section 3.1.
static int read_ip4(struct rest rest, struct oracle_packet *out)
{
	uint32_t header, total;

	if (rest.bytes < 20)
		return PP_COUNT_UNPARSED_IP_SHORT;
	header = rest.data[0] % 16 * 4;
	total = number(&rest, 2, 2);
	if (rest.data[0] / 16 != 4 || header < 20 || total < header)
		return PP_COUNT_UNPARSED_IP_BAD;
	if (rest.bytes < header)
		return PP_COUNT_UNPARSED_IP_SHORT;
	out->is_ip = true;
	out->family = PP_FAMILY_IP4;
	out->proto = rest.data[9];
	memcpy(out->src, rest.data + 12, 4);
	memcpy(out->dst, rest.data + 16, 4);
	if (number(&rest, 6, 2) % 8192 != 0)
		return 0;
	return read_l4(behind(&rest, header), total - header, out);
}

// RFC 8200, section 4; RFC 4302, section 2.2. depth: extension headers read so far.
static int read_ext(struct rest rest, uint32_t promised, uint32_t depth, struct oracle_packet *out)
{
	uint8_t proto = out->proto;
	uint32_t bytes;

	if (proto != 0 && proto != 43 && proto != 44 && proto != 51 && proto != 60)
		return read_l4(rest, promised, out);
	if (depth == 8)
		return PP_COUNT_UNPARSED_EXT_DEEP;
	if (rest.bytes < 8)
		return PP_COUNT_UNPARSED_EXT_SHORT;
	if (proto == 44)
		bytes = 8;
	else if (proto == 51)
		bytes = (rest.data[1] + 2u) * 4;
	else
		bytes = (rest.data[1] + 1u) * 8;
	if (promised < bytes || rest.bytes < bytes)
		return PP_COUNT_UNPARSED_EXT_SHORT;
	out->proto = rest.data[0];
	if (proto == 44 && number(&rest, 2, 2) / 8 != 0)
		return 0;
	return read_ext(behind(&rest, bytes), promised - bytes, depth + 1, out);
}

// RFC 8200, section 3.
static int read_ip6(struct rest rest, struct oracle_packet *out)
{
	if (rest.bytes < 40)
		return PP_COUNT_UNPARSED_IP_SHORT;
	if (rest.data[0] / 16 != 6)
		return PP_COUNT_UNPARSED_IP_BAD;
	out->is_ip = true;
	out->family = PP_FAMILY_IP6;
	out->proto = rest.data[6];
	memcpy(out->src, rest.data + 8, 16);
	memcpy(out->dst, rest.data + 24, 16);
	return read_ext(behind(&rest, 40), number(&rest, 4, 2), 0, out);
}

// tags: 802.1Q or 802.1ad tags that may still come. type: of what rest begins with.
static int read_typed(struct rest rest, uint32_t type, uint32_t tags, struct oracle_packet *out)
{
	if (type == 0x0800)
		return read_ip4(rest, out);
	if (type == 0x86dd)
		return read_ip6(rest, out);
	if (type != 0x8100 && type != 0x88a8)
		return 0;
	if (tags == 0)
		return PP_COUNT_UNPARSED_VLAN_DEEP;
	if (rest.bytes < 4)
		return PP_COUNT_UNPARSED_VLAN_SHORT;
	return read_typed(behind(&rest, 4), number(&rest, 2, 2), tags - 1, out);
}

static int read_frame(uint32_t kind, struct rest rest, struct oracle_packet *out)
{
	if (kind == PP_FRAME_ETHERNET) {
		if (rest.bytes < 14)
			return PP_COUNT_UNPARSED_ETH_SHORT;
		return read_typed(behind(&rest, 14), number(&rest, 12, 2), 2, out);
	}
	if (rest.bytes == 0)
		return PP_COUNT_UNPARSED_IP_SHORT;
	if (rest.data[0] / 16 == 4)
		return read_ip4(rest, out);
	return rest.data[0] / 16 == 6 ? read_ip6(rest, out) : 0;
}

int oracle_parse(uint32_t kind, const uint8_t *data, uint32_t bytes, struct oracle_packet *out)
{
	struct oracle_packet packet = {0};
	int reason = read_frame(kind, (struct rest){data, bytes}, &packet);

	if (reason == 0) {
		memcpy(packet.iface, out->iface, sizeof(packet.iface));
		packet.out = out->out;
		*out = packet;
	}
	return reason;
}
