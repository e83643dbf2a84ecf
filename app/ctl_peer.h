// SPDX-License-Identifier: MIT OR Apache-2.0
// Who is at the other end of a control connection, and what it may do there.
//
//   root, and who the daemon runs as    everything
//   members of control.group            everything
//   members of control.read-group       what reads
//   others                              nothing
//
// Without a read group the socket file's mode and group have decided already: whoever could
// connect may do everything.
//
// Threads    control thread.
// Cost       control path: once for each connection; some small files of /proc.
// Ownership  caller's storage.
#pragma once

#include "config.h"
#include "jsonrpc.h"

// Ask the kernel who connected, and find the ssh session that the peer belongs to.
//
// @param fd   A connected unix stream socket.
// @param out  Set on success.
// @return     0; -EACCES: the peer may do nothing; -errno.
int pp_ctl_peer_identify(int fd, const struct pp_control_config *control, struct pp_rpc_peer *out);
