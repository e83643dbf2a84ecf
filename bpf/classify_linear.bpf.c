/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#define PP_ENGINE_NAME "linear"

#include <linux/bpf.h>

// First, so that __always_inline is what it says and not what linux/stddef.h makes of it.
#include <bpf/bpf_helpers.h>

#include "linear.bpf.h"
#include "load.bpf.h"

static __always_inline __u32 pp_match(const void *body, const struct pp_key *key, __u64 sets)
{
	return pp_linear_match(body, pp_load.config[PP_LINEAR_CONFIG_MOST], key, sets);
}

#include "classify.bpf.h"
