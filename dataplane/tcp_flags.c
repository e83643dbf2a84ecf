// SPDX-License-Identifier: MIT OR Apache-2.0
#include "tcp_flags.h"

#include <stdbool.h>

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <push-packet/abi.h>

#define TAGS_MAX 2
#define FLAGS_AT 13 // in the TCP header

// A position that may lie behind the end: what is read there is 0.
struct cursor {
	const uint8_t *data;
	uint32_t bytes;
	uint32_t at;
};

static uint8_t byte_at(const struct cursor *c, uint32_t offset)
{
	return c->at + offset < c->bytes ? c->data[c->at + offset] : 0;
}

static uint16_t word_at(const struct cursor *c, uint32_t offset)
{
	return (uint16_t)(byte_at(c, offset) << 8 | byte_at(c, offset + 1));
}

static void skip_ethernet(struct cursor *c)
{
	c->at = 2 * ETH_ALEN;
	for (int i = 0; i < TAGS_MAX; i++)
		if (word_at(c, 0) == ETH_P_8021Q || word_at(c, 0) == ETH_P_8021AD)
			c->at += 4;
	c->at += 2;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

// RFC 8200, section 4; AH: RFC 4302.
static void skip_ip6(struct cursor *c)
{
	uint8_t next = byte_at(c, 6);

	c->at += 40;
	for (int i = 0; i < PP_EXT_HEADERS_MAX && is_extension(next); i++) {
		uint32_t len = byte_at(c, 1);
		uint8_t header = next;

		next = byte_at(c, 0);
		if (header == IPPROTO_AH)
			c->at += (len + 2) * 4;
		else
			c->at += header == IPPROTO_FRAGMENT ? 8 : (len + 1) * 8;
	}
}

uint8_t pp_tcp_flags(uint32_t kind, const uint8_t *data, uint32_t bytes)
{
	struct cursor c = {.data = data, .bytes = bytes};

	if (kind == PP_FRAME_ETHERNET)
		skip_ethernet(&c);
	if (byte_at(&c, 0) >> 4 == 6)
		skip_ip6(&c);
	else
		c.at += (byte_at(&c, 0) & 0xfu) * 4;
	return byte_at(&c, FLAGS_AT);
}
