// SPDX-License-Identifier: MIT OR Apache-2.0
// One control connection: lines in, replies out in their order, some of which wait.
//
//   idle --on readable--> serve: answer line by line
//        --a line wrote--> waits: what writes is still answered, what reads is not looked at
//        --release-------> what waited goes out; serve goes on
//
// Threads    the thread that runs the event loop.
// Cost       control path.
// Ownership  a connection belongs to its server and frees itself when the peer is gone: after
//            pp_ctl_conn_send() and pp_ctl_conn_release() it may be no more.
#pragma once

#include <event2/event.h>

#include "jsonrpc.h"

struct pp_ctl_conn;

// What a server gives its connections. Borrowed.
struct pp_ctl_conn_host {
	const struct pp_rpc_service *service;
	uint32_t stall_ms;
	void *arg;
	void (*wrote)(void *arg); // something is pending
	void (*gone)(void *arg, struct pp_ctl_conn *conn); // it is about to be freed
};

// Take over a connected descriptor.
//
// @param peer  Copied.
// @return      NULL: no memory; fd is the caller's.
struct pp_ctl_conn *pp_ctl_conn_create(struct event_base *base,
				       int fd,
				       const struct pp_rpc_peer *peer,
				       const struct pp_ctl_conn_host *host);

// Hang up.
void pp_ctl_conn_destroy(struct pp_ctl_conn *conn);

// Send a message behind all replies. A peer that leaves too much unread is dropped.
void pp_ctl_conn_send(struct pp_ctl_conn *conn, const json_t *message);

// What waited is in force, or failed: send it, and go on with the next request.
//
// @param err  NULL: it is in force.
void pp_ctl_conn_release(struct pp_ctl_conn *conn,
			 uint32_t generation,
			 const struct pp_rpc_error *err);

// @return  Events that the peer subscribed to.
uint32_t pp_ctl_conn_events(const struct pp_ctl_conn *conn);
