// SPDX-License-Identifier: MIT OR Apache-2.0
// What a worker received on one port and sends out by another, as it is. The ports share their memory,
// so a frame changes owner and no byte is copied; it goes home when it has been sent.
//
// Threads    senders: control thread. The rest: the worker that serves both ports.
// Cost       a burst costs a system call, the kick; nothing is allocated, locked or logged.
// Ownership  add() takes a frame; send() gives it to the port that sends it, or back.
#pragma once

#include <stdint.h>

#include "port.h"
#include "rows.h"

// One burst of one port.
struct pp_forward {
	struct pp_port *from;
	struct pp_port *out; // that sends tx[]
	uint32_t count;
	uint32_t kicks;
	uint64_t forwarded, ring_full, no_socket, bad;
	struct pp_port_rx tx[PP_BURST];
};

static inline void pp_forward_begin(struct pp_forward *forward, struct pp_port *from)
{
	forward->from = from;
	forward->out = NULL;
	forward->count = forward->kicks = 0;
	forward->forwarded = forward->ring_full = forward->no_socket = forward->bad = 0;
}

// @param out  As pp_forward_senders() says; NULL: nobody sends there, the packet is lost.
void pp_forward_add(struct pp_forward *forward, struct pp_port *out, const struct pp_port_rx *rx);
// At the end of the burst.
void pp_forward_send(struct pp_forward *forward);
// Count what became of the burst, where it was received.
void pp_forward_count(const struct pp_forward *forward, struct pp_ledger_row *row);

// Who of a worker's ports sends what was received on queue N and goes to an interface: that of queue N
// there if it is the worker's, else the first one of that interface; NULL: the worker has none.
//
// @param sender  By row: set.
// @param port    By row: the worker's.
void pp_forward_senders(struct pp_port **sender,
			struct pp_port *const *port,
			const struct pp_rows *rows);
