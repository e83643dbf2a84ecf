// SPDX-License-Identifier: MIT OR Apache-2.0
// Sending through /dev/net/tun: what we write into a tun or tap device the kernel receives on
// it, and what is sent out of it (packets that were reflected, for one) we read and judge.
//
// Threads    the sending thread only.
// Cost       one system call per packet, about a million per second.
// Ownership  pp_gen_tun_open() allocates and borrows plan and check; pp_gen_tun_close() frees,
//            NULL is allowed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

#include "gen_check.h"
#include "gen_packet.h"

#define PP_GEN_TUN_SIZE_MAX 65535u

struct pp_gen_tun;

// Open the device; it has carrier as long as it is open. A persistent one (ip tuntap add) stays
// afterwards. One that does not exist is created, set up, and gone when it is closed.
//
// @param tap    Ethernet frames (IFF_TAP) instead of IP packets.
// @param create True: the device does not exist yet.
// @return       0; -EPERM; -EBUSY: somebody else holds it; -errno; with err set.
int pp_gen_tun_open(struct pp_gen_tun **out,
		    const char *name,
		    bool tap,
		    bool create,
		    struct pp_gen_check *check,
		    struct pp_error *err);
void pp_gen_tun_close(struct pp_gen_tun *tun);

// Set what to send, before pp_gen_tun_send().
//
// @return       0; -ENOMEM.
int pp_gen_tun_set_plan(struct pp_gen_tun *tun, const struct pp_gen_plan *plan);

// Write n packets, reading in between what comes back.
//
// @param sent   Set in any case: packets that the kernel took, exact.
// @return       0; -ETIMEDOUT; -EIO: the device is down; -errno; with err set.
int pp_gen_tun_send(void *tun, uint64_t n, uint64_t *sent, struct pp_error *err);

// Descriptor to poll for packets that came back, and what to do then.
int pp_gen_tun_fd(const struct pp_gen_tun *tun);
void pp_gen_tun_receive(void *tun);
