// SPDX-License-Identifier: MIT OR Apache-2.0
// A daemon of `push-packet top`'s own, for --interface: it has one interface, a histogram, flows and
// no rules, and it ends with its parent, however that ends.
//
// Threads    main thread.
// Ownership  stop() ends it.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "ctl_client.h"

struct pp_top_child {
	pid_t pid; // 0: none
	int log_fd; // what it said
	int leash_fd; // its standard input: it ends when nobody holds the other end
	char socket[64];
};

// Start it and connect to it.
//
// @param stop    Other than 0, also by a signal meanwhile: give up.
// @param client  Set on success.
// @return        0; -EINTR: stop; -errno, with err set to what it said.
int pp_top_child_start(struct pp_top_child *child,
		       const char *iface,
		       const volatile sig_atomic_t *stop,
		       struct pp_ctl_client **client,
		       struct pp_error *err);

// All zero is allowed.
void pp_top_child_stop(struct pp_top_child *child);
