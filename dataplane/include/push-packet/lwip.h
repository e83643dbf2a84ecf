// SPDX-License-Identifier: MIT OR Apache-2.0
// The TCP/IP stack lwIP on a channel: a program takes the addresses that its rules route to it away
// from the kernel, and is a host of its own there.
//
// It is a library of its own, libpushpacket-lwip (`pkg-config push-packet-lwip`), so that only who uses
// it needs liblwip. lwIP's functions - sockets, netconn, or tcp_new() and the rest between
// LOCK_TCPIP_CORE() and UNLOCK_TCPIP_CORE() - are the program's to call.
//
// What must be routed to the channel is the address itself. ARP is about no address that a rule could
// name: rules that pass what is IP and copy the rest, with a receiver here, let lwIP hear the ARP
// that the kernel hears too:
//
//   route dst 192.0.2.77
//   pass family ip4
//   pass family ip6
//   copy any
//
// Received packets are not copied: lwIP reads them in their frames, which return to the kernel when
// lwIP frees them. While it holds half of them, as what a program does not read makes it do,
// further packets are copied into lwIP's own memory. A peer on a veth must compute its checksums
// (`ethtool -K PEER tx off`): lwIP verifies them.
//
// Threads    open, close: one thread. poll: one thread at a time; it has lwIP's core lock while it
//            works, not while it waits, so lwIP's functions may be called from any other. lwIP
//            itself starts one thread for its timers, at the first open of the process.
// Cost       poll: no copy and no allocation on receipt as long as frames last; one copy to send.
// Ownership  channel and receiver are borrowed until close.
#pragma once

#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/error.h>

__BEGIN_DECLS

struct netif;
struct pp_channel;
struct pp_lwip;
struct pp_receiver;

struct pp_lwip_config {
	uint8_t mac[6]; // of the host, often that of the interface: what is sent to it is seen here
	uint16_t mtu_bytes; // 0: 1500; at least 68
	// IPv4, network byte order; gateway 0: none.
	uint32_t addr_be;
	uint32_t mask_be;
	uint32_t gateway_be;
	struct pp_receiver *receiver; // copied frames that lwIP gets as well, ARP; NULL: none
};

struct pp_lwip_stats {
	uint64_t rx_pkts; // that lwIP was given
	uint64_t rx_bytes;
	uint64_t
		rx_copied; // of these, because it held too many frames, or they came by the receiver
	uint64_t rx_lost; // no memory
	uint64_t tx_pkts;
	uint64_t tx_bytes;
	uint64_t tx_lost; // no frame free, or the transmit ring full: TCP sends again
	uint32_t held; // frames in lwIP at the moment
};

// Make an interface of lwIP on a channel, with an address, and bring it up.
//
// @param config  Copied.
// @return        0; -EINVAL: err says what of config; -ENOMEM; -EIO: lwIP refused it.
int pp_lwip_open(struct pp_lwip **out,
		 struct pp_channel *channel,
		 const struct pp_lwip_config *config,
		 struct pp_error *err);

// Wait for packets and give lwIP those that are there. Call it again and again.
//
// @param timeout_ms  -1: for ever; 0: not at all.
// @return            Packets, 0: none; -ESHUTDOWN: the channel was closed; -EINTR; -errno of the channel.
int pp_lwip_poll(struct pp_lwip *lwip, int timeout_ms);

// lwIP's interface, for netif_*() under the core lock. Borrowed.
struct netif *pp_lwip_netif(struct pp_lwip *lwip);

// Any thread.
void pp_lwip_stats(const struct pp_lwip *lwip, struct pp_lwip_stats *out);

// Take the interface out of lwIP. What lwIP still holds goes back as it frees it, so connections are to
// be closed first: no frame may be left when the plane is closed.
//
// @return  Frames that lwIP still holds. With any, the object stays, and close is to be called again.
int pp_lwip_close(struct pp_lwip *lwip);

__END_DECLS
