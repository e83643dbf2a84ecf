// SPDX-License-Identifier: MIT OR Apache-2.0
// What a packet source must know of an interface and, when it is a veth, of the other end, even
// where that lives in another network namespace: rtnetlink and ethtool.
//
// Threads    any.
// Cost       control path: a few system calls.
// Ownership  caller's storage.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define PP_GEN_LINK_NO_PEER (-2)
#define PP_GEN_LINK_SAME_NETNS (-1)

struct pp_gen_link {
	char name[IFNAMSIZ];
	uint32_t ifindex;
	uint16_t hw_type; // ARPHRD_*
	bool up; // administratively
	bool carrier;
	uint8_t mac[6]; // zero where there is none
	uint32_t mtu_bytes;
	char kind[16]; // "veth", "tun", ...; "" where the kernel names none
	uint8_t xdp_attached; // XDP_ATTACHED_*
	uint32_t peer_ifindex; // veth
	int32_t peer_netns; // id, PP_GEN_LINK_SAME_NETNS or PP_GEN_LINK_NO_PEER
	uint64_t tx_dropped_pkts;
	uint64_t rx_dropped_pkts;
};

// Ask about an interface of this thread's network namespace.
//
// @param out    Set on success, untouched on failure.
// @return       0; -ENODEV; -errno of the netlink socket.
int pp_gen_link_get(const char *name, struct pp_gen_link *out);

// Ask about the other end of a veth.
//
// @return       0; -ENOENT: link has no peer, or it cannot be seen from here; -errno.
int pp_gen_link_peer(const struct pp_gen_link *link, struct pp_gen_link *out);

// XDP frames that a veth handed to its peer, and those that it refused (queue full or longer
// than the peer's MTU), since it exists. Frames that reach a peer without native XDP and
// without GRO are in neither.
//
// @return       0; -EOPNOTSUPP: this driver has no such counters; -errno.
int pp_gen_link_xdp_xmit(const char *name, uint64_t *accepted_pkts, uint64_t *refused_pkts);

// True when packets on this interface begin at the IP header.
bool pp_gen_link_is_raw_ip(const struct pp_gen_link *link);
