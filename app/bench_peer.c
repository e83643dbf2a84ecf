// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int start(char *const argv[], int out_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int ret = posix_spawn_file_actions_init(&actions);

	if (ret)
		return -ret;
	ret = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO)
		      ?: posix_spawn(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -ret;
}

static size_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		ssize_t n = read(fd, buf + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return len;
}

int pp_bench_peer_run(char *const argv[], double *out, struct pp_error *err)
{
	char text[256], *end;
	int fds[2], ret, status;
	double value;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return pp_error_set(err, -errno, 0, 0, "pipe: %m");
	ret = start(argv, fds[1], &pid);
	close(fds[1]);
	if (ret) {
		close(fds[0]);
		return pp_error_set(err, ret, 0, 0, "%s: %s", argv[0], strerror(-ret));
	}
	read_all(fds[0], text, sizeof(text));
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	value = strtod(text, &end);
	if (!WIFEXITED(status) || WEXITSTATUS(status) || end == text || *end != '\n')
		return pp_error_set(err, -EIO, 0, 0, "%s: expected a number, it %s", argv[0],
				    WIFEXITED(status) && !WEXITSTATUS(status)
					    ? "printed something else"
					    : "failed");
	*out = value;
	return 0;
}
