// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_pack.h"

#include <errno.h>
#include <stdlib.h>

#include <zstd.h>

#define LEVEL 1 // of 19: it has to keep up with packets

struct pp_record_pack {
	ZSTD_CCtx *context;
	size_t room;
	uint8_t frame[];
};

bool pp_record_pack_available(void)
{
	return true;
}

int pp_record_pack_create(struct pp_record_pack **out, size_t bytes_max)
{
	size_t room = ZSTD_compressBound(bytes_max);
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

size_t
pp_record_pack(struct pp_record_pack *pack, const uint8_t *data, size_t bytes, const uint8_t **out)
{
	size_t frame = ZSTD_compress2(pack->context, pack->frame, pack->room, data, bytes);

	if (ZSTD_isError(frame))
		return 0;
	*out = pack->frame;
	return frame;
}
