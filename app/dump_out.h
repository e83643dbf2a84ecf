// SPDX-License-Identifier: MIT OR Apache-2.0
// Where a dump's packets go: lines of text, or a capture file.
//
// Threads    one.
// Cost       stdio; the file is flushed when the caller says so.
// Ownership  open() and close().
#pragma once

#include <stdio.h>

#include <push-packet/dump.h>

#include "dump_names.h"

struct pp_dump_out;

// @param path   Of a capture file, pcapng; "-": standard output; NULL: text on standard output.
// @param names  Borrowed.
// @return       0; -ENOMEM; -errno of the file.
int pp_dump_out_open(struct pp_dump_out **out,
		     const char *path,
		     uint32_t snap_bytes,
		     struct pp_dump_names *names,
		     struct pp_error *err);

void pp_dump_out_put(struct pp_dump_out *out, const struct pp_dump_note *note);

// @return  0; -EIO: nothing can be written any more, errno says why.
int pp_dump_out_flush(struct pp_dump_out *out);

// @param stats  Final; they go into the file.
// @return       As flush(). NULL for out is allowed.
int pp_dump_out_close(struct pp_dump_out *out, const struct pp_dump_stats *stats);
