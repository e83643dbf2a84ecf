// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_pack.h"

#include <errno.h>
#include <stdlib.h>

#include <zstd.h>

#define LEVEL 1 // of 19: it has to keep up with packets
#define FRAME_BYTES 64 // header, checksum, ends of blocks

struct pp_record_pack {
	ZSTD_CCtx *context;
	size_t room;
	uint8_t packed[];
};

bool pp_record_pack_available(void)
{
	return true;
}

int pp_record_pack_create(struct pp_record_pack **out, size_t bytes_max)
{
	size_t room = ZSTD_compressBound(bytes_max) + FRAME_BYTES;
	struct pp_record_pack *pack = malloc(sizeof(*pack) + room);

	if (pack == NULL)
		return -ENOMEM;
	pack->room = room;
	pack->context = ZSTD_createCCtx();
	if (pack->context == NULL) {
		free(pack);
		return -ENOMEM;
	}
	ZSTD_CCtx_setParameter(pack->context, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(pack->context, ZSTD_c_checksumFlag, 1);
	*out = pack;
	return 0;
}

void pp_record_pack_destroy(struct pp_record_pack *pack)
{
	if (pack == NULL)
		return;
	ZSTD_freeCCtx(pack->context);
	free(pack);
}

void pp_record_pack_begin(struct pp_record_pack *pack)
{
	ZSTD_CCtx_reset(pack->context, ZSTD_reset_session_only);
}

size_t pp_record_pack_room(const struct pp_record_pack *pack)
{
	return pack->room;
}

size_t pp_record_pack(struct pp_record_pack *pack,
		      const uint8_t *data,
		      size_t bytes,
		      bool last,
		      const uint8_t **out)
{
	ZSTD_inBuffer in = {data, bytes, 0};
	ZSTD_outBuffer packed = {pack->packed, pack->room, 0};
	size_t left =
		ZSTD_compressStream2(pack->context, &packed, &in, last ? ZSTD_e_end : ZSTD_e_flush);

	if (ZSTD_isError(left) || left != 0 || in.pos != bytes)
		return 0;
	*out = pack->packed;
	return packed.pos;
}
