// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 8

struct lock {
	int fd;
	char path[120];
};

// Whether the name still leads to what was locked: the one before us may have removed it.
static bool is_current(const struct lock *lock)
{
	struct stat by_fd, by_path;

	return !fstat(lock->fd, &by_fd) && !lstat(lock->path, &by_path) &&
	       by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
}

static int lock_take(const char *path, struct lock *out)
{
	int err;

	snprintf(out->path, sizeof(out->path), "%s.lock", path);
	for (;;) {
		out->fd = open(out->path, O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (out->fd < 0)
			return -errno;
		while ((err = flock(out->fd, LOCK_EX)) < 0 && errno == EINTR)
			;
		if (err < 0) {
			err = -errno;
			close(out->fd);
			return err;
		}
		if (is_current(out))
			return 0;
		close(out->fd);
	}
}

static void lock_give(struct lock *lock)
{
	unlink(lock->path);
	close(lock->fd);
}

// Whether the socket at addr belongs to nobody any more.
static bool is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_over_stale(int fd, const struct sockaddr_un *addr, struct pp_error *err)
{
	struct stat st;

	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE)
		return pp_error_set(err, -errno, 0, 0, "cannot create control socket %s: %m",
				    addr->sun_path);
	if (!lstat(addr->sun_path, &st) && !S_ISSOCK(st.st_mode))
		return pp_error_set(
			err, -EADDRINUSE, 0, 0,
			"%s is no socket: remove it, or give control.socket another path",
			addr->sun_path);
	if (!is_stale(addr))
		return pp_error_set(err, -EADDRINUSE, 0, 0, "another push-packet answers on %s",
				    addr->sun_path);
	if (unlink(addr->sun_path) || bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return pp_error_set(err, -errno, 0, 0, "cannot replace stale control socket %s: %m",
				    addr->sun_path);
	return 0;
}

// Before listen(), connect() is refused: nobody gets in while the mode is still open. The lock
// keeps others from taking that for a dead owner.
static int open_up(struct pp_ctl_path *place, mode_t mode, gid_t group, struct pp_error *err)
{
	struct stat st;

	if (chmod(place->path, mode))
		return pp_error_set(err, -errno, 0, 0, "cannot set the mode of %s: %m",
				    place->path);
	if (group != (gid_t)-1 && chown(place->path, (uid_t)-1, group))
		return pp_error_set(err, -errno, 0, 0, "cannot give %s to group %u: %m",
				    place->path, group);
	if (lstat(place->path, &st) || listen(place->fd, BACKLOG))
		return pp_error_set(err, -errno, 0, 0, "cannot listen on %s: %m", place->path);
	place->dev = st.st_dev;
	place->ino = st.st_ino;
	return 0;
}

static int listen_locked(mode_t mode, gid_t group, struct pp_ctl_path *place, struct pp_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int ret;

	strcpy(addr.sun_path, place->path);
	place->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (place->fd < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot create a unix socket: %m");

	ret = bind_over_stale(place->fd, &addr, err);
	if (ret)
		goto close_fd;
	ret = open_up(place, mode, group, err);
	if (ret)
		goto unlink_path;
	return 0;

unlink_path:
	unlink(place->path);
close_fd:
	close(place->fd);
	return ret;
}

int pp_ctl_path_listen(
	const char *path, mode_t mode, gid_t group, struct pp_ctl_path *out, struct pp_error *err)
{
	struct pp_ctl_path place = {.fd = -1};
	struct lock lock;
	int ret;

	if (strlen(path) >= sizeof(place.path))
		return pp_error_set(err, -ENAMETOOLONG, 0, 0,
				    "the path of a socket has at most %zu characters",
				    sizeof(place.path) - 1);
	strcpy(place.path, path);
	ret = lock_take(path, &lock);
	if (ret)
		return pp_error_set(err, ret, 0, 0, "cannot create control socket %s: %s", path,
				    strerror(-ret));
	ret = listen_locked(mode, group, &place, err);
	lock_give(&lock);
	if (!ret)
		*out = place;
	return ret;
}

mode_t pp_ctl_path_mode(mode_t mode, gid_t read_group)
{
	return read_group == (gid_t)-1 ? mode : 0666;
}

void pp_ctl_path_close(struct pp_ctl_path *place)
{
	struct lock lock;
	struct stat st;

	if (place->fd < 0)
		return;
	if (!lock_take(place->path, &lock)) {
		if (!lstat(place->path, &st) && st.st_dev == place->dev && st.st_ino == place->ino)
			unlink(place->path);
		lock_give(&lock);
	}
	close(place->fd);
	place->fd = -1;
}
