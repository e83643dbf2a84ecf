// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/engine_own.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "engine_files.h"
#include "tap_object.h"

static int
check_ops(const struct pp_engine_ops *ops, const char *name, const char *path, struct pp_error *err)
{
	if (ops->abi != PP_ENGINE_ABI)
		return pp_error_set(err, -EPROTO, 0, 0,
				    "%s was built for version %u of the engine interface, and this "
				    "is version %u",
				    path, ops->abi, PP_ENGINE_ABI);
	if (ops->compile == NULL || ops->destroy == NULL || ops->emit == NULL || ops->stats == NULL)
		return pp_error_set(
			err, -EPROTO, 0, 0,
			"%s: " PP_ENGINE_SYMBOL
			" lacks a function; compile, destroy, emit and stats are needed",
			path);
	if (ops->name == NULL || strcmp(ops->name, name) != 0)
		return pp_error_set(err, -EPROTO, 0, 0, "%s has the engine '%.31s', not '%s'", path,
				    ops->name ?: "", name);
	return 0;
}

static int find_ops(struct pp_engine_own *own, const char *name, struct pp_error *err)
{
	const char *path = own->files->library.path;

	own->ops = dlsym(own->files->handle, PP_ENGINE_SYMBOL);
	if (own->ops == NULL)
		return pp_error_set(err, -EPROTO, 0, 0,
				    "%s defines no const struct pp_engine_ops " PP_ENGINE_SYMBOL,
				    path);
	return check_ops(own->ops, name, path, err);
}

static int check_name(const char *name, struct pp_error *err)
{
	if (strlen(name) == 0 || strlen(name) >= PP_ENGINE_NAME_BYTES ||
	    strlen(name) >= PP_NAME_BYTES)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "the name of an engine has 1 to %d characters",
				    PP_ENGINE_NAME_BYTES - 1);
	if (strcmp(name, PP_ENGINE_AUTO) == 0 || pp_engine_find(name) != NULL)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "'%s' is built in; an engine of your own needs another name",
				    name);
	return 0;
}

static int
load_library(struct pp_engine_own *own, const char *name, const char *path, struct pp_error *err)
{
	int ret = pp_engine_file_read(&own->files->library, path, err);

	ret = ret ?: pp_engine_files_link(own->files, err);
	return ret ?: find_ops(own, name, err);
}

static int load_object(struct pp_engine_own *own, const char *path, struct pp_error *err)
{
	struct pp_engine_file *file = &own->files->object;
	struct pp_engine engine;
	int ret = pp_engine_file_read(file, path, err);

	if (ret < 0)
		return ret;
	own->object = file->bytes;
	own->object_bytes = file->count;
	engine = pp_engine_of(own);
	return pp_tap_object_check(&engine, err);
}

int pp_engine_load(struct pp_engine_own *out,
		   const char *name,
		   const char *object_path,
		   const char *library_path,
		   enum pp_engine_part *part,
		   struct pp_error *err)
{
	struct pp_engine_own own = {.files = calloc(1, sizeof(*own.files))};
	int ret;

	*part = PP_ENGINE_PART_NAME;
	if (own.files == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	own.files->holders = 1;
	own.files->library_fd = -1;
	ret = check_name(name, err);
	if (ret == 0) {
		*part = PP_ENGINE_PART_LIBRARY;
		ret = load_library(&own, name, library_path, err);
	}
	if (ret == 0) {
		*part = PP_ENGINE_PART_OBJECT;
		ret = load_object(&own, object_path, err);
	}
	if (ret < 0)
		pp_engine_unload(&own);
	else
		*out = own;
	return ret;
}

int pp_engine_check(const struct pp_engine_own *own, struct pp_error *err)
{
	const struct pp_engine engine = pp_engine_of(own);
	int ret;

	if (own->ops == NULL)
		return 0;
	ret = check_ops(own->ops, own->ops->name ?: "", "the program", err);
	ret = ret ?: check_name(own->ops->name, err);
	return ret ?: pp_tap_object_check(&engine, err);
}
