// SPDX-License-Identifier: MIT OR Apache-2.0
// Judges received frames that carry a sequence number (gen_packet.h): order per flow,
// duplicates, holes, bytes. It finds the payload by its magic, so that it need not know which
// headers a packet left with or came back with.
//
// Threads    one at a time.
// Cost       about 100 ns a frame; allocates a bit per sequence number of a flow.
// Ownership  pp_gen_check_fini() frees what the struct holds.
#pragma once

#include <stdint.h>

struct pp_gen_check_flow;

struct pp_gen_check {
	uint64_t seed; // the sender's
	uint32_t size_bytes; // expected frame length; 0: any
	uint64_t received; // frames with our magic; the next three are among them
	uint64_t out_of_order; // came after a later one of its flow, for the first time
	uint64_t duplicates;
	uint64_t corrupt; // bytes or length are not what was sent; not judged further
	uint64_t other; // frames without our magic
	uint64_t received_bytes;
	uint64_t no_memory; // frames that could not be judged
	struct pp_gen_check_flow *flow;
	uint32_t flow_count;
};

void pp_gen_check_init(struct pp_gen_check *check, uint64_t seed, uint32_t size_bytes);
void pp_gen_check_fini(struct pp_gen_check *check);

// Judge one frame of len bytes.
void pp_gen_check_frame(struct pp_gen_check *check, const uint8_t *frame, uint32_t len);

// Flows seen, and sequence numbers below the highest seen of their flow that never came.
uint64_t pp_gen_check_flows(const struct pp_gen_check *check);
uint64_t pp_gen_check_missing(const struct pp_gen_check *check);
