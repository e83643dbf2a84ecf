/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// What bpf/classify.bpf.h and the library, which runs it, share.
#pragma once

#include <linux/types.h>

#include "abi.h"

#define PP_CLASSIFY_KEYS 65536 // a power of two

struct pp_classify_trace {
	// Written by user space before a run.
	__u32 shift; // a key is used 2^shift times before the next one
	__u32 pad;
	__u64 sets; // that hold the packets' addresses: 0, but the verifier does not know
	// Written by the program.
	__u64 at; // packets so far
	__u64 sum; // of what was found, so that nothing is optimised away
	__u64 pad2[4];
	struct pp_key key[PP_CLASSIFY_KEYS];
	__u64 time_ns[PP_CLASSIFY_KEYS]; // when the key's turn came
	__u32 slot[PP_CLASSIFY_KEYS];
};
