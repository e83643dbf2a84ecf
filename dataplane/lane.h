// SPDX-License-Identifier: MIT OR Apache-2.0
// A worker's way to an analyser: which thread gets a packet, the ring to it, and what was handed
// over or lost on it.
//
// Threads    everything but counts and init: the worker. counts: any thread.
// Cost       no allocation, lock or system call.
// Ownership  rings are the analyser's (analysis.h). Frames that wait are the lane's. Views that wait borrow from the ring or the frame
//            until pp_lanes_call().
#pragma once

#include <push-packet/analyser.h>
#include <push-packet/ledger.h>
#include <push-packet/plane.h>

#include "cache_line.h"

struct pp_handoff;
struct pp_port;
struct pp_port_list;

enum pp_lane_count {
	PP_LANE_ROUTED, // handed over
	PP_LANE_ROUTED_LOST, // no room
	PP_LANE_COPIED,
	PP_LANE_COPIED_LOST,
	PP_LANE_COUNTS,
};

// To one thread. On the worker itself there is no ring.
struct pp_lane {
	struct pp_handoff *handoff;
	uint64_t count[PP_LANE_COUNTS]; // written by the worker
	uint64_t lost[PP_IFACES_MAX]; // of either kind; written by the worker
	uint32_t frame_count; // that wait for pp_lanes_push_frames()
	const uint8_t *frame[PP_ANALYSER_BURST];
} __attribute__((aligned(PP_CACHE_LINE)));

// To all threads of an analyser. All zero: the consumer is none.
struct pp_lanes {
	const struct pp_analyser_ops *ops;
	void *state; // of this worker, where the analyser runs on it; else NULL
	uint8_t spread; // enum pp_spread
	const uint8_t *frame_kind; // by interface; borrowed
	uint32_t count;
	struct pp_lane *lane;
	uint32_t frame_count; // of all lanes: without a state only
	uint32_t view_count; // that wait for pp_lanes_call(): with a state only
	struct pp_packet_view view[PP_ANALYSER_BURST];
};

// The lane of a packet's flow.
struct pp_lane *
pp_lanes_pick(const struct pp_lanes *lanes, const struct pp_meta *meta, const uint8_t *data);

// Hand over a copy of a packet: it lies behind meta.
//
// @param ports  Where frames go that stand in its way and were released.
// @return       false: lost, and counted as such.
bool pp_lanes_push_copy(struct pp_lanes *lanes,
			const struct pp_port_list *ports,
			const struct pp_meta *meta,
			bool routed);

// Keep a packet, whose frame is lent, for pp_lanes_push_frames(), which must come after
// PP_ANALYSER_BURST at the latest, and before a copy that follows.
void pp_lanes_add_frame(struct pp_lanes *lanes, const uint8_t *data);

// Hand over what was kept. Frames that find no room go back to the port, and are counted as lost.
//
// @param ports   As above.
// @param port    That all of them belong to.
// @param ledger  Of the port, where the packets are counted as received.
// @return        How many found no room.
uint32_t pp_lanes_push_frames(struct pp_lanes *lanes,
			      const struct pp_port_list *ports,
			      struct pp_port *port,
			      struct pp_ledger_row *ledger);

// Keep a packet for pp_lanes_call(), which must come after PP_ANALYSER_BURST at the latest.
void pp_lanes_gather(struct pp_lanes *lanes,
		     const struct pp_meta *meta,
		     const uint8_t *data,
		     bool routed,
		     uint64_t now_ns);

// Analyse what was kept. view stays as it is until the next gather.
//
// @return  How many.
uint32_t pp_lanes_call(struct pp_lanes *lanes, uint64_t now_ns);

// On the worker: see pp_analyser_ops.
void pp_lanes_tick(struct pp_lanes *lanes, uint64_t now_ns);

// Make what was pushed visible.
void pp_lanes_flush(struct pp_lanes *lanes);

static inline struct pp_packet_view
pp_packet_view_of(const struct pp_meta *meta, const uint8_t *data, bool routed, uint64_t now_ns)
{
	return (struct pp_packet_view){
		.meta = meta,
		.data = data,
		.cap_bytes = meta->cap_bytes,
		.len_bytes = meta->len_bytes,
		.time_ns = meta->time_ns != 0 ? meta->time_ns : now_ns,
		.routed = routed,
	};
}
