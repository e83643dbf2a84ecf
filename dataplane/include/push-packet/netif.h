// SPDX-License-Identifier: MIT OR Apache-2.0
// What the kernel says of a network interface, asked by ioctl: not by sysfs, which shows the
// interfaces of the namespace it was mounted in; but for the NUMA node, which nothing else tells.
//
// Threads    any.
// Cost       control path: a few system calls.
// Ownership  caller's storage.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

__BEGIN_DECLS

struct pp_netif {
	uint32_t ifindex;
	uint16_t hw_type; // ARPHRD_*
	bool up;
	int frame_kind; // enum pp_frame_kind by hw_type; -1: of neither kind
	uint8_t mac[6]; // zero where there is none
	uint32_t mtu_bytes;
	uint32_t queue_count; // receive queues in use
	uint32_t queue_max; // as many as the channel count can be raised to
	uint32_t tx_queue_count; // transmit queues in use
	int32_t numa_node; // -1: unknown
	char driver[32]; // "" where ethtool has none
};

// Ask about an interface.
//
// @param name   NUL-terminated, in the calling thread's network namespace.
// @param out    Set on success, untouched on failure.
// @return       0; -ENODEV; -errno of socket and ioctl.
int pp_netif_get(const char *name, struct pp_netif *out);

// What a driver says of its XDP: bits of enum netdev_xdp_act in include/uapi/linux/netdev.h.
#define PP_NETIF_XDP_NATIVE 1u
#define PP_NETIF_XDP_ZEROCOPY 8u

// Ask what the driver of an interface can. The kernel believes it: attaching may fail still.
//
// @param ifindex  In the calling thread's network namespace.
// @param out      Set on success, untouched on failure.
// @return         0; -EOPNOTSUPP: a kernel before 6.3, which does not say; -ENODEV; -errno of netlink.
int pp_netif_xdp(uint32_t ifindex, uint64_t *out);

__END_DECLS
