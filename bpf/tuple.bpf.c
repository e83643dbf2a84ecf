/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The XDP program with engine `tuple`.
#define PP_ENGINE_NAME "tuple"

#include "tuple.bpf.h"
#include "load.bpf.h"

static __always_inline __u32 pp_match(const void *body, const struct pp_key *key, __u64 sets)
{
	const struct pp_tuple_config *config = (const void *)&pp_load.config;

	// The compiler must not read it: it sees the zeros that it was compiled with.
	asm volatile("" : "+r"(config));
	return pp_tuple_match(body, config, key, sets);
}

#include "tap.bpf.h"
