// SPDX-License-Identifier: MIT OR Apache-2.0
#include "reflect.h"

#include <stddef.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <push-packet/abi.h>
#include <push-packet/clock.h>
#include <push-packet/plane.h>

static void swap(uint8_t *a, uint8_t *b, size_t bytes)
{
	uint8_t keep[16];

	memcpy(keep, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, keep, bytes);
}

static bool reflect_ip(uint8_t *data, uint32_t bytes)
{
	if (bytes >= sizeof(struct iphdr) && data[0] >> 4 == 4) {
		swap(data + offsetof(struct iphdr, saddr), data + offsetof(struct iphdr, daddr), 4);
		return true;
	}
	if (bytes >= sizeof(struct ipv6hdr) && data[0] >> 4 == 6) {
		swap(data + offsetof(struct ipv6hdr, saddr), data + offsetof(struct ipv6hdr, daddr),
		     16);
		return true;
	}
	return false;
}

void pp_reflect_stamp(uint8_t *data, uint32_t bytes, uint64_t received_ns)
{
	const struct pp_meta *meta = (const struct pp_meta *)data - 1;
	const struct pp_reflect_stamp stamp = {.xdp_ns = meta->time_ns,
					       .received_ns = received_ns,
					       .sent_ns = pp_clock_ns(CLOCK_MONOTONIC)};

	if (bytes >= PP_REFLECT_STAMP_BYTES_MIN)
		memcpy(data + bytes - sizeof(stamp), &stamp, sizeof(stamp));
}

bool pp_reflect(uint8_t *data, uint32_t bytes, uint32_t frame_kind)
{
	if (frame_kind != PP_FRAME_ETHERNET)
		return reflect_ip(data, bytes);
	if (bytes < ETH_HLEN)
		return false;
	swap(data + offsetof(struct ethhdr, h_dest), data + offsetof(struct ethhdr, h_source),
	     ETH_ALEN);
	return true;
}
