// SPDX-License-Identifier: MIT OR Apache-2.0
// Descriptors that go over a unix socket together with a line (unix(7), SCM_RIGHTS).
//
// Threads    any.
// Cost       one system call.
// Ownership  sent ones stay the caller's; received ones are the caller's to close.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PP_CTL_FDS_MAX 4

// Send all of it at once, without waiting.
//
// @param count  1 to PP_CTL_FDS_MAX.
// @return       0; -EAGAIN: there is no room for all; -errno.
int pp_ctl_fds_send(int sock, const char *line, size_t len, const int fd[], uint32_t count);

// Receive what is there, without waiting; descriptors are close-on-exec.
//
// @param count  How many are in fd[], which has PP_CTL_FDS_MAX; those that come are put behind.
// @return       Bytes; 0: the end; -1 with errno.
ssize_t pp_ctl_fds_receive(int sock, char *text, size_t room, int fd[], uint32_t *count);
