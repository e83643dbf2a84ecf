// SPDX-License-Identifier: MIT OR Apache-2.0
#include "grace.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "map.h"

int pp_grace_open(struct pp_grace *grace, struct pp_error *err)
{
	int ret;

	grace->outer_fd = -1;
	ret = pp_map_create(&grace->inner_fd, BPF_MAP_TYPE_ARRAY, "pp_grace", sizeof(uint32_t), 1,
			    NULL, err);
	return ret ?: pp_map_create_outer(&grace->outer_fd, "pp_grace", 1, grace->inner_fd, err);
}

void pp_grace_close(struct pp_grace *grace)
{
	pp_map_close(&grace->outer_fd);
	pp_map_close(&grace->inner_fd);
}

int pp_grace_wait(const struct pp_grace *grace, struct pp_error *err)
{
	uint32_t slot = 0;

	if (bpf_map_update_elem(grace->outer_fd, &slot, &grace->inner_fd, BPF_ANY))
		return pp_error_set(err, -errno, 0, 0, "cannot wait for running programs: %s",
				    strerror(errno));
	return 0;
}
