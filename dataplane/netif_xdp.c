// SPDX-License-Identifier: MIT OR Apache-2.0
// The netdev family of generic netlink (Documentation/netlink/specs/netdev.yaml), newer than the headers of
// Debian 12.
#include <push-packet/netif.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#define NETDEV_FAMILY "netdev"
#define NETDEV_CMD_DEV_GET 1
#define NETDEV_A_DEV_IFINDEX 1
#define NETDEV_A_DEV_XDP_FEATURES 3
#define ANSWER_BYTES 8192
#define PATIENCE_S 2

struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	struct nlattr attr;
	uint8_t value[16];
};

// @return  Bytes of the answer, a struct nlmsghdr and what follows; -errno.
static ssize_t ask(int fd,
		   struct request *request,
		   uint16_t family,
		   uint8_t command,
		   uint16_t attr,
		   const void *value,
		   uint16_t bytes,
		   struct nlmsghdr *answer)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	ssize_t got;

	*request = (struct request){
		.nl = {.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST},
		.genl = {.cmd = command, .version = 1},
		.attr = {.nla_len = (uint16_t)(NLA_HDRLEN + bytes), .nla_type = attr},
	};
	memcpy(request->value, value, bytes);
	request->nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) + NLA_HDRLEN + NLA_ALIGN(bytes);
	if (sendto(fd, request, request->nl.nlmsg_len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	got = recv(fd, answer, ANSWER_BYTES, 0);
	if (got < 0)
		return -errno;
	if (!NLMSG_OK(answer, (uint32_t)got))
		return -EPROTO;
	if (answer->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(answer))->error ?: -EPROTO;
	return (ssize_t)answer->nlmsg_len;
}

// @return  false: it is not there, or shorter than bytes.
static bool find_attr(const struct nlmsghdr *answer, uint16_t type, void *out, size_t bytes)
{
	size_t at = NLMSG_LENGTH(GENL_HDRLEN);

	while (at + NLA_HDRLEN <= answer->nlmsg_len) {
		struct nlattr attr;

		memcpy(&attr, (const uint8_t *)answer + at, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > answer->nlmsg_len - at)
			return false;
		if ((attr.nla_type & NLA_TYPE_MASK) == type && attr.nla_len >= NLA_HDRLEN + bytes) {
			memcpy(out, (const uint8_t *)answer + at + NLA_HDRLEN, bytes);
			return true;
		}
		at += NLA_ALIGN(attr.nla_len);
	}
	return false;
}

static int ask_features(int fd, uint32_t ifindex, uint64_t *out)
{
	_Alignas(struct nlmsghdr) uint8_t bytes[ANSWER_BYTES];
	struct nlmsghdr *answer = (struct nlmsghdr *)bytes;
	struct request request;
	uint16_t family;
	ssize_t ret = ask(fd, &request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
			  NETDEV_FAMILY, sizeof(NETDEV_FAMILY), answer);

	if (ret == -ENOENT)
		return -EOPNOTSUPP;
	if (ret < 0)
		return (int)ret;
	if (!find_attr(answer, CTRL_ATTR_FAMILY_ID, &family, sizeof(family)))
		return -EPROTO;
	ret = ask(fd, &request, family, NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX, &ifindex,
		  sizeof(ifindex), answer);
	if (ret < 0)
		return (int)ret;
	return find_attr(answer, NETDEV_A_DEV_XDP_FEATURES, out, sizeof(*out)) ? 0 : -EPROTO;
}

int pp_netif_xdp(uint32_t ifindex, uint64_t *out)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	uint64_t features;
	int ret;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ret = ask_features(fd, ifindex, &features);
	close(fd);
	if (ret == 0)
		*out = features;
	return ret;
}
