// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/dump.h>

#include "plane_priv.h"

int pp_plane_dump_start(struct pp_plane *plane,
			const struct pp_dump_config *config,
			uint32_t *dump,
			struct pp_error *err)
{
	struct pp_maps *maps = &plane->maps;
	int ret;

	pp_plane_lock(plane);
	ret = pp_dumps_start(&maps->dumps, config, &maps->images, &maps->grace, maps->records_fd,
			     dump, err);
	pp_plane_unlock(plane);
	return ret;
}

void pp_plane_dump_stop(struct pp_plane *plane, uint32_t dump, struct pp_dump_stats *out)
{
	struct pp_maps *maps = &plane->maps;

	pp_plane_lock(plane);
	pp_dumps_stop(&maps->dumps, dump, &maps->images, &maps->grace, out);
	pp_plane_unlock(plane);
}

static int get(const struct pp_plane *plane, uint32_t dump, struct pp_dump_info *out)
{
	const struct pp_dumps *dumps = &plane->maps.dumps;
	const struct pp_dump *at;

	if (dump >= PP_DUMPS_MAX || !(dumps->used >> dump & 1))
		return -ENOENT;
	at = &dumps->dump[dump];
	*out = (struct pp_dump_info){.config = at->config,
				     .ring_fd = at->ring_fd,
				     .counts_fd = at->counts_fd,
				     .cpu_count = dumps->cpu_count};
	pp_dumps_sum(at->row, dumps->cpu_count, &out->stats);
	return 0;
}

int pp_plane_dump_get(const struct pp_plane *plane, uint32_t dump, struct pp_dump_info *out)
{
	int ret;

	pp_plane_lock(plane);
	ret = get(plane, dump, out);
	pp_plane_unlock(plane);
	return ret;
}
