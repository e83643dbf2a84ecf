// SPDX-License-Identifier: MIT OR Apache-2.0
// Turn a packet around in place.
//
// Threads    any.
// Cost       a few loads and stores.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// Swap the MAC addresses, or on a raw IP interface the IP addresses: the checksums stay right,
// because they sum both.
//
// @param frame_kind  enum pp_frame_kind.
// @return            false: too short for that, nothing was changed.
bool pp_reflect(uint8_t *data, uint32_t bytes, uint32_t frame_kind);

// Write a struct pp_reflect_stamp into the end of a packet that is long enough.
//
// @param data         struct pp_meta stands in front.
// @param received_ns  CLOCK_MONOTONIC.
void pp_reflect_stamp(uint8_t *data, uint32_t bytes, uint64_t received_ns);
