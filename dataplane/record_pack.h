// SPDX-License-Identifier: MIT OR Apache-2.0
// Compression of a recording: a file is one zstd frame (RFC 8878), flushed after each piece, so that it
// is readable up to its last one, whatever happens after. It is not a frame for each piece: tshark
// and capinfos 4.0 take what follows the first frames for damaged.
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

// Begin a frame; one that was not ended is forgotten.
void pp_record_pack_begin(struct pp_record_pack *pack);

// The bytes that the largest piece can become.
size_t pp_record_pack_room(const struct pp_record_pack *pack);

// @param last  End the frame with this piece.
// @param out   Set to what follows in the file.
// @return      Its bytes; 0: zstd failed.
size_t pp_record_pack(struct pp_record_pack *pack,
		      const uint8_t *data,
		      size_t bytes,
		      bool last,
		      const uint8_t **out);
