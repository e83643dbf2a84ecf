// SPDX-License-Identifier: MIT OR Apache-2.0
// What a packet says, read the slow way: byte after byte, from the protocols' own documents. The
// parser of the XDP program is compared with it; it shares no code with it.
//
// Threads    any; nothing is shared.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include <stdint.h>

#include "oracle.h"

// @param kind  enum pp_frame_kind.
// @param out   Set when 0 is returned, but for iface and out.
// @return      0; PP_COUNT_UNPARSED_*.
int oracle_parse(uint32_t kind, const uint8_t *data, uint32_t bytes, struct oracle_packet *out);
