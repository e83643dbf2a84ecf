// SPDX-License-Identifier: MIT OR Apache-2.0
// Copied packets read by the program that embeds the library, without a thread of ours.
//
// A plane with pp_plane_config.copy = PP_COPY_RECEIVER has a ring of copies for each CPU, and the program
// reads them by one receiver for all, or by one for each CPU. A copy says what the rule asked for: at most
// `take N` bytes of the packet, with its full length, rule id, generation, interface, queue and time
// (struct pp_meta).
//
// An event borrows the memory of its ring: it stays until pp_receiver_release(), and so long the ring has
// less room. Copies that find no room are lost, and counted.
//
// Threads    open, close, stats, wake: any. wait: one thread at a time. burst, release, copy: one thread at
//            a time, which may be another than the one in wait; a second one at the same moment gets
//            -EBUSY. Two receivers know nothing of each other. close() wakes who waits, and returns when no
//            thread is in a call of the receiver any more.
// Cost       burst, release: no lock, nothing copied or allocated, no system call but for a read where
//            pp_receiver_fd() is in use and nothing is there. While a thread waits, or the descriptor is
//            in use, the XDP program rings for each packet that it copies until the reader has found
//            the ring empty, and the first one wakes: some hundred nanoseconds. Who calls burst() in a
//            loop pays nothing.
// Ownership  the plane owns receivers and rings: both stay valid until pp_plane_close(). After
//            pp_receiver_close() every call returns -ESHUTDOWN.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

__BEGIN_DECLS

struct pp_plane;
struct pp_receiver;

#define PP_RECEIVER_ALL (-1) // the rings of all CPUs

struct pp_event {
	const struct pp_meta *meta; // len_bytes: of the packet; cap_bytes: of data
	// From the link header on, VLAN tags included; on raw IP (pp_iface_info.frame_kind) from the IP header.
	const uint8_t *data;
};

// Open a receiver.
//
// @param cpu  Whose ring it reads: the CPU that the packet's interrupt was on; PP_RECEIVER_ALL.
// @return     0; -ENOENT: that CPU has no ring; -EBUSY: another receiver reads it; -EOPNOTSUPP: the
//             plane's workers read copies, or nobody does; -ENOMEM; -errno of the kernel.
int pp_receiver_open(struct pp_receiver **out,
		     struct pp_plane *plane,
		     int cpu,
		     struct pp_error *err);

// Close a receiver. What it had taken is released; what is in its rings is for who opens one next.
//
// @return  0; -ESHUTDOWN: it was closed.
int pp_receiver_close(struct pp_receiver *receiver);

// Take copies, oldest first within each CPU. Returns at once. What was taken before and not released stays.
//
// @param event  Room for max.
// @return       Events; 0: none is there; -ESHUTDOWN; -EBUSY: another thread is in a call.
int pp_receiver_burst(struct pp_receiver *receiver, struct pp_event *event, uint32_t max);

// The same, and wait for copies if there are none.
//
// @param timeout_ms  -1: for ever; 0: not at all.
// @return            As pp_receiver_burst(); 0: nothing came in time, or pp_receiver_wake() was called;
//                    -EINTR: a signal came.
int pp_receiver_burst_wait(struct pp_receiver *receiver,
			   struct pp_event *event,
			   uint32_t max,
			   int timeout_ms);

// Give back the memory of every event taken so far.
//
// @return  0; as pp_receiver_burst().
int pp_receiver_release(struct pp_receiver *receiver);

// Take one copy by copying it, and release it. Not while events are taken and not released.
//
// @param buf   Filled with at most size bytes of the packet.
// @param meta  Set; may be NULL.
// @return      Bytes copied, from 1; 0: none is there; -EBUSY: events are not released; as
//              pp_receiver_burst().
int pp_receiver_copy(struct pp_receiver *receiver, void *buf, size_t size, struct pp_meta *meta);

// Wait until something is there. What was taken should be released: it counts as there.
//
// @return  1: look; 0: the time is up, or pp_receiver_wake() was called; -EINTR; as pp_receiver_burst().
int pp_receiver_wait(struct pp_receiver *receiver, int timeout_ms);

// Let a thread in pp_receiver_wait() return; without one, the next wait.
void pp_receiver_wake(struct pp_receiver *receiver);

// A descriptor for poll() and epoll: readable (POLLIN) when something is there, after pp_receiver_wake()
// and after pp_receiver_close(). Call burst and release until burst returns 0 before waiting again. From
// the first call on the XDP program wakes for a packet that finds its ring empty. Borrowed until the
// plane is closed: it serves when the receiver is opened again; -errno.
int pp_receiver_fd(struct pp_receiver *receiver);

// C++ has to write `struct pp_receiver_stats`: the function below has the same name.
struct pp_receiver_stats {
	uint64_t pkts;
	uint64_t bytes; // captured
	// Copies of the whole plane that nobody will see, since it was opened: no room in the ring
	// (copy_ring_full), no ring on a CPU that came later (copy_no_ring), too long for one (copy_too_long).
	uint64_t lost;
};
// Any thread.
void pp_receiver_stats(const struct pp_receiver *receiver, struct pp_receiver_stats *out);

__END_DECLS
