// SPDX-License-Identifier: MIT OR Apache-2.0
// The control socket's place in the file system: taken only if nobody lives there.
//
// A socket file outlives its owner (kill -9), so a name that exists says nothing: who answers a
// connect() lives, who refuses it is dead and its file is removed. Two starters are kept apart by
// a lock file beside the socket, held only while the name changes hands.
//
// Threads    main thread.
// Cost       control path.
// Ownership  caller's storage.
#pragma once

#include <sys/types.h>

#include <push-packet/error.h>

struct pp_ctl_path {
	int fd; // listening; -1: closed
	dev_t dev; // of the socket file, to remove no other
	ino_t ino;
	char path[108];
};

// Listen on a unix stream socket.
//
// @param path   Shorter than 108 bytes; its folder must exist.
// @param mode   Of the socket file, in force before the first connect() succeeds.
// @param group  (gid_t)-1: leave it.
// @param out    Set on success.
// @return       0; -EADDRINUSE: somebody answers there, or it is no socket; -ENAMETOOLONG;
//               -errno of what failed. On failure nothing is left behind.
int pp_ctl_path_listen(
	const char *path, mode_t mode, gid_t group, struct pp_ctl_path *out, struct pp_error *err);

// @return  The mode of the socket file. With a group that may only read, the file's one group does
//          not tell who may come in: everybody can connect, and credentials decide (ctl_peer.h).
mode_t pp_ctl_path_mode(mode_t mode, gid_t read_group);

// Close the descriptor and remove the socket file, if it is still ours.
void pp_ctl_path_close(struct pp_ctl_path *place);
