// SPDX-License-Identifier: MIT OR Apache-2.0
#include "lane.h"

#include "counter.h"
#include "handoff.h"
#include "port.h"
#include "port_list.h"
#include "spread.h"

static void bump(struct pp_lane *lane, enum pp_lane_count count)
{
	pp_counter_add(&lane->count[count], 1);
}

static void lost(struct pp_lane *lane, const struct pp_meta *meta, enum pp_lane_count count)
{
	bump(lane, count);
	pp_counter_add(&lane->lost[meta->iface % PP_IFACES_MAX], 1);
}

struct pp_lane *
pp_lanes_pick(const struct pp_lanes *lanes, const struct pp_meta *meta, const uint8_t *data)
{
	uint32_t kind, hash;

	if (lanes->count == 1)
		return lanes->lane;
	kind = lanes->frame_kind[meta->iface % PP_IFACES_MAX];
	hash = pp_spread_hash(lanes->spread, kind, meta, data);
	// The upper bits pick: multiply and shift instead of a division.
	return &lanes->lane[(uint64_t)hash * lanes->count >> 32];
}

bool pp_lanes_push_copy(struct pp_lanes *lanes,
			const struct pp_port_list *ports,
			const struct pp_meta *meta,
			bool routed)
{
	struct pp_lane *lane = pp_lanes_pick(lanes, meta, (const uint8_t *)(meta + 1));
	bool done = pp_handoff_push_copy(lane->handoff, meta, routed);

	if (!done && pp_port_list_take_back(ports, lane->handoff) > 0)
		done = pp_handoff_push_copy(lane->handoff, meta, routed);
	if (done)
		bump(lane, routed ? PP_LANE_ROUTED : PP_LANE_COPIED);
	else
		lost(lane, meta, routed ? PP_LANE_ROUTED_LOST : PP_LANE_COPIED_LOST);
	return done;
}

void pp_lanes_add_frame(struct pp_lanes *lanes, const uint8_t *data)
{
	struct pp_lane *lane = pp_lanes_pick(lanes, (const struct pp_meta *)data - 1, data);

	lane->frame[lane->frame_count++] = data;
	lanes->frame_count++;
}

static void refuse(struct pp_lane *lane, struct pp_port *port, const uint8_t *data)
{
	lost(lane, (const struct pp_meta *)data - 1, PP_LANE_ROUTED_LOST);
	pp_port_take_back(port, data);
}

// Counted before the analyser can have them: nobody sees more analysed than handed over.
static uint32_t push_frames(struct pp_lane *lane,
			    const struct pp_port_list *ports,
			    struct pp_port *port,
			    struct pp_ledger_row *ledger)
{
	uint16_t row = (uint16_t)pp_port_info(port)->row;
	uint32_t n = lane->frame_count, fits = pp_handoff_fits(lane->handoff, n);

	// Has the analyser released more since the worker looked?
	if (fits < n && pp_port_list_take_back(ports, lane->handoff) > 0)
		fits = pp_handoff_fits(lane->handoff, n);
	pp_counter_add(&lane->count[PP_LANE_ROUTED], fits);
	pp_rows_bump(ledger, PP_LEDGER_HANDED_OFF, fits);
	pp_handoff_push_frames(lane->handoff, lane->frame, fits, row);
	for (uint32_t i = fits; i < n; i++)
		refuse(lane, port, lane->frame[i]);
	lane->frame_count = 0;
	return n - fits;
}

uint32_t pp_lanes_push_frames(struct pp_lanes *lanes,
			      const struct pp_port_list *ports,
			      struct pp_port *port,
			      struct pp_ledger_row *ledger)
{
	uint32_t refused = 0;

	for (uint32_t i = 0; i < lanes->count && lanes->frame_count > 0; i++)
		if (lanes->lane[i].frame_count > 0)
			refused += push_frames(&lanes->lane[i], ports, port, ledger);
	lanes->frame_count = 0;
	return refused;
}

void pp_lanes_gather(struct pp_lanes *lanes,
		     const struct pp_meta *meta,
		     const uint8_t *data,
		     bool routed,
		     uint64_t now_ns)
{
	lanes->view[lanes->view_count++] = pp_packet_view_of(meta, data, routed, now_ns);
	bump(lanes->lane, routed ? PP_LANE_ROUTED : PP_LANE_COPIED);
}

// These two call the analyser's own code, which scripts/check-datapath.sh looks at by itself.
__attribute__((noinline)) uint32_t pp_lanes_call(struct pp_lanes *lanes, uint64_t now_ns)
{
	uint32_t n = lanes->view_count;

	if (n > 0)
		lanes->ops->packets(lanes->state, lanes->view, n, now_ns);
	lanes->view_count = 0;
	return n;
}

__attribute__((noinline)) void pp_lanes_tick(struct pp_lanes *lanes, uint64_t now_ns)
{
	if (lanes->ops->tick != NULL)
		lanes->ops->tick(lanes->state, now_ns);
}

void pp_lanes_flush(struct pp_lanes *lanes)
{
	for (uint32_t i = 0; i < lanes->count; i++)
		pp_handoff_flush(lanes->lane[i].handoff);
}
