// SPDX-License-Identifier: MIT OR Apache-2.0
// The program of a dump, made for what it is to look for.
//
// Threads    control thread.
// Cost       some milliseconds in the verifier.
// Ownership  the descriptor is the caller's.
#pragma once

#include <push-packet/dump.h>

// Where the program finds things, and where it goes on.
struct pp_dump_program {
	const struct pp_dump_config *config; // checked
	uint32_t slot;
	bool frags; // for pp_dumps_frags
	int array_fd; // pp_dumps or pp_dumps_frags
	int notes_fd;
	int records_fd;
	int ring_fd;
	int counts_fd;
};

// @return  A descriptor; -E2BIG; -ENOMEM; -errno, err with the verifier's words.
int pp_dump_program_load(const struct pp_dump_program *program, struct pp_error *err);
