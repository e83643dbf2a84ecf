// SPDX-License-Identifier: MIT OR Apache-2.0
// The daemon's end of the control socket: JSON-RPC 2.0 (jsonrpc.h) to many clients.
//
// No client can harm the daemon: a line has at most 64 KiB, answers wait in a bounded buffer and
// no further request is read meanwhile, and who does not read them is dropped.
//
// Threads    the thread that runs the event loop.
// Cost       control path.
// Ownership  the server owns its clients and the socket file.
#pragma once

#include <event2/event.h>

#include <push-packet/error.h>

#include "config.h"
#include "jsonrpc.h"

#define PP_CTL_CLIENTS_MAX 32
#define PP_CTL_LINE_BYTES_MAX 65536

struct pp_ctl_server;

// Listen and answer from the event loop.
//
// @param control   Where; see pp_ctl_path_listen().
// @param methods   Borrowed.
// @param stall_ms  A client that takes nothing of its answers for so long is dropped.
// @return          0; -ENOMEM; what pp_ctl_path_listen() returns. On failure nothing is left.
int pp_ctl_server_open(struct pp_ctl_server **out,
		       struct event_base *base,
		       const struct pp_control_config *control,
		       const struct pp_rpc_method *methods,
		       void *arg,
		       uint32_t stall_ms,
		       struct pp_error *err);

// Drop all clients and remove the socket. NULL is allowed.
void pp_ctl_server_close(struct pp_ctl_server *server);

// @return  Clients at the moment.
uint32_t pp_ctl_server_client_count(const struct pp_ctl_server *server);
