// SPDX-License-Identifier: MIT OR Apache-2.0
#include "clsact_filters.h"

#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

static bool ask(int fd, uint32_t ifindex, uint32_t parent)
{
	const struct {
		struct nlmsghdr head;
		struct tcmsg tc;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = RTM_GETTFILTER,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.tc = {.tcm_ifindex = (int)ifindex, .tcm_parent = parent},
	};

	return send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request);
}

// @return  Filters in the answer; -1: there is no good answer.
static int count(int fd)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	int filters = 0;

	for (;;) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *head = (const struct nlmsghdr *)buf;

		if (len <= 0)
			return -1;
		for (; NLMSG_OK(head, (size_t)len); head = NLMSG_NEXT(head, len)) {
			if (head->nlmsg_type == NLMSG_DONE)
				return filters;
			if (head->nlmsg_type == NLMSG_ERROR)
				return -1;
			filters += head->nlmsg_type == RTM_NEWTFILTER;
		}
	}
}

bool pp_clsact_filters_none(uint32_t ifindex)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool none;

	if (fd < 0)
		return false;
	none = ask(fd, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) && count(fd) == 0 &&
	       ask(fd, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)) && count(fd) == 0;
	close(fd);
	return none;
}
