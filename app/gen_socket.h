// SPDX-License-Identifier: MIT OR Apache-2.0
// Sending through AF_PACKET: any interface, about two million packets per second.
//
// Threads    the sending thread only.
// Cost       one sendmmsg() per PP_GEN_BURST_MAX frames.
// Ownership  pp_gen_socket_open() allocates and borrows plan; pp_gen_socket_close() frees, NULL
//            is allowed.
#pragma once

#include <stdint.h>

#include <push-packet/error.h>

#include "gen_link.h"
#include "gen_packet.h"

struct pp_gen_socket;

// The longest frame that the interface takes with these tags.
uint32_t pp_gen_socket_size_max(const struct pp_gen_link *link, const struct pp_gen_spec *spec);

// @return       0; -EPERM; -ENOMEM; -errno; with err set.
int pp_gen_socket_open(struct pp_gen_socket **out,
		       const struct pp_gen_link *link,
		       const struct pp_gen_plan *plan,
		       struct pp_error *err);
void pp_gen_socket_close(struct pp_gen_socket *sock);

// Send n frames. A full queue is waited for, up to ten seconds without any progress.
//
// @param sent   Set in any case: frames that the kernel took, exact.
// @return       0; -ETIMEDOUT; -ENETDOWN; -errno; with err set.
int pp_gen_socket_send(void *sock, uint64_t n, uint64_t *sent, struct pp_error *err);

// Frames the kernel took and the driver then dropped, as far as the interface's tx_dropped tells
// (frames of others count there too); -1: unknown.
int64_t pp_gen_socket_dropped(const struct pp_gen_socket *sock);
