// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/plane.h>

#include "port.h"

void pp_plane_config_init(struct pp_plane_config *config)
{
	*config = (struct pp_plane_config){
		.engine = "auto",
		.idle = PP_IDLE_ADAPTIVE,
		.rx_slots = 2048,
		.tx_slots = 2048,
		.fill_slots = 2048,
		.completion_slots = 2048,
		.handoff_bytes = 1u << 20,
		.copy_ring_bytes = 4u << 20,
		.chunk_bytes = 2048,
		.layout = PP_LAYOUT_AUTO,
		.hugepages = PP_HUGEPAGES_AUTO,
	};
}

uint32_t pp_plane_frames_needed(const struct pp_plane_config *config)
{
	return config->fill_slots + config->rx_slots + config->tx_slots + config->completion_slots +
	       PP_BURST;
}
