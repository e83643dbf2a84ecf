// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_wire.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct wire wire;

void wire_open(const struct pp_rpc_service *service, uint32_t stall_ms)
{
	struct pp_control_config *control = &wire.control;
	struct pp_error err = {0};

	signal(SIGPIPE, SIG_IGN);
	strcpy(wire.dir, "/tmp/ppctlXXXXXX");
	cr_assert_not_null(mkdtemp(wire.dir));
	snprintf(control->socket, sizeof(control->socket), "%s/ctl", wire.dir);
	control->mode = 0640;
	control->group = (gid_t)-1;
	control->read_group = (gid_t)-1;
	wire.base = event_base_new();
	event_base_priority_init(wire.base, PP_CTL_PRIORITIES);
	cr_assert_eq(pp_ctl_server_open(&wire.server, wire.base, control, service, stall_ms, &err),
		     0, "%s", err.text);
}

void wire_close(void)
{
	pp_ctl_server_close(wire.server);
	event_base_free(wire.base);
	cr_expect_eq(rmdir(wire.dir), 0, "nothing may be left behind: %s", strerror(errno));
}

int wire_dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, wire.control.socket);
	cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void wire_turn(void)
{
	struct timeval limit = {.tv_usec = 20000};

	event_base_loopexit(wire.base, &limit);
	event_base_dispatch(wire.base);
}

void wire_say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

const char *wire_hear(int fd)
{
	static char text[8192];
	size_t used = 0;
	ssize_t n;

	for (int i = 0; i < 3; i++) {
		wire_turn();
		while ((n = recv(fd, text + used, sizeof(text) - 1 - used, 0)) > 0)
			used += (size_t)n;
	}
	text[used] = '\0';
	return text;
}

bool wire_hung_up(int fd)
{
	char byte;

	wire_turn();
	return recv(fd, &byte, 1, 0) == 0;
}
