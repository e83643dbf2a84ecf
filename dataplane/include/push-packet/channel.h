// SPDX-License-Identifier: MIT OR Apache-2.0
// Routed packets received and sent by the program that embeds the library: one channel for each
// receive queue of an interface, without a thread of ours.
//
// A plane with pp_plane_config.route = PP_ROUTE_CHANNEL has an AF_XDP socket on every queue that it is
// configured for. Packets of `route` rules come to the channel of their queue; before it is opened, and
// after it is closed, they pass to the kernel (`route_no_socket` in the ledger).
//
// Frames. A received packet lies in a frame of the channel's memory and is the program's from
// pp_channel_receive() until the program gives the frame away: by pp_channel_release(), by
// pp_channel_give_back() from whatever thread, or by sending it. A frame that is to be filled comes
// from pp_channel_take(). Who has a frame is looked at with each of these calls: a frame given away
// twice, or another plane's, is -EINVAL and harms nothing. While the program holds so many frames that
// the kernel has none, packets are lost and counted as `no_frame`.
//
// With pp_plane_config.umem_shared the frames of one channel can be sent by any other of the plane, and given
// back by any. They go home to the channel that received them; if its descriptor is what somebody waits for
// and the program had every frame, only pp_channel_give_back() of that channel wakes it.
//
// Threads    open, close, stats, wake, give_back: any. wait: one thread at a time. receive, release,
//            take, send, flush: one thread at a time, which may be another than the one in wait;
//            a second one at the same moment gets -EBUSY. close() wakes who waits, and returns when
//            no thread is in a call of the channel any more.
// Cost       receive, release, take, send allocate nothing, take no lock and make at most the
//            system calls by which AF_XDP wakes the kernel (none in most calls that only receive).
//            give_back: a compare-and-swap for each frame. open, close: control path.
// Ownership  the plane owns channels and frames: both stay valid until pp_plane_close(). After
//            pp_channel_close() every call returns -ESHUTDOWN, but release and give_back, which still take
//            frames.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

__BEGIN_DECLS

struct pp_plane;
struct pp_channel;

// A packet in a frame, from the link header on, VLAN tags included; on raw IP (pp_iface_info.frame_kind)
// from the IP header. data may be moved within the frame to add or take off headers, and len_bytes set,
// before it is sent. Who changes more than the order of addresses and ports makes checksums good.
struct pp_frame {
	uint8_t *data;
	uint32_t len_bytes;
	uint32_t reserved; // 0
};

// What the XDP program noted of a received packet: rule id, generation, interface, queue, consumer,
// time (with pp_plane_config.timestamps, CLOCK_MONOTONIC). It stands in front of data: read it before
// anything is written there, and with data as it was received.
static inline const struct pp_meta *pp_frame_meta(const struct pp_frame *frame)
{
	return (const struct pp_meta *)(const void *)(frame->data - sizeof(struct pp_meta));
}

// Open the channel of a queue, or open it again after it was closed.
//
// @param iface  Index in the plane's configuration.
// @param queue  From 0.
// @return       0; -ENOENT: the plane has no socket there; -EBUSY: it is open already; -ENETDOWN: the
//               interface is gone; -EOPNOTSUPP: the plane's workers receive; -errno of the kernel.
int pp_channel_open(struct pp_channel **out,
		    struct pp_plane *plane,
		    uint32_t iface,
		    uint32_t queue,
		    struct pp_error *err);

// Close a channel: nothing more is routed to it, a thread in pp_channel_wait() is woken, and what was
// received and not taken is let go (`no_consumer`).
//
// @return  Frames that the program still holds: it may give them back later; -ESHUTDOWN: it was closed.
int pp_channel_close(struct pp_channel *channel);

// Take received packets. Returns at once.
//
// @param frame  Room for max.
// @param max    From 1; at most 64 come at once.
// @return       Packets, 0: none is there; -ESHUTDOWN: closed; -ENETDOWN: the interface is gone, and may
//               return while pp_plane_poll() is called; -EBUSY: another thread is in a call.
int pp_channel_receive(struct pp_channel *channel, struct pp_frame *frame, uint32_t max);

// The same, and wait for packets if there are none: look again for 20 microseconds, or for 200 where the last
// burst had 16 packets or more, then sleep. So under load nobody sleeps; who would rather have the CPU
// waits with pp_channel_wait() or the descriptor, which sleep at once.
//
// @param timeout_ms  -1: for ever; 0: not at all.
// @return            As pp_channel_receive(); 0: nothing came in time, or pp_channel_wake() was called;
//                    -EINTR: a signal came.
int pp_channel_receive_wait(struct pp_channel *channel,
			    struct pp_frame *frame,
			    uint32_t max,
			    int timeout_ms);

// Take one packet by copying it; its frame goes back at once.
//
// @param buf   Filled with at most size bytes.
// @param meta  Set to what the XDP program noted, len_bytes being the packet's; may be NULL.
// @return      Bytes copied; 0: none is there; as pp_channel_receive().
int pp_channel_receive_copy(struct pp_channel *channel,
			    void *buf,
			    size_t size,
			    struct pp_meta *meta);

// Wait until something is there to receive.
//
// @return  1: look; 0: the time is up, or pp_channel_wake() was called; -EINTR; as pp_channel_receive().
int pp_channel_wait(struct pp_channel *channel, int timeout_ms);

// Let a thread in pp_channel_wait() return; without one, the next wait.
void pp_channel_wake(struct pp_channel *channel);

// A descriptor for poll() and epoll: readable (POLLIN) when there is something to receive, after
// pp_channel_wake(), while the interface is gone (-ENETDOWN), and after pp_channel_close(). Call
// pp_channel_receive() until it returns 0 before waiting again. Borrowed until the plane is closed: it
// serves when the interface returned, and when the channel is opened again; -errno.
int pp_channel_fd(struct pp_channel *channel);

// Give frames back, on the thread that receives. Works after close, then as give_back().
//
// @return  0; -EINVAL: some were not the program's, nothing happened to those; -EBUSY: another thread is
//          in a call, nothing happened.
int pp_channel_release(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n);

// Give frames back from any thread.
//
// @return  0; -EINVAL, as pp_channel_release().
int pp_channel_give_back(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n);

// Take free frames to fill. data is the frame's begin, len_bytes its size.
//
// @return  Frames; 0: none is free; -ESHUTDOWN, -ENETDOWN, -EBUSY as pp_channel_receive().
int pp_channel_take(struct pp_channel *channel, struct pp_frame *frame, uint32_t max);

// Send frames: taken, received here, or received by a channel that shares the memory. Those that are
// accepted are no more the program's. The kernel is woken; what it does not take at once goes with
// the next call of receive, send, flush or wait.
//
// @param n  At most 64 are taken at once.
// @return   How many were accepted, from the first on; 0: the ring is full, or a queue without
//           transmit queue. Where not even the first was: -EMSGSIZE: it reaches beyond its frame; -EINVAL:
//           shorter than a link header, or not the program's, or of other memory; as pp_channel_receive().
//           Which packets reached the wire nobody says: AF_XDP completes frames, not packets.
int pp_channel_send(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n);

// Send a copy.
//
// @param len  Bytes, 14 (raw IP: 20) to pp_channel_frame_bytes().
// @return     0; -EMSGSIZE; -EINVAL: too short; -EAGAIN: no frame is free, or the ring is full; as
//             pp_channel_receive().
int pp_channel_send_copy(struct pp_channel *channel, const void *data, size_t len);

// Wake the kernel for what waits to be sent, and take back frames that were.
//
// @return  Frames on their way; 0: all were sent; as pp_channel_receive().
int pp_channel_flush(struct pp_channel *channel);

// The size of a frame. A packet longer than that less 256 bytes is not received (`too_long`).
uint32_t pp_channel_frame_bytes(const struct pp_channel *channel);

// Whether one can send what the other received.
bool pp_channel_shares(const struct pp_channel *channel, const struct pp_channel *with);

// Have the kernel poll the device from this socket's system calls (Documentation/networking/napi.rst:
// SO_PREFER_BUSY_POLL, SO_BUSY_POLL, SO_BUSY_POLL_BUDGET). What pp_plane_queue() shows as napi_id says
// whether the queue has a NAPI instance for it.
//
// @param us      How long a call polls, microseconds; 0 switches it off.
// @param budget  Packets at a time, 1 to 65535.
// @return        0; -EOPNOTSUPP: no NAPI instance; -EPERM; -errno; as pp_channel_receive().
int pp_channel_busy_poll(struct pp_channel *channel,
			 uint32_t us,
			 uint32_t budget,
			 struct pp_error *err);

// Frames are counted where they are; their sum is frames when no thread moves any. C++ has to write
// `struct pp_channel_stats`: the function below has the same name.
struct pp_channel_stats {
	uint64_t rx_pkts;
	uint64_t rx_bytes;
	uint64_t tx_pkts; // given to the kernel
	uint64_t tx_bytes;
	uint64_t tx_completed; // frames that came back from it
	uint64_t tx_full; // that found no room
	uint64_t refused; // frames that were not the program's, or too long
	uint32_t frames;
	uint32_t free;
	uint32_t receiving; // with the kernel to receive into, or received and not taken
	uint32_t sending; // in this channel's rings, of this channel
	uint32_t held; // with the program
	uint32_t away; // in another channel's rings
	uint32_t returned; // on their way to free
};
// Any thread.
void pp_channel_stats(const struct pp_channel *channel, struct pp_channel_stats *out);

__END_DECLS
