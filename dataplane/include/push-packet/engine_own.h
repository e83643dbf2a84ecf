// SPDX-License-Identifier: MIT OR Apache-2.0
// Engines of the user's own: the two halves that push-packet/engine.h speaks of, in files or in the
// embedding program.
//
// Threads    control thread.
// Cost       control path: files are read whole.
// Ownership  load() reads and links, unload() gives back. A plane that was given an engine holds it
//            as long as it needs it, so unload() may come first. Without files, ops and object are
//            borrowed until the plane is closed or has another engine.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/cdefs.h>

#include <push-packet/engine.h>
#include <push-packet/error.h>

__BEGIN_DECLS

// What a library of an engine defines: const struct pp_engine_ops pp_engine_ops.
#define PP_ENGINE_SYMBOL "pp_engine_ops"

struct pp_engine_files;

// All zero: none.
struct pp_engine_own {
	const struct pp_engine_ops *ops; // NULL: none
	const void *object; // the BPF object, as a compiler wrote it
	size_t object_bytes;
	struct pp_engine_files *files; // that ops and object are from; NULL: borrowed
};

// What an error is about.
enum pp_engine_part {
	PP_ENGINE_PART_NAME,
	PP_ENGINE_PART_OBJECT,
	PP_ENGINE_PART_LIBRARY,
};

// Read a BPF object and a shared library. Both are copied: what becomes of the files afterwards does
// not matter. The kernel is not asked.
//
// @param out   Set on success.
// @param name  As in the object (PP_ENGINE_NAME) and in its ops.
// @param part  Set to what err is about.
// @return      0; -EINVAL, -EPROTO: not what it must be; -ENOMEM; -errno of a file.
int pp_engine_load(struct pp_engine_own *out,
		   const char *name,
		   const char *object_path,
		   const char *library_path,
		   enum pp_engine_part *part,
		   struct pp_error *err);

// All zero is allowed, and left behind.
void pp_engine_unload(struct pp_engine_own *own);

// Whether these are the same engine: both none, or the same bytes from the same paths, or the same
// borrowed ones.
bool pp_engine_same(const struct pp_engine_own *a, const struct pp_engine_own *b);

__END_DECLS
