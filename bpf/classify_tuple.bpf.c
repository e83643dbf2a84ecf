/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#define PP_ENGINE_NAME "tuple"

#include <linux/bpf.h>

// First, so that __always_inline is what it says and not what linux/stddef.h makes of it.
#include <bpf/bpf_helpers.h>

#include "tuple.bpf.h"

#include "load.bpf.h"

static __always_inline __u32 pp_match(const void *body, const struct pp_key *key, __u64 sets)
{
	const void *config = (const void *)pp_load.config;

	// Else clang folds the zeros that stand there when it compiles.
	asm volatile("" : "+r"(config));
	return pp_tuple_match(body, config, key, sets);
}

#include "classify.bpf.h"
