// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 20000
#define STEP_MS 20

// JSON is YAML. A packet goes to one consumer: the rules of top say to which.
static json_t *config_json(const struct pp_top_child *child, const char *iface)
{
	return json_pack("{s:[{s:s, s:s}], s:{s:i, s:s}, s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}], "
			 "s:{s:s}}",
			 "interfaces", "name", iface, "mode", "auto", "workers", "count", 1, "idle",
			 "interrupt", "consumers", "name", "top", "kind", "histogram", "threads", 1,
			 "name", "flows", "kind", "flows", "threads", 1, "control", "socket",
			 child->socket);
}

static int write_config(const struct pp_top_child *child, const char *iface)
{
	json_t *config = config_json(child, iface);
	int fd = memfd_create("push-packet-top.yaml", 0), ret = -ENOMEM;

	if (fd < 0)
		ret = -errno;
	else if (config && !json_dumpfd(config, fd, JSON_INDENT(1)))
		ret = fd;
	json_decref(config);
	if (ret < 0 && fd >= 0)
		close(fd);
	return ret;
}

// In the child. Its group is its own: a key that stops the parent lets the parent end it in order. That
// the parent has gone it sees by its input, also where the program has capabilities of its own, which
// would make the kernel forget PR_SET_PDEATHSIG (prctl(2)).
static void become_daemon(int input_fd, int config_fd, int log_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", config_fd);
	setpgid(0, 0);
	dup2(input_fd, STDIN_FILENO);
	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	execl("/proc/self/exe", "push-packet", "run", "-c", path, "--until-eof", (char *)NULL);
	_exit(127);
}

// The last line of what it said.
static int complain(const struct pp_top_child *child, int ret, struct pp_error *err)
{
	char text[2048], *line;
	ssize_t len = pread(child->log_fd, text, sizeof(text) - 1, 0);

	text[len < 0 ? 0 : len] = '\0';
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strstr(text, "error: ");
	return pp_error_set(err, ret, 0, 0, "%s", line ? line + strlen("error: ") : text);
}

static int wait_for_it(struct pp_top_child *child,
		       const volatile sig_atomic_t *stop,
		       struct pp_ctl_client **client,
		       struct pp_error *err)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

	for (int ms = 0; ms < START_MS && !*stop; ms += STEP_MS) {
		if (!pp_ctl_client_open(client, child->socket, err))
			return 0;
		if (waitpid(child->pid, NULL, WNOHANG) == child->pid) {
			child->pid = 0;
			return complain(child, -ECHILD, err);
		}
		nanosleep(&step, NULL);
	}
	if (*stop)
		return pp_error_set(err, -EINTR, 0, 0, "stopped: %s", strsignal(*stop));
	return complain(child, -ETIMEDOUT, err);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int pp_top_child_start(struct pp_top_child *child,
		       const char *iface,
		       const volatile sig_atomic_t *stop,
		       struct pp_ctl_client **client,
		       struct pp_error *err)
{
	int config_fd, ret, input[2] = {-1, -1};

	*child = (struct pp_top_child){.log_fd = -1, .leash_fd = -1};
	snprintf(child->socket, sizeof(child->socket), "/run/push-packet-top-%d.sock",
		 (int)getpid());
	config_fd = write_config(child, iface);
	child->log_fd = memfd_create("push-packet-top.log", MFD_CLOEXEC);
	child->pid = -1;
	if (config_fd >= 0 && child->log_fd >= 0 && !pipe2(input, O_CLOEXEC))
		child->pid = fork();
	if (child->pid == 0)
		become_daemon(input[0], config_fd, child->log_fd);
	ret = config_fd < 0 ? config_fd : child->pid < 0 ? -errno : 0;
	if (ret < 0)
		pp_error_set(err, ret, 0, 0, "cannot start: %s", strerror(-ret));
	close_fd(&config_fd);
	close_fd(&input[0]);
	child->leash_fd = input[1];
	ret = ret ?: wait_for_it(child, stop, client, err);
	if (ret)
		pp_top_child_stop(child);
	return ret;
}

void pp_top_child_stop(struct pp_top_child *child)
{
	if (child->pid > 0) {
		kill(child->pid, SIGTERM);
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	// All zero is allowed.
	if (child->log_fd > 0)
		close_fd(&child->log_fd);
	if (child->leash_fd > 0)
		close_fd(&child->leash_fd);
	*child = (struct pp_top_child){.log_fd = -1, .leash_fd = -1};
}
