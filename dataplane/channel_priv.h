// SPDX-License-Identifier: MIT OR Apache-2.0
// A channel as the plane has it: channel.c moves packets, plane_channel.c opens and closes.
//
// Threads    port is the control thread's to change, when the gate is shut and nobody is in.
#pragma once

#include <push-packet/channel.h>
#include <push-packet/ledger.h>
#include <push-packet/plane.h>

#include "gate.h"
#include "port.h"

struct pp_channel {
	struct pp_gate gate;
	uint32_t starving; // the kernel has no frame to receive into: give_back() wakes
	uint32_t giving; // threads in give_back()
	uint32_t last_burst; // packets of the last receive that had any
	struct pp_port *port; // NULL: none
	struct pp_plane *plane;
	uint32_t iface;
	uint32_t queue;
	int epoll_fd; // of socket and wake-ups, until the plane is closed; -1: nobody asked
	struct pp_ledger_row ledger; // written by who is in a call
	uint64_t rx_bytes, tx_pkts, tx_bytes, tx_full;
	uint64_t refused; // by any thread
};

// Count what was wrong with a frame.
//
// @return  ret
int pp_channel_refuse(struct pp_channel *channel, int ret);

// Take back what was sent.
void pp_channel_reclaim(struct pp_channel *channel);

// A frame of ours goes to the free stack, another port's to where that port finds it.
void pp_channel_put_back(struct pp_port *port, uint32_t frame);

static inline uint32_t pp_channel_frame(const struct pp_pool *pool, const struct pp_frame *frame)
{
	return pp_pool_frame(pool, (uint64_t)(frame->data - pool->area));
}

static inline bool pp_channel_is_inside(const struct pp_pool *pool, const uint8_t *data)
{
	return (uintptr_t)data - (uintptr_t)pool->area < pool->frames * pool->stride_bytes;
}

// Take a frame from the program, if it is the program's. One of two threads wins.
static inline bool pp_channel_claim(struct pp_pool *pool, uint32_t frame)
{
	uint8_t held = PP_FRAME_HELD;

	return __atomic_compare_exchange_n(&pool->state[frame], &held, PP_FRAME_RETURNED, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

// Let go of what was received; nobody is in a call.
void pp_channel_drain(struct pp_channel *channel);

// A port, or none, for those who come now; and none of those who came before knows another.
void pp_channel_set_port(struct pp_channel *channel, struct pp_port *port);

// The port of a queue goes: its channel, if it is open, is not to be used until it returns.
void pp_plane_channel_down(struct pp_plane *plane, uint32_t iface, uint32_t queue);
// It has returned.
void pp_plane_channel_up(struct pp_plane *plane, uint32_t iface, uint32_t queue);

// Let the channel of a queue forget its port.
//
// @return  false: the program still has frames of it, and the plane does not close.
bool pp_plane_channel_let_go(struct pp_plane *plane, uint32_t iface, uint32_t queue);

void pp_plane_close_channels(struct pp_plane *plane);
void pp_plane_free_channels(struct pp_plane *plane);

// Frames of a port that the program has.
uint32_t pp_channel_port_held(const struct pp_port *port);

// Add what a channel counted. NULL is allowed.
void pp_channel_ledger(const struct pp_channel *channel, struct pp_ledger_row *sum);
