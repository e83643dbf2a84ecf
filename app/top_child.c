// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 20000
#define STEP_MS 20

// JSON is YAML.
static json_t *config_json(const struct pp_top_child *child, const char *iface)
{
	return json_pack("{s:[{s:s, s:s}], s:{s:i, s:s}, s:[{s:s, s:s, s:i}], s:{s:s}}",
			 "interfaces", "name", iface, "mode", "auto", "workers", "count", 1, "idle",
			 "interrupt", "consumers", "name", "top", "kind", "histogram", "threads", 1,
			 "control", "socket", child->socket);
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

// In the child. Its group is its own: a key that stops the parent lets the parent end it in order.
static void become_daemon(pid_t parent, int config_fd, int log_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", config_fd);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	execl("/proc/self/exe", "push-packet", "run", "-c", path, (char *)NULL);
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

static int
wait_for_it(struct pp_top_child *child, struct pp_ctl_client **client, struct pp_error *err)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

	for (int ms = 0; ms < START_MS; ms += STEP_MS) {
		if (!pp_ctl_client_open(client, child->socket, err))
			return 0;
		if (waitpid(child->pid, NULL, WNOHANG) == child->pid) {
			child->pid = 0;
			return complain(child, -ECHILD, err);
		}
		nanosleep(&step, NULL);
	}
	return complain(child, -ETIMEDOUT, err);
}

int pp_top_child_start(struct pp_top_child *child,
		       const char *iface,
		       struct pp_ctl_client **client,
		       struct pp_error *err)
{
	pid_t parent = getpid();
	int config_fd, ret;

	*child = (struct pp_top_child){.log_fd = -1};
	snprintf(child->socket, sizeof(child->socket), "/run/push-packet-top-%d.sock", (int)parent);
	config_fd = write_config(child, iface);
	child->log_fd = memfd_create("push-packet-top.log", MFD_CLOEXEC);
	child->pid = config_fd >= 0 && child->log_fd >= 0 ? fork() : -1;
	if (child->pid == 0)
		become_daemon(parent, config_fd, child->log_fd);
	if (config_fd >= 0)
		close(config_fd);
	if (child->pid < 0) {
		child->pid = 0;
		ret = pp_error_set(err, -errno, 0, 0, "cannot start: %s", strerror(errno));
	} else {
		ret = wait_for_it(child, client, err);
	}
	if (ret)
		pp_top_child_stop(child);
	return ret;
}

void pp_top_child_stop(struct pp_top_child *child)
{
	if (child->pid > 0) {
		kill(child->pid, SIGTERM);
		waitpid(child->pid, NULL, 0);
	}
	if (child->log_fd > 0)
		close(child->log_fd);
	*child = (struct pp_top_child){.log_fd = -1};
}
