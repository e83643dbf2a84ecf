// SPDX-License-Identifier: MIT OR Apache-2.0
// What port_open.c makes and port.c works with.
//
// Threads    as port.h says.
#pragma once

#include <xdp/xsk.h>

#include "afxdp.h"
#include "port.h"

struct pp_port {
	struct xsk_ring_cons rx;
	struct xsk_ring_prod fill;
	struct xsk_ring_prod tx;
	struct xsk_ring_cons completion;
	uint8_t *area;
	struct pp_pool *pool;
	struct pp_pool **shared; // where others find the pool; NULL: it is this port's alone
	uint32_t home; // in the pool
	uint32_t first; // frame of the home
	uint64_t *free; // stack of base addresses
	uint32_t free_count;
	uint32_t refill_min; // frames that are worth a refill
	uint32_t receiving_max; // frames that the kernel has use for, as pp_port_receiving() counts
	uint32_t sending; // frames between tx_burst and tx_reclaim
	uint32_t lent;
	uint32_t lent_max;
	int fd;
	uint64_t filled; // frames put into the fill ring
	uint64_t received; // frames taken out of the receive ring

	struct pp_afxdp socket;
	struct pp_port_info info;
};
