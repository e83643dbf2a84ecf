// SPDX-License-Identifier: MIT OR Apache-2.0
// The command line's end of the control socket.
//
// Threads    a client belongs to its caller.
// Cost       control path; calls block up to their time limit.
// Ownership  results are the caller's.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include <push-packet/error.h>

struct pp_ctl_client;

// Connect to a daemon.
//
// @return  0; -ENOENT, -ECONNREFUSED: nobody answers; -errno of connect(); -ENOMEM.
int pp_ctl_client_open(struct pp_ctl_client **out, const char *path, struct pp_error *err);

// NULL is allowed.
void pp_ctl_client_close(struct pp_ctl_client *client);

// Call a method and wait for its result.
//
// @param params      Stolen; NULL: none.
// @param timeout_ms  For the whole call.
// @param result      Set on success.
// @return            0; -EREMOTEIO: the daemon answered with an error, err has its text;
//                    -ETIMEDOUT; -EPROTO: not an answer; -ECONNRESET: the daemon is gone.
int pp_ctl_client_call(struct pp_ctl_client *client,
		       const char *method,
		       json_t *params,
		       uint32_t timeout_ms,
		       json_t **result,
		       struct pp_error *err);

// @return  The error object that the daemon answered the last call with: code, message, and data
//          where it has more to say. Borrowed until the next call; NULL: it did not refuse.
const json_t *pp_ctl_client_refusal(const struct pp_ctl_client *client);

// Take the descriptors that came with the last answer; those beyond max are closed.
//
// @return  How many there are in fd[]; the caller's to close.
uint32_t pp_ctl_client_take_fds(struct pp_ctl_client *client, int fd[], uint32_t max);

// The connection, to see whether the daemon is still there (POLLIN, POLLHUP). Borrowed.
int pp_ctl_client_fd(const struct pp_ctl_client *client);
