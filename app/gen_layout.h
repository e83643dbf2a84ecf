// SPDX-License-Identifier: MIT OR Apache-2.0
// Lays out one frame of gen_packet.h: constant bytes in place, changing fields zero and their
// places noted. Private to gen_packet.c, which has checked the description.
//
// Threads    any.
// Cost       linear in the frame.
// Ownership  caller's storage.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gen_packet.h"

// Bytes in front of the IP header.
uint32_t pp_gen_layout_l2_bytes(const struct pp_gen_spec *spec);

// Bytes of all headers, and of what stands in front of the pattern in a `seq` payload.
//
// @param later  Of a later fragment, which has no L4 header.
uint32_t pp_gen_layout_head_bytes(const struct pp_gen_spec *spec, bool later);

// Bytes of a frame of size_bytes that are the piece of a datagram which a fragment carries.
uint32_t pp_gen_layout_fragment_bytes(const struct pp_gen_spec *spec, uint32_t size_bytes);

// Fill frame and part, which are zero; part->head is the caller's matter.
//
// @param size_bytes  At least pp_gen_layout_head_bytes().
void pp_gen_layout_part(const struct pp_gen_spec *spec,
			uint32_t size_bytes,
			struct pp_gen_part *part,
			bool later,
			uint8_t *frame);
