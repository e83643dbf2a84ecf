// SPDX-License-Identifier: MIT OR Apache-2.0
// The packets that measurements send: UDP, in flows that differ in the source port.
//
// Threads    main thread, or the one that sends, in the interface's network namespace.
// Cost       control path.
// Ownership  the caller's; the plan is freed with pp_gen_plan_fini().
#pragma once

#include <stdint.h>

#include <push-packet/error.h>

#include "bench_read.h"
#include "gen_link.h"
#include "gen_packet.h"

struct pp_bench_packets {
	struct pp_bench_list sizes;
	uint32_t flows;
	uint32_t sport; // of the first flow
	uint32_t dport;
	struct pp_bench_address src, dst;
	struct pp_bench_mac dst_mac;
	bool numbered; // each can be told apart; else the payload is constant
};

// Defaults: one flow of 64 bytes from 192.0.2.2 port 1024 to 192.0.2.1 port 9.
void pp_bench_packets_init(struct pp_bench_packets *packets);

// What may be known before anything is opened.
//
// @return  0; -EINVAL with err set.
int pp_bench_packets_check(struct pp_bench_packets *packets, struct pp_error *err);

// Lay out packets of one size for an interface. Where no MAC address is given it is the veth
// peer's, or what the kernel's neighbour table has for the address.
//
// @param size_bytes  Frame without FCS.
// @param size_max    What the way of sending can take; the interface's MTU is looked at too.
// @param link        Set to what the interface is.
// @return            0; -ENODEV, -EHOSTUNREACH: no MAC address is known; -EINVAL, -EMSGSIZE, -ENOMEM.
int pp_bench_packets_plan(struct pp_gen_plan *plan,
			  struct pp_gen_link *link,
			  const struct pp_bench_packets *packets,
			  const char *iface,
			  uint32_t size_bytes,
			  uint32_t size_max,
			  struct pp_error *err);
