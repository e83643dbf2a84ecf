// SPDX-License-Identifier: MIT OR Apache-2.0
// Which flow a packet is of, as a number: the same for both directions.
//
// Threads    any.
// Cost       one look at the headers, some ten nanoseconds; nothing allocated.
#pragma once

#include <push-packet/plane.h>

// @param spread  enum pp_spread.
// @param kind    enum pp_frame_kind.
// @param data    meta->cap_bytes of the packet.
// @return        A hash of the addresses, the protocol and the ports (PP_SPREAD_FLOW), or of the
//                addresses (PP_SPREAD_HOSTS); of frames that are not IP, of the interface.
uint32_t
pp_spread_hash(uint8_t spread, uint32_t kind, const struct pp_meta *meta, const uint8_t *data);
