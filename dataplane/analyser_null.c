// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `null`: takes packets and looks at none. What handing over costs is seen with it.
#include "analysers.h"

static char nothing; // to point to

static int create(void **state, const struct pp_analyser_env *env, struct pp_error *err)
{
	(void)env;
	(void)err;
	*state = &nothing;
	return 0;
}

static void *thread(void *state, uint32_t index)
{
	(void)index;
	return state;
}

static void
null_packets(void *state, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	(void)state;
	(void)view;
	(void)n;
	(void)now_ns;
}

static void destroy(void *state)
{
	(void)state;
}

const struct pp_analyser_ops pp_null_ops = {
	.abi = PP_ANALYSER_ABI,
	.flags = PP_ANALYSER_ON_WORKER,
	.name = "null",
	.create = create,
	.thread = thread,
	.packets = null_packets,
	.destroy = destroy,
};
