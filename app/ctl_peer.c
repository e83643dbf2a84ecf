// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ssh_session.h"

#define NO_GROUP ((gid_t)-1)

struct peer {
	struct ucred cred;
	gid_t *group; // supplementary ones
	size_t group_count;
};

static int get_groups(int fd, struct peer *peer)
{
	socklen_t size = 0;

	// The first call tells the size.
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) || !size)
		return 0;
	if (errno != ERANGE)
		return -errno;
	peer->group = malloc(size);
	if (!peer->group)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->group, &size))
		return -errno;
	peer->group_count = size / sizeof(gid_t);
	return 0;
}

static int get_peer(int fd, struct peer *peer)
{
	socklen_t size = sizeof(peer->cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer->cred, &size))
		return -errno;
	return get_groups(fd, peer);
}

static bool is_member(const struct peer *peer, gid_t group)
{
	if (group == NO_GROUP)
		return false;
	for (size_t i = 0; i < peer->group_count; i++) {
		if (peer->group[i] == group)
			return true;
	}
	return peer->cred.gid == group;
}

static int
judge(const struct peer *peer, const struct pp_control_config *control, struct pp_rpc_peer *out)
{
	out->may_write = control->read_group == NO_GROUP || peer->cred.uid == 0 ||
			 peer->cred.uid == geteuid() || is_member(peer, control->group);
	return out->may_write || is_member(peer, control->read_group) ? 0 : -EACCES;
}

int pp_ctl_peer_identify(int fd, const struct pp_control_config *control, struct pp_rpc_peer *out)
{
	struct pp_rpc_peer result = {0};
	struct peer peer = {0};
	int err = get_peer(fd, &peer);

	if (!err)
		err = judge(&peer, control, &result);
	free(peer.group);
	if (err)
		return err;
	pp_ssh_session_find(peer.cred.pid, result.ssh, sizeof(result.ssh));
	*out = result;
	return 0;
}
