// SPDX-License-Identifier: MIT OR Apache-2.0
// Pinned threads that run the program's functions on what channels and receivers bring, and a queue that
// takes frames from them to other threads.
//
// A crew opens the channel of every queue and the receiver of every CPU that nobody has open, divides them
// among its threads, and calls on_frames and on_events with bursts. It is for programs that would otherwise
// write that loop themselves; channel.h and receiver.h are all that it stands on.
//
// Threads    start, stop: one at a time. on_frames and on_events run on the crew's threads, each channel and
//            receiver on one of them only. pp_belt_push(): one thread; pp_belt_pop(): one other.
// Cost       a crew makes no system call while packets come, but AF_XDP's; in idle mode busy none at all.
//            push and pop of a belt: a store each, and one system call where the other side sleeps.
// Ownership  a frame in on_frames is the function's: to release on the same thread, send, keep, or put on a
//            belt. Events are the crew's: they are released when on_events returns.
#pragma once

#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/channel.h>
#include <push-packet/plane.h>
#include <push-packet/receiver.h>

__BEGIN_DECLS

struct pp_crew;
struct pp_belt;

// n is 1 to 64.
typedef void (*pp_on_frames_fn)(void *arg,
				struct pp_channel *channel,
				struct pp_frame *frame,
				uint32_t n);
typedef void (*pp_on_events_fn)(void *arg, const struct pp_event *event, uint32_t n);

struct pp_crew_config {
	uint32_t thread_count; // 1 to PP_WORKERS_MAX
	int32_t cpu[PP_WORKERS_MAX]; // of each thread; -1: not pinned
	uint8_t idle; // PP_IDLE_BUSY: spin; else sleep up to 10 ms when there is nothing
	pp_on_frames_fn on_frames; // NULL: channels are left alone
	pp_on_events_fn on_events; // NULL: receivers are left alone
	void *arg;
};

// Open channels and receivers and start the threads.
//
// @param config  Copied.
// @return        0; -EINVAL: no thread, or neither function; as pp_channel_open(), pp_receiver_open(); -errno of
//                thread creation or pinning. Nothing stays open on failure.
int pp_crew_start(struct pp_crew **out,
		  struct pp_plane *plane,
		  const struct pp_crew_config *config,
		  struct pp_error *err);

// Close what was opened, and join the threads. NULL is allowed. Before pp_plane_close().
void pp_crew_stop(struct pp_crew *crew);

// A belt carries frames from one thread to another.
//
// @param slots  A power of two, 2 to 65536.
// @return       0; -EINVAL; -ENOMEM.
int pp_belt_create(struct pp_belt **out, uint32_t slots);
// Nobody uses it, and it is empty, or the frames on it are given back by who knows them. NULL is allowed.
void pp_belt_destroy(struct pp_belt *belt);

// @return  Frames taken, from the first on; the rest are still the caller's.
uint32_t pp_belt_push(struct pp_belt *belt, const struct pp_frame *frame, uint32_t n);

// @param timeout_ms  -1: for ever; 0: not at all.
// @return            Frames; 0: nothing came in time, or the belt was ended and is empty.
uint32_t pp_belt_pop(struct pp_belt *belt, struct pp_frame *frame, uint32_t max, int timeout_ms);

// Let pp_belt_pop() return 0 at once from now on when nothing is there. Any thread.
void pp_belt_end(struct pp_belt *belt);

__END_DECLS
