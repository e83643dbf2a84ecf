// SPDX-License-Identifier: MIT OR Apache-2.0
// Headers of <push-packet/trace.h> as packets.
//
// Threads    any; nothing is shared.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include "oracle.h"
#include "packet.h"

// Build a short packet that has the header: Ethernet, IP, and a whole transport header.
void trace_packet(const struct oracle_packet *header, struct packet *out);
