// SPDX-License-Identifier: MIT OR Apache-2.0
// The files of an engine of the user's own, read and linked.
//
// Threads    control thread.
// Cost       control path.
// Ownership  shared by all who hold it: pp_engine_hold(), pp_engine_unload().
#pragma once

#include <push-packet/engine_own.h>

struct pp_engine_file {
	char *path;
	uint8_t *bytes;
	size_t count;
};

struct pp_engine_files {
	uint32_t holders;
	struct pp_engine_file object;
	struct pp_engine_file library;
	int library_fd; // a copy in memory; -1: none
	void *handle; // of dlopen()
};

// What was done by a failure is undone by pp_engine_unload().
//
// @return  0; -EINVAL; -ENOMEM; -errno, with err set.
int pp_engine_file_read(struct pp_engine_file *file, const char *path, struct pp_error *err);

// Link the library that was read.
//
// @return  0; -EINVAL: err has the linker's words; -ENOMEM; -errno.
int pp_engine_files_link(struct pp_engine_files *files, struct pp_error *err);
