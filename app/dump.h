// SPDX-License-Identifier: MIT OR Apache-2.0
// A dump from the command line's side: start it, show what comes, end it.
//
// Threads    one.
// Cost       a turn every few milliseconds while nothing comes.
// Ownership  texts are borrowed.
#pragma once

#include <stdint.h>

#include "ctl_options.h"

struct pp_dump_options {
	struct pp_ctl_options ctl;
	const char *rule;
	const char *interface;
	uint32_t columns; // of the ledger, a bit each; 0: all
	uint32_t snap_bytes; // 0: what text needs, or all of a packet for a file
	uint32_t ring_bytes;
	uint64_t count; // packets to show; 0: no limit
	uint64_t for_ns; // 0: until told
	const char *write; // capture file; NULL: text
};

// @param expression  NULL: every packet.
// @param path        argv[0].
// @return            enum pp_exit.
int pp_dump_run(const struct pp_dump_options *o, const char *expression, const char *path);
