// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_fds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr head; // for its alignment
	char bytes[CMSG_SPACE(PP_CTL_FDS_MAX * sizeof(int))];
};

int pp_ctl_fds_send(int sock, const char *line, size_t len, const int fd[], uint32_t count)
{
	struct iovec iov = {(char *)line, len};
	union control control = {0};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);
	ssize_t n;

	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(part), fd, count * sizeof(int));
	n = sendmsg(sock, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EAGAIN;
}

static void keep(const struct cmsghdr *part, int fd[], uint32_t *count)
{
	uint32_t here = (uint32_t)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));

	if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
		return;
	for (uint32_t i = 0; i < here; i++) {
		int one;

		memcpy(&one, CMSG_DATA(part) + i * sizeof(int), sizeof(one));
		if (*count < PP_CTL_FDS_MAX)
			fd[(*count)++] = one;
		else
			close(one);
	}
}

ssize_t pp_ctl_fds_receive(int sock, char *text, size_t room, int fd[], uint32_t *count)
{
	struct iovec iov = {text, room};
	union control control;
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(sock, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return n;
	for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part;
	     part = CMSG_NXTHDR(&message, part))
		keep(part, fd, count);
	return n;
}
