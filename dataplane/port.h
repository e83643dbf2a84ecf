// SPDX-License-Identifier: MIT OR Apache-2.0
// One AF_XDP socket on one receive queue, with its frames.
//
// A frame has one owner: the free stack, the fill ring, the worker (between rx_burst and the
// call that gives the frame away), an analyser (on loan), the transmit ring, the completion
// ring. Only base addresses enter rings. Ports may share their memory (pool.h): then a port can send
// frames that another one received, without a copy.
//
// Threads    open, close, stats: control thread. Everything else: the worker that serves the
//            port. Between them stands RCU: see worker.h.
// Cost       bursts never block, allocate, lock or log; kick() is the one system call.
// Ownership  the port owns its socket, and its frames in a UMEM of its own or of several ports.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/plane.h>

#include "pool.h"

struct pp_port;

struct pp_port_params {
	const char *iface_name;
	uint32_t iface;
	uint32_t queue;
	uint32_t row; // in the ledger
	uint32_t frame_kind; // enum pp_frame_kind
	int32_t numa_node;
	bool can_send; // the interface has a transmit queue of this number
	uint8_t bind; // enum pp_bind_mode
	bool skb; // generic XDP: zero-copy is out of the question
	bool patient; // wait up to 3 s for a queue that was bound until just now
	// Where ports that share a UMEM have it: *shared is set by the first one, and to NULL by the
	// last that closes. NULL: the port has a UMEM of its own.
	struct pp_pool **shared;
	uint32_t shared_ports; // at most so many will
	const struct pp_plane_config *config; // ring sizes, chunk, frames, layout, hugepages
};

#define PP_BURST 64

// A received packet: where its bytes are and which frame holds them.
struct pp_port_rx {
	uint8_t *data; // struct pp_meta stands in front
	uint32_t len_bytes;
};

// Frames of one socket: as configured, or what the rings need and some for analysers.
uint32_t pp_port_frames(const struct pp_plane_config *config);

// Create the socket and fill its fill ring.
//
// @param where  Kind set to what the error is about: bind mode, hugepages, or the interface.
// @return       0; -EBUSY: another socket has the queue, or had it until just now; -EOPNOTSUPP:
//               zero-copy was asked for and is not there; -errno. err is set.
int pp_port_open(struct pp_port **out,
		 const struct pp_port_params *params,
		 enum pp_where_kind *where,
		 struct pp_error *err);

// NULL is allowed. No worker may still see the port.
void pp_port_close(struct pp_port *port);

int pp_port_fd(const struct pp_port *port);

// Give free frames to the kernel, as many as it has use for.
void pp_port_refill(struct pp_port *port);

// The same however few they are: before nothing else is done for a while.
void pp_port_refill_all(struct pp_port *port);

// Take received packets.
//
// @param rx   Room for PP_BURST.
// @return     0 to PP_BURST; each frame is the caller's, to recycle, send or lend.
uint32_t pp_port_rx_burst(struct pp_port *port, struct pp_port_rx rx[PP_BURST]);
// The same, at most max.
uint32_t pp_port_rx(struct pp_port *port, struct pp_port_rx rx[], uint32_t max);

// Put a frame on the free stack, or send it home if it is another port's.
void pp_port_recycle(struct pp_port *port, const uint8_t *data);

// Send frames of this port, or of a port that shares its memory: those go home to their port by
// themselves when they have been sent.
//
// @return  Packets accepted; the rest are still the caller's.
uint32_t pp_port_tx_burst(struct pp_port *port, const struct pp_port_rx *tx, uint32_t n);

// Take every completed frame back to the free stack.
//
// @return  Frames.
uint32_t pp_port_tx_reclaim(struct pp_port *port);

// Take a free frame.
//
// @return  Its base address; NULL: none is free.
uint8_t *pp_port_alloc(struct pp_port *port);

// Whether frames of one can be sent by the other. Any thread.
bool pp_port_shares(const struct pp_port *port, const struct pp_port *with);

// Put a frame that is at home here on the free stack, by its number in the pool.
void pp_port_put(struct pp_port *port, uint32_t frame);

// Whether a frame of the pool is at home here.
bool pp_port_is_home(const struct pp_port *port, uint32_t frame);

// Frames that the kernel can receive into, or has and nobody took. Any thread.
uint32_t pp_port_receiving(const struct pp_port *port);

struct pp_pool *pp_port_pool(const struct pp_port *port);

// Wake the kernel where it asked to be: for transmission while frames wait for completion, for
// receive when the fill ring says so.
//
// @return  System calls made.
uint32_t pp_port_kick(struct pp_port *port);

// Lend a frame to an analyser; false when so many are away that receive could starve, and the
// caller must copy instead.
bool pp_port_lend(struct pp_port *port);

// A lent frame came back.
void pp_port_take_back(struct pp_port *port, const uint8_t *data);

// What pp_port is about; fixed after open.
struct pp_port_info {
	uint32_t iface;
	uint32_t queue;
	uint32_t row;
	uint32_t frame_kind;
	uint32_t frames;
	bool can_send; // else the kernel would take packets and never send them
	bool zerocopy;
	bool spread; // frames lie a cache line further apart than they are long
	bool hugepages;
	int32_t numa_node;
	uint32_t napi_id;
};
const struct pp_port_info *pp_port_info(const struct pp_port *port);

// Where the frames of a port are. Where nothing moves, and without another port's frames in sending,
// the sum of the rest is frames; what workers and analysers have is not listed. Any thread.
struct pp_port_counts {
	uint32_t frames;
	uint32_t free;
	uint32_t receiving; // with the kernel, to receive into, or received and not taken
	uint32_t sending; // in this port's transmit and completion ring, another port's included
	uint32_t held; // with the embedding program
	uint32_t away; // with another port, which sends them
	uint32_t returned; // on their way back to the free stack
};
void pp_port_count(const struct pp_port *port, struct pp_port_counts *out);

// Add the kernel's counters of the socket to row.
void pp_port_stats(const struct pp_port *port, struct pp_ledger_row *row);

// Received so far, as a number that grows and wraps; and whether the worker has taken them. Any
// thread.
uint32_t pp_port_rx_received(const struct pp_port *port);
bool pp_port_rx_taken(const struct pp_port *port, uint32_t received);

// What is on its way. Any thread. rx_empty says what the worker took, not what it did with it;
// lent can only fall once the worker receives no more.
bool pp_port_rx_empty(const struct pp_port *port);
uint32_t pp_port_lent(const struct pp_port *port);
uint32_t pp_port_sending(const struct pp_port *port);
