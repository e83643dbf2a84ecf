// SPDX-License-Identifier: MIT OR Apache-2.0
// The flags of a TCP header.
//
// Threads    any.
// Cost       a walk along the headers; nothing allocated.
#pragma once

#include <stdint.h>

#define PP_TCP_FIN 0x01u
#define PP_TCP_SYN 0x02u
#define PP_TCP_RST 0x04u

// @param kind  enum pp_frame_kind.
// @param data  bytes of a packet in which the parser found TCP with ports.
// @return      FIN, SYN, RST, PSH, ACK, URG, ECE, CWR from the lowest bit (RFC 9293, section 3.1); 0: they
//              are cut off.
uint8_t pp_tcp_flags(uint32_t kind, const uint8_t *data, uint32_t bytes);
