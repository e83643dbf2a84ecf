// SPDX-License-Identifier: MIT OR Apache-2.0
// The XDP program's own parser (bpf/parse.bpf.h), built for user space: analysers read packets with
// the same eyes that judged them.
//
// Threads    any.
// Cost       nothing allocated; touches the headers only.
#pragma once

#include <stdint.h>

#include <push-packet/abi.h>

// @param kind  enum pp_frame_kind.
// @param key   Set when 0 is returned; addr only where the family has addresses.
// @return      0, or why not: PP_COUNT_UNPARSED_*.
int pp_parse_packet(
	uint32_t kind, uint32_t iface, const uint8_t *data, uint32_t bytes, struct pp_key *key);

// The same of what was captured: of a packet that the kernel has yet to cut up, too long for a length in
// its IP header, which then says 0 (BIG TCP).
//
// @param len_bytes  Of the whole packet.
int pp_parse_captured(uint32_t kind,
		      uint32_t iface,
		      const uint8_t *data,
		      uint32_t cap_bytes,
		      uint32_t len_bytes,
		      struct pp_key *key);

// The slot that an image gives the key: the linear engine's kernel half, for tests.
//
// @param head       Says where sets are in their area.
// @param set_bytes  Of the area: a power of two; 0: there is none.
uint32_t pp_parse_linear_match(const struct pp_linear_image *image,
			       const struct pp_image_head *head,
			       const uint8_t *sets,
			       uint32_t set_bytes,
			       const struct pp_key *key);
