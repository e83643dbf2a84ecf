// SPDX-License-Identifier: MIT OR Apache-2.0
// Where every packet went, per receive queue. Columns that must add up:
//
//   seen        = passed + dropped + redirected + route_no_socket + route_no_meta + aborted
//   redirected  = xsk_rx + no_frame + too_long + rx_ring_full + rx_in_flight
//   xsk_rx      = sink + reflected + to_program + handed_off + handoff_full + tx_ring_full + tx_bad +
//                 no_consumer
//   handed_off  = analysed + analysis_in_flight
//   copied      = ring_read + ring_in_flight
//   ring_read   = copy_to_program + copy_handed_off + copy_handoff_full + copy_no_consumer
//   copy_handed_off = copy_analysed + copy_analysis_in_flight
//
// Threads    pp_ledger_*: any. Rows are plain values.
// Cost       control path.
// Ownership  caller's storage.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pp_ledger_column {
	// Counted by the XDP program: the same order as enum pp_count in bpf/abi.h.
	PP_LEDGER_SEEN,
	PP_LEDGER_SEEN_BYTES,
	PP_LEDGER_PASSED,
	PP_LEDGER_DROPPED,
	PP_LEDGER_REDIRECTED,
	PP_LEDGER_ROUTE_NO_SOCKET,
	PP_LEDGER_ROUTE_NO_META,
	PP_LEDGER_ABORTED,
	PP_LEDGER_COPIED,
	PP_LEDGER_COPY_RING_FULL,
	PP_LEDGER_COPY_NO_RING,
	PP_LEDGER_COPY_TOO_LONG,
	PP_LEDGER_UNPARSED_ETH_SHORT,
	PP_LEDGER_UNPARSED_VLAN_SHORT,
	PP_LEDGER_UNPARSED_VLAN_DEEP,
	PP_LEDGER_UNPARSED_IP_SHORT,
	PP_LEDGER_UNPARSED_IP_BAD,
	PP_LEDGER_UNPARSED_EXT_SHORT,
	PP_LEDGER_UNPARSED_EXT_DEEP,
	PP_LEDGER_UNPARSED_L4_SHORT,
	// Counted by the kernel's AF_XDP socket (XDP_STATISTICS).
	PP_LEDGER_NO_FRAME, // fill ring empty
	PP_LEDGER_TOO_LONG, // longer than a frame
	PP_LEDGER_RX_RING_FULL,
	PP_LEDGER_RX_BAD_FILL, // rx_invalid_descs: a bug of ours, must be 0
	PP_LEDGER_TX_BAD_DESC, // tx_invalid_descs: a bug of ours, must be 0
	// Counted by workers and analysers.
	PP_LEDGER_XSK_RX,
	PP_LEDGER_SINK,
	PP_LEDGER_REFLECTED, // handed to the socket's transmit ring; not proof of delivery
	PP_LEDGER_TO_PROGRAM, // the embedding program took it from a channel
	PP_LEDGER_TX_RING_FULL, // lost: no room in the transmit ring
	PP_LEDGER_TX_BAD, // lost: too short to be sent back, or no transmit queue
	PP_LEDGER_NO_CONSUMER, // recycled: the rule's consumer is not there
	PP_LEDGER_HANDED_OFF,
	PP_LEDGER_HANDOFF_FULL, // lost: the analyser's ring or memory was full
	PP_LEDGER_ANALYSED,
	PP_LEDGER_RING_READ,
	PP_LEDGER_COPY_NO_CONSUMER,
	PP_LEDGER_COPY_TO_PROGRAM, // the embedding program took it from a receiver
	PP_LEDGER_COPY_HANDED_OFF,
	PP_LEDGER_COPY_HANDOFF_FULL,
	PP_LEDGER_COPY_ANALYSED,
	PP_LEDGER_TX_COMPLETED, // the kernel gave the frame back; not proof of delivery
	PP_LEDGER_COLUMNS,
};

struct pp_ledger_row {
	uint64_t v[PP_LEDGER_COLUMNS];
};

// What is on its way at the moment of the snapshot: the left side of an equation minus the
// rest of its right side. All 0 after a drain. Negative values mean a broken ledger.
struct pp_ledger_in_flight {
	int64_t verdict; // seen - its exits: 0 unless the snapshot cut a packet in two
	int64_t rx;
	int64_t worker; // xsk_rx - its exits
	int64_t analysis;
	int64_t ring;
	int64_t copy_worker;
	int64_t copy_analysis;
};

// @return  The column's name as statistics, metrics and README write it.
const char *pp_ledger_name(enum pp_ledger_column column);

// Add row to sum.
void pp_ledger_add(struct pp_ledger_row *sum, const struct pp_ledger_row *row);

// Work out what each equation lacks.
void pp_ledger_in_flight(const struct pp_ledger_row *row, struct pp_ledger_in_flight *out);

// @return  Whether every equation holds with nothing in flight, and no bug counter moved.
bool pp_ledger_balanced(const struct pp_ledger_row *row);
