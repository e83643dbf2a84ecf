// SPDX-License-Identifier: MIT OR Apache-2.0
// Wait until no XDP program runs that began before the call.
//
// The kernel says that an update of an array of maps returns when "any running non-sleepable BPF
// programs" are through (maybe_wait_bpf_programs() in kernel/bpf/syscall.c): an array of maps of its
// own is updated with what it holds.
//
// Threads    control thread.
// Cost       wait(): an RCU grace period, 8 ms typical.
// Ownership  open() and close().
#pragma once

#include <push-packet/error.h>

struct pp_grace {
	int outer_fd;
	int inner_fd;
};

// @return  0; -errno, with err set.
int pp_grace_open(struct pp_grace *grace, struct pp_error *err);
void pp_grace_close(struct pp_grace *grace);

// @return  0; -errno, with err set: programs may still run.
int pp_grace_wait(const struct pp_grace *grace, struct pp_error *err);
