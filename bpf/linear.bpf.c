/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The XDP program with engine `linear`.
#define PP_ENGINE_NAME "linear"

#include "linear.bpf.h"
#include "load.bpf.h"

static __always_inline __u32 pp_match(const void *body, const struct pp_key *key, __u64 sets)
{
	return pp_linear_match(body, pp_load.config[PP_LINEAR_CONFIG_MOST], key, sets);
}

#include "tap.bpf.h"
