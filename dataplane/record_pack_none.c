// SPDX-License-Identifier: MIT OR Apache-2.0
// In the place of record_pack.c where there is no libzstd.
#include "record_pack.h"

#include <errno.h>

bool pp_record_pack_available(void)
{
	return false;
}

int pp_record_pack_create(struct pp_record_pack **out, size_t bytes_max)
{
	(void)out;
	(void)bytes_max;
	return -EOPNOTSUPP;
}

void pp_record_pack_destroy(struct pp_record_pack *pack)
{
	(void)pack;
}

void pp_record_pack_begin(struct pp_record_pack *pack)
{
	(void)pack;
}

size_t pp_record_pack_room(const struct pp_record_pack *pack)
{
	(void)pack;
	return 0;
}

size_t pp_record_pack(struct pp_record_pack *pack,
		      const uint8_t *data,
		      size_t bytes,
		      bool last,
		      const uint8_t **out)
{
	(void)pack;
	(void)data;
	(void)bytes;
	(void)last;
	(void)out;
	return 0;
}
