// SPDX-License-Identifier: MIT OR Apache-2.0
// The measuring side of a round trip: sends packets that can be told apart through an AF_XDP
// socket and takes those that come back from the same queue, before the kernel's stack sees them.
//
// Packets are numbered from 0, in the order in which they are written: flow = number % flows,
// sequence number in the flow = number / flows (gen_packet.h). So a reply says which packet it
// answers, and whoever knows when that was due needs no time in the packet.
//
// Threads    open, close: main thread, in the interface's network namespace. The rest: one.
// Cost       no allocation, no lock; send() is the one system call, receive() makes one where the
//            kernel asks for it.
// Ownership  pp_bench_client_open() allocates; pp_bench_client_close() frees and detaches, NULL is
//            allowed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>
#include <push-packet/plane.h>

#include "gen_packet.h"

#define PP_BENCH_CLIENT_BURST 64u
#define PP_BENCH_CLIENT_SLOTS 2048u // of each ring; the fill ring has twice as many
#define PP_BENCH_CLIENT_SIZE_MAX 1792u // what a frame of the socket can hold

struct pp_bench_client;

struct pp_bench_client_params {
	const char *iface;
	uint32_t queue;
	bool skb; // generic XDP
	bool stages; // times and stamp of replies are wanted
	bool driver_times; // times of replies are wanted, the driver's among them if it has some
	const struct pp_gen_plan *plan; // borrowed; one part, with sequence numbers
};

// When a reply arrived. As struct pp_rtt_times of bpf/rtt.bpf.h, which puts it in front of the packet.
struct pp_bench_times {
	uint64_t driver_ns; // by the clock of the driver; 0: it did not say
	uint64_t entry_ns; // CLOCK_MONOTONIC in our XDP program
};

struct pp_bench_reply {
	uint64_t number; // of the packet that it answers
	struct pp_bench_times times; // where they are wanted
	struct pp_reflect_stamp stamp; // what the reflector wrote
};

// Attach the program, make the socket.
//
// @return  0; -EBUSY: the interface has an XDP program or the queue a socket; -EOPNOTSUPP: no native
//          XDP; -EPERM; -errno; with err set.
int pp_bench_client_open(struct pp_bench_client **out,
			 const struct pp_bench_client_params *params,
			 struct pp_error *err);
void pp_bench_client_close(struct pp_bench_client *client);

bool pp_bench_client_zerocopy(const struct pp_bench_client *client);

// @return  Packets that can be written now: those sent before have left.
uint32_t pp_bench_client_room(struct pp_bench_client *client);

// Write the next n packets. At most room() of them.
void pp_bench_client_write(struct pp_bench_client *client, uint32_t n);

// Give the kernel what was written, and have it send.
void pp_bench_client_send(struct pp_bench_client *client);

// Take what came back.
//
// @param reply  Room for PP_BENCH_CLIENT_BURST.
// @return       Replies, 0 to PP_BENCH_CLIENT_BURST.
uint32_t pp_bench_client_receive(struct pp_bench_client *client, struct pp_bench_reply reply[]);

// Why replies have no time of the driver.
//
// @return  A text, borrowed, constant; NULL: as far as is known, they have.
const char *pp_bench_client_no_driver_times(const struct pp_bench_client *client);

// Packets of ours or others that came back and went to the kernel.
uint64_t pp_bench_client_passed(const struct pp_bench_client *client);
