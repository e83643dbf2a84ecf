// SPDX-License-Identifier: MIT OR Apache-2.0
#include "linear.bpf.h"

#include "engine_case.h"
#include "engine_linear.h"

static uint32_t match(const void *body,
		      const struct pp_engine_shape *shape,
		      const struct pp_key *key,
		      uint64_t sets,
		      struct engine_work *work)
{
	(void)work;
	return pp_linear_match(body, shape->config[PP_LINEAR_CONFIG_MOST], key, sets);
}

const struct engine_lookup engine_linear_lookup = {.ops = &pp_engine_linear_ops, .match = match};
