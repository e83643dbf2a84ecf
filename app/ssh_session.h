// SPDX-License-Identifier: MIT OR Apache-2.0
// The ssh session that a process runs in.
//
// Threads    main thread.
// Cost       a few small files of /proc.
// Ownership  caller's storage.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Look for SSH_CONNECTION, then SSH_CLIENT, in a process and in its parents: sudo and su take them
// out of the environment.
//
// @param pid  0 (as a process in another namespace has it): none.
// @param buf  Set to the value; untouched without a session.
// @return     Whether there is one.
bool pp_ssh_session_find(pid_t pid, char *buf, size_t size);
