// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine.h"

#include <string.h>

#include "engine_linear.h"
#include "engine_tuple.h"

// Where the two cost the same (tests/bpf/cost.c), and where the way back is worth another load.
#define LINEAR_RULES_MAX 48u
#define LINEAR_AGAIN_MAX 24u

static const struct pp_engine linear = {.ops = &pp_engine_linear_ops};
static const struct pp_engine tuple = {.ops = &pp_engine_tuple};

const struct pp_engine *pp_engine_find(const char *name)
{
	if (strcmp(name, linear.ops->name) == 0)
		return &linear;
	if (strcmp(name, tuple.ops->name) == 0)
		return &tuple;
	return NULL;
}

const char *pp_engine_names(void)
{
	return "auto, linear or tuple";
}

const struct pp_engine *
pp_engine_pick(const char *name, const struct pp_engine *current, uint32_t count)
{
	uint32_t most = current == &tuple ? LINEAR_AGAIN_MAX : LINEAR_RULES_MAX;

	if (strcmp(name, PP_ENGINE_AUTO) != 0)
		return pp_engine_find(name);
	return count <= most ? &linear : &tuple;
}

const struct pp_engine *
pp_engine_simpler(const char *name, const struct pp_engine *engine, uint32_t count)
{
	return strcmp(name, PP_ENGINE_AUTO) == 0 && engine == &tuple &&
			       count <= linear.ops->rules_max
		       ? &linear
		       : NULL;
}
