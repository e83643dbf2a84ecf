// SPDX-License-Identifier: MIT OR Apache-2.0
// Read a whole text file that an operator wrote.
//
// Threads    any.
// Cost       control path.
// Ownership  the caller frees the text.
#pragma once

#include <stddef.h>

#define PP_TEXT_FILE_BYTES_MAX (64u << 20)

// Read path to its end.
//
// @param out   Set on success: NUL-terminated, without any other NUL; free() it.
// @param len   Bytes without the NUL.
// @return      0; -EISDIR; -EFBIG: longer than PP_TEXT_FILE_BYTES_MAX; -EILSEQ: not UTF-8, or
//              a NUL byte is in it; -ENOMEM; -errno of open and read.
int pp_text_file_read(const char *path, char **out, size_t *len);

// The same from a descriptor, which may be a pipe or a socket and stays open.
int pp_text_file_read_fd(int fd, char **out, size_t *len);

// @return  What to tell the operator about a failure of pp_text_file_read().
const char *pp_text_file_why(int err);
