// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine.h"

#include <string.h>

#include "engine_linear.h"

static const struct pp_engine engines[] = {
	{.ops = &pp_engine_linear_ops},
};
#define ENGINES (sizeof(engines) / sizeof(engines[0]))

const struct pp_engine *pp_engine_find(const char *name)
{
	for (size_t i = 0; i < ENGINES; i++)
		if (strcmp(engines[i].ops->name, name) == 0)
			return &engines[i];
	return NULL;
}

const char *pp_engine_names(void)
{
	return "auto or linear";
}

const struct pp_engine *
pp_engine_pick(const char *name, const struct pp_engine *current, uint32_t count)
{
	(void)current;
	(void)count;
	return pp_engine_find(strcmp(name, PP_ENGINE_AUTO) == 0 ? "linear" : name);
}
