// SPDX-License-Identifier: MIT OR Apache-2.0
// What tests/bpf/classify.bpf.h and the program that runs it share.
#pragma once

#include <linux/types.h>

#include "abi.h"

#define CLASSIFY_KEYS 65536 // a power of two

struct classify_trace {
	// Written by user space before a run.
	__u32 shift; // a key is used 2^shift times before the next one
	__u32 pad;
	__u64 sets; // that hold the packets' addresses: 0, but the verifier does not know
	// Written by the program.
	__u64 at; // packets so far
	__u64 sum; // of what was found, so that nothing is optimised away
	__u64 pad2[4];
	struct pp_key key[CLASSIFY_KEYS];
	__u64 time_ns[CLASSIFY_KEYS]; // when the key's turn came
	__u32 slot[CLASSIFY_KEYS];
};
