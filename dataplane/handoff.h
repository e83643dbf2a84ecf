// SPDX-License-Identifier: MIT OR Apache-2.0
// From a worker to an analysis thread: one queue for packets of both kinds, in order.
//
// A single-producer, single-consumer ring of 16-byte units. A routed packet is one unit that
// points at its frame, which the analyser lends until it comes back through a pp_ring. A copied
// packet - or a routed one, when too many frames are away - lies in the ring itself behind its
// unit, so the analyser's memory is its own and a slow analyser cannot starve receive.
//
// Threads    push_*, flush: the worker only. burst, release: the analyser only. create, destroy:
//            control thread, before both start and after both were joined.
// Cost       never blocks, allocates, locks, logs or makes a system call; one release store per
//            batch on either side.
// Ownership  an item is borrowed from the ring between burst and release. Its frame, if it has
//            one, is the analyser's until it is pushed back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>

struct pp_handoff;

struct pp_handoff_item {
	const struct pp_meta *meta; // always there
	const uint8_t *data; // meta->cap_bytes of packet
	bool routed; // else copied
	bool lent; // data must be given back
	uint16_t row; // lent: of the port the frame belongs to
};

// @param bytes  Capacity: a power of two, 4096 to 2^30.
// @return       0; -EINVAL; -ENOMEM. out is untouched on failure.
int pp_handoff_create(struct pp_handoff **out, uint32_t bytes);
void pp_handoff_destroy(struct pp_handoff *handoff);

// Hand over a routed packet in its frame.
//
// @param data   Behind its struct pp_meta.
// @param row    Of the port that the frame belongs to.
// @return       false: full; nothing was taken.
bool pp_handoff_push_frame(struct pp_handoff *handoff, const uint8_t *data, uint16_t row);

// Hand over a copy of meta and the meta->cap_bytes that follow it.
//
// @param routed  For the ledger.
// @return        false: no room.
bool pp_handoff_push_copy(struct pp_handoff *handoff, const struct pp_meta *meta, bool routed);

// Make what was pushed visible. Call once per batch.
void pp_handoff_flush(struct pp_handoff *handoff);

// Take items, oldest first.
//
// @return  Items stored, 0 to max.
uint32_t pp_handoff_burst(struct pp_handoff *handoff, struct pp_handoff_item item[], uint32_t max);

// Give back the room of everything that burst() took.
void pp_handoff_release(struct pp_handoff *handoff);

// Whether nothing waits. Consumer only.
bool pp_handoff_empty(struct pp_handoff *handoff);
