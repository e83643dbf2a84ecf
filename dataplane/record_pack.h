// SPDX-License-Identifier: MIT OR Apache-2.0
// Compression of a recording: each piece becomes a zstd frame of its own (RFC 8878), so that a file
// is readable up to its last one, whatever happens after. Frames one after another are a zstd file.
//
// Threads    one at a time for a packer.
// Cost       create allocates; pack takes what zstd takes at level 1.
// Ownership  the packer's result is borrowed until the next call.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pp_record_pack;

// Whether this build has it.
bool pp_record_pack_available(void);

// @param bytes_max  Of a piece.
// @return           0; -ENOMEM; -EOPNOTSUPP: this build has no compression.
int pp_record_pack_create(struct pp_record_pack **out, size_t bytes_max);
// NULL is allowed.
void pp_record_pack_destroy(struct pp_record_pack *pack);

// @param out  Set to the frame.
// @return     Its bytes; 0: zstd failed.
size_t
pp_record_pack(struct pp_record_pack *pack, const uint8_t *data, size_t bytes, const uint8_t **out);
