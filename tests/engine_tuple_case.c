// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_case.h"
#include "engine_tuple.h"
#include "engine_tuple_lookup.h"

static uint32_t match(const void *body,
		      const struct pp_engine_shape *shape,
		      const struct pp_key *key,
		      uint64_t sets,
		      struct engine_work *work)
{
	struct pp_tuple_work done = {0};
	uint32_t slot = pp_tuple_lookup(body, (const struct pp_tuple_config *)shape->config, key,
					sets, work != NULL ? &done : NULL);

	if (work != NULL) {
		work->probes += done.probes;
		work->checks += done.checks;
	}
	return slot;
}

const struct engine_lookup engine_tuple_lookup = {
	.ops = &pp_engine_tuple, .match = match, .counts = true};
