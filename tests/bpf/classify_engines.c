// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_engines.h"

#include <stddef.h>
#include <string.h>

#include "classify_linear.skel.h"
#include "classify_tuple.skel.h"

static const struct classify_engine engines[] = {
	{&engine_linear_lookup, classify_linear_bpf__elf_bytes},
	{&engine_tuple_lookup, classify_tuple_bpf__elf_bytes},
};

const struct classify_engine *classify_engine_find(const char *name)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (strcmp(engines[i].lookup->ops->name, name) == 0)
			return &engines[i];
	return NULL;
}
