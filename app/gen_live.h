// SPDX-License-Identifier: MIT OR Apache-2.0
// Sending by BPF_PROG_TEST_RUN with live frames: the kernel makes XDP frames in a loop and
// bpf/gen.bpf.c redirects each to the interface. Up to some twenty million packets per second
// from one core, for drivers that transmit XDP frames; of a veth the other end must have native
// XDP or GRO.
//
// A run costs 20 to 30 ms of waiting in the kernel when it ends, whatever its length. So all
// frames go in one run, and a pace is kept inside the run by spinning.
//
// Threads    the sending thread; pp_gen_live_run() has one of its own while it lasts.
// Cost       a system call per run.
// Ownership  pp_gen_live_open() allocates; pp_gen_live_close() frees, NULL is allowed.
#pragma once

#include <stdint.h>

#include <push-packet/error.h>

#include "gen_link.h"
#include "gen_pace.h"
#include "gen_packet.h"

struct pp_gen_live;

// The longest frame that this kernel makes in a live run.
//
// @return       Bytes; -EINVAL: it has no live runs; -EPERM; -errno.
int pp_gen_live_size_max(void);

// Load the program for plan (copied), interface and rate.
//
// @param rate_pps  0: as fast as possible.
// @return          0; -EPERM; -ENOMEM; what libbpf's load gives; with err set.
int pp_gen_live_open(struct pp_gen_live **out,
		     const struct pp_gen_link *link,
		     const struct pp_gen_plan *plan,
		     uint64_t rate_pps,
		     struct pp_error *err);
void pp_gen_live_close(struct pp_gen_live *live);

// Send the first frame alone and see whether the interface took it. If it did not, nothing was
// sent and the next frame is the first again.
//
// @return       0: one frame is sent; or the driver has no counters and nothing was done (*sent
//               says which); -EMSGSIZE: longer than the kernel or the peer's MTU allows;
//               -ENOTCONN: it vanished, the peer has neither native XDP nor GRO, or is down;
//               -errno; with err set.
int pp_gen_live_probe(struct pp_gen_live *live, uint64_t *sent, struct pp_error *err);

// Send until pace says that it is over: its count (pace->sent were sent before), its duration or
// a signal.
//
// @param pace       Its signals are blocked. sent is brought up to date in any case, exactly.
// @param elapsed_ns Set in any case: from the first frame of this run to the last.
// @return           0; -errno of the run, with err set.
int pp_gen_live_run(struct pp_gen_live *live,
		    struct pp_gen_pace *pace,
		    uint64_t *elapsed_ns,
		    struct pp_error *err);

// What became of all frames sent so far.
//
// @param refused  Set to the number that the driver dropped (its queue was full), or to -1 when
//                 that cannot be known: no counters, or somebody else sends XDP frames too.
// @return         0; -EIO: frames vanished uncounted, with err set: the interface or its peer
//                 went down or lost its XDP program during the run.
int pp_gen_live_refused(struct pp_gen_live *live, int64_t *refused, struct pp_error *err);
