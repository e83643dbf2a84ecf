// SPDX-License-Identifier: MIT OR Apache-2.0
// A program on what an interface sends where the kernel has no tcx: a filter of the clsact qdisc.
//
// A filter outlives its process. So the filter is a stub of five instructions that calls the program
// through an array of programs. The kernel empties such an array when no process has a descriptor of
// it any more (prog_array_map_clear()): the stub then passes every packet on.
//
// Threads    control thread.
// Cost       control path; a packet pays one tail call.
// Ownership  detach() removes the filter, and the qdisc if it came with the filter and holds no other.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

struct pp_clsact {
	uint32_t ifindex; // 0: detached
	int stub_fd;
	int array_fd;
	uint32_t stub_id; // as the kernel numbers programs
	bool made_qdisc;
};

void pp_clsact_clear(struct pp_clsact *clsact);

// @param name  For messages.
// @return      0; -EBUSY: a filter that is not ours has our place; -errno. err is set.
int pp_clsact_attach(struct pp_clsact *clsact,
		     uint32_t ifindex,
		     const char *name,
		     int prog_fd,
		     struct pp_error *err);
void pp_clsact_detach(struct pp_clsact *clsact);

// Another program in the place of the one that is called.
//
// @return  0; -errno: nothing changed.
int pp_clsact_set(const struct pp_clsact *clsact, int prog_fd);

// Whether our filter is there.
bool pp_clsact_alive(const struct pp_clsact *clsact);

// Remove the filter that a killed process left, if there is one.
void pp_clsact_sweep(uint32_t ifindex);
