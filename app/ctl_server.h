// SPDX-License-Identifier: MIT OR Apache-2.0
// The daemon's end of the control socket: JSON-RPC 2.0 (jsonrpc.h) to many clients.
//
// No client can harm the daemon or another client: a line has at most 1 MiB, answers wait in a
// bounded buffer and no further request is read meanwhile, and who does not read them is dropped.
//
// What clients change is put in force together: once nothing more is there to be read, or
// PP_CTL_COLLECT_MS after the first change, commit() is called once for all of them. A client's
// answers come in the order of its requests, and what it asks after a change is answered from the
// state with that change.
//
// Threads    the thread that runs the event loop.
// Cost       control path; commit() blocks the loop.
// Ownership  the server owns its clients and the socket file.
#pragma once

#include <event2/event.h>

#include <push-packet/error.h>

#include "config.h"
#include "jsonrpc.h"

#define PP_CTL_CLIENTS_MAX 32
#define PP_CTL_LINE_BYTES_MAX (1u << 20)
#define PP_CTL_COLLECT_MS 3

// Priorities of events in the loop. Whoever makes the base calls event_base_priority_init() with
// PP_CTL_PRIORITIES; events that nobody gave another priority then have the middle one.
enum pp_ctl_priority {
	PP_CTL_PRIORITY_FIRST,
	PP_CTL_PRIORITY_NORMAL,
	PP_CTL_PRIORITY_LAST, // when nothing else is to be done
	PP_CTL_PRIORITIES,
};

struct pp_ctl_server;

// Listen and answer from the event loop.
//
// @param control   Where, and who may; see pp_ctl_path_listen(), ctl_peer.h. Copied.
// @param service   Borrowed.
// @param stall_ms  A client that takes nothing of its answers for so long is dropped.
// @return          0; -ENOMEM; what pp_ctl_path_listen() returns. On failure nothing is left.
int pp_ctl_server_open(struct pp_ctl_server **out,
		       struct event_base *base,
		       const struct pp_control_config *control,
		       const struct pp_rpc_service *service,
		       uint32_t stall_ms,
		       struct pp_error *err);

// Drop all clients and remove the socket. NULL is allowed.
void pp_ctl_server_close(struct pp_ctl_server *server);

// Put in force now what is pending, and answer who waits for it.
//
// @return  As commit().
int pp_ctl_server_commit(struct pp_ctl_server *server);

// Tell those who subscribed to one of events, behind the answers that they wait for.
//
// @param message  Borrowed.
void pp_ctl_server_notify(struct pp_ctl_server *server, uint32_t events, const json_t *message);

// @return  Clients at the moment.
uint32_t pp_ctl_server_client_count(const struct pp_ctl_server *server);
