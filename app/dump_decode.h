// SPDX-License-Identifier: MIT OR Apache-2.0
// One packet in one line, for people: addresses, ports, protocol.
//
// Sources: IEEE 802.1Q, RFC 826 (ARP), 791, 8200 (IPv4, IPv6), 9293, 768, 792, 4443.
//
// Threads    any.
// Cost       one pass over the headers.
// Ownership  nothing is kept.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PP_DUMP_DECODE_BYTES 320

// @param frame_kind  enum pp_frame_kind.
// @param bytes       There are so many; what would lie beyond is shown as "[|name]".
// @param out         Set to a text of at most PP_DUMP_DECODE_BYTES with its end.
void pp_dump_decode(uint8_t frame_kind,
		    const uint8_t *data,
		    uint32_t bytes,
		    char out[PP_DUMP_DECODE_BYTES]);
