/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// What user space tells a program before it loads it.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"

#ifndef PP_ENGINE_NAME
#error "define PP_ENGINE_NAME, the name of the engine in quotes, before you include this"
#endif

// Read-only data: the verifier knows the values, so one source serves every kind of interface and
// every size of image.
volatile const struct pp_load pp_load SEC(".rodata.pp_load") = {
	.abi = PP_LOAD_ABI,
	.bytes = sizeof(struct pp_load),
	.engine = PP_ENGINE_NAME,
};
