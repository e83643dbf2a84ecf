// SPDX-License-Identifier: MIT OR Apache-2.0
#include "analyser_files.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "engine_files.h"

// A library is read and linked as that of an engine is.
struct pp_analyser_files {
	struct pp_engine_own library; // files only
};

int pp_analyser_check_ops(const struct pp_analyser_ops *ops,
			  const char *whose,
			  struct pp_error *err)
{
	if (ops->abi != PP_ANALYSER_ABI)
		return pp_error_set(err, -EPROTO, 0, 0,
				    "%s was built for version %u of the analyser interface, and "
				    "this is version %u",
				    whose, ops->abi, PP_ANALYSER_ABI);
	if (ops->name == NULL || ops->create == NULL || ops->thread == NULL ||
	    ops->packets == NULL || ops->destroy == NULL)
		return pp_error_set(err, -EPROTO, 0, 0,
				    "%s: " PP_ANALYSER_SYMBOL " lacks a function or the name; "
				    "create, thread, packets and destroy are needed",
				    whose);
	return 0;
}

static int link_library(struct pp_analyser_own *own, const char *path, struct pp_error *err)
{
	struct pp_engine_files *files = own->files->library.files;
	int ret = pp_engine_file_read(&files->library, path, err);

	ret = ret ?: pp_engine_files_link(files, err);
	if (ret < 0)
		return ret;
	own->ops = dlsym(files->handle, PP_ANALYSER_SYMBOL);
	if (own->ops == NULL)
		return pp_error_set(
			err, -EPROTO, 0, 0,
			"%s defines no const struct pp_analyser_ops " PP_ANALYSER_SYMBOL, path);
	return pp_analyser_check_ops(own->ops, path, err);
}

int pp_analyser_load(struct pp_analyser_own *out, const char *path, struct pp_error *err)
{
	struct pp_analyser_own own = {.files = calloc(1, sizeof(*own.files))};
	int ret;

	if (own.files != NULL)
		own.files->library.files = calloc(1, sizeof(*own.files->library.files));
	if (own.files == NULL || own.files->library.files == NULL) {
		free(own.files);
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	}
	own.files->library.files->holders = 1;
	own.files->library.files->library_fd = -1;
	ret = link_library(&own, path, err);
	if (ret < 0)
		pp_analyser_unload(&own);
	else
		*out = own;
	return ret;
}

void pp_analyser_hold(const struct pp_analyser_own *own)
{
	if (own->files != NULL)
		pp_engine_hold(&own->files->library);
}

void pp_analyser_unload(struct pp_analyser_own *own)
{
	struct pp_analyser_files *files = own->files;

	if (files != NULL) {
		bool last = files->library.files->holders == 1;
		struct pp_engine_own library = files->library;

		pp_engine_unload(&library);
		if (last)
			free(files);
	}
	*own = (struct pp_analyser_own){0};
}

bool pp_analyser_same(const struct pp_analyser_own *a, const struct pp_analyser_own *b)
{
	const struct pp_engine_file *x, *y;

	if (a->files == NULL || b->files == NULL || a->files == b->files)
		return a->files == b->files && a->ops == b->ops;
	x = &a->files->library.files->library;
	y = &b->files->library.files->library;
	return strcmp(x->path, y->path) == 0 && x->count == y->count &&
	       memcmp(x->bytes, y->bytes, x->count) == 0;
}
