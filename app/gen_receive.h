// SPDX-License-Identifier: MIT OR Apache-2.0
// Receiving through AF_PACKET: every frame that the kernel gets from an interface, after XDP,
// into one ring in memory, judged by gen_check.h.
//
// Threads    one.
// Cost       no system call per frame.
// Ownership  pp_gen_receive_open() allocates and borrows check; pp_gen_receive_close() frees,
//            NULL is allowed.
#pragma once

#include <stdint.h>

#include <push-packet/error.h>

#include "gen_check.h"
#include "gen_link.h"

struct pp_gen_receive;

// Open the interface, promiscuous. Frames that it sends are not seen.
//
// @return       0; -EPERM; -ENOMEM; -errno; with err set.
int pp_gen_receive_open(struct pp_gen_receive **out,
			const struct pp_gen_link *link,
			struct pp_gen_check *check,
			struct pp_error *err);
void pp_gen_receive_close(struct pp_gen_receive *rx);

// Descriptor to poll, and what to do when it is readable: judge all that is there.
int pp_gen_receive_fd(const struct pp_gen_receive *rx);
void pp_gen_receive_poll(void *rx);

// Frames that the kernel could not store, since the open.
uint64_t pp_gen_receive_kernel_dropped(struct pp_gen_receive *rx);
