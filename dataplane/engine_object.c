// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine.h"

#include <string.h>

#include "linear.skel.h"
#include "tuple.skel.h"

const void *pp_engine_object(const struct pp_engine *engine, size_t *bytes)
{
	if (engine->object != NULL) {
		*bytes = engine->object_bytes;
		return engine->object;
	}
	return strcmp(engine->ops->name, "tuple") == 0 ? pp_tuple_bpf__elf_bytes(bytes)
						       : pp_linear_bpf__elf_bytes(bytes);
}
