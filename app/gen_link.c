// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_link.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_BYTES 32768
#define LOWER_UP 0x10000u // IFF_LOWER_UP: <linux/if.h> and <net/if.h> exclude each other

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	uint8_t attr[64];
};

static void add_attr(struct request *req, uint16_t type, const void *data, uint32_t n)
{
	struct rtattr *attr = (void *)((uint8_t *)req + NLMSG_ALIGN(req->head.nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(attr), data, n);
	req->head.nlmsg_len = NLMSG_ALIGN(req->head.nlmsg_len) + RTA_ALIGN(attr->rta_len);
}

// @param reply  REPLY_BYTES of room; holds one RTM_NEWLINK message on success.
static int ask(struct request *req, struct nlmsghdr *reply)
{
	int fd, err = 0;
	ssize_t n;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (send(fd, req, req->head.nlmsg_len, 0) < 0) {
		err = -errno;
		goto close_fd;
	}
	do
		n = recv(fd, reply, REPLY_BYTES, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err = -errno;
	else if (!NLMSG_OK(reply, (uint32_t)n))
		err = -EPROTO;
	else if (reply->nlmsg_type == NLMSG_ERROR)
		err = ((struct nlmsgerr *)NLMSG_DATA(reply))->error;
	else if (reply->nlmsg_type != RTM_NEWLINK)
		err = -EPROTO;
close_fd:
	close(fd);
	return err;
}

static void copy_text(char *out, size_t room, const struct rtattr *attr)
{
	size_t n = RTA_PAYLOAD(attr);

	n = strnlen(RTA_DATA(attr), n);
	if (n >= room)
		n = room - 1;
	memcpy(out, RTA_DATA(attr), n);
	out[n] = '\0';
}

static void read_number(void *out, size_t bytes, const struct rtattr *attr)
{
	if (RTA_PAYLOAD(attr) >= bytes)
		memcpy(out, RTA_DATA(attr), bytes);
}

static void read_nested(struct pp_gen_link *link, const struct rtattr *outer)
{
	int left = (int)RTA_PAYLOAD(outer);

	for (struct rtattr *attr = RTA_DATA(outer); RTA_OK(attr, left);
	     attr = RTA_NEXT(attr, left)) {
		if (outer->rta_type == IFLA_LINKINFO && attr->rta_type == IFLA_INFO_KIND)
			copy_text(link->kind, sizeof(link->kind), attr);
		else if (outer->rta_type == IFLA_XDP && attr->rta_type == IFLA_XDP_ATTACHED)
			read_number(&link->xdp_attached, sizeof(link->xdp_attached), attr);
	}
}

static void read_attr(struct pp_gen_link *link, struct rtattr *attr)
{
	struct rtnl_link_stats64 stats = {0};

	attr->rta_type &= NLA_TYPE_MASK;
	switch (attr->rta_type) {
	case IFLA_IFNAME:
		copy_text(link->name, sizeof(link->name), attr);
		break;
	case IFLA_ADDRESS:
		read_number(link->mac, sizeof(link->mac), attr);
		break;
	case IFLA_MTU:
		read_number(&link->mtu_bytes, sizeof(link->mtu_bytes), attr);
		break;
	case IFLA_LINK:
		read_number(&link->peer_ifindex, sizeof(link->peer_ifindex), attr);
		break;
	case IFLA_LINK_NETNSID:
		read_number(&link->peer_netns, sizeof(link->peer_netns), attr);
		break;
	case IFLA_STATS64:
		read_number(&stats, sizeof(uint64_t) * 8, attr);
		link->tx_dropped_pkts = stats.tx_dropped;
		link->rx_dropped_pkts = stats.rx_dropped;
		break;
	case IFLA_LINKINFO:
	case IFLA_XDP:
		read_nested(link, attr);
		break;
	}
}

static int get_link(struct request *req, struct pp_gen_link *out)
{
	struct pp_gen_link link = {.peer_netns = PP_GEN_LINK_SAME_NETNS};
	struct nlmsghdr *reply;
	struct ifinfomsg *info;
	int err, left;

	reply = malloc(REPLY_BYTES);
	if (reply == NULL)
		return -ENOMEM;
	err = ask(req, reply);
	if (err < 0)
		goto free_reply;

	info = NLMSG_DATA(reply);
	link.ifindex = (uint32_t)info->ifi_index;
	link.hw_type = info->ifi_type;
	link.up = info->ifi_flags & IFF_UP;
	link.carrier = info->ifi_flags & LOWER_UP;
	left = (int)IFLA_PAYLOAD(reply);
	for (struct rtattr *attr = IFLA_RTA(info); RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		read_attr(&link, attr);
	if (strcmp(link.kind, "veth") != 0 || link.peer_ifindex == 0)
		link.peer_netns = PP_GEN_LINK_NO_PEER;
	*out = link;
free_reply:
	free(reply);
	return err;
}

static struct request link_request(void)
{
	return (struct request){
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			 .nlmsg_type = RTM_GETLINK,
			 .nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_family = AF_UNSPEC},
	};
}

int pp_gen_link_get(const char *name, struct pp_gen_link *out)
{
	struct request req = link_request();
	size_t n = strlen(name) + 1;

	if (n > IFNAMSIZ)
		return -ENODEV;
	add_attr(&req, IFLA_IFNAME, name, (uint32_t)n);
	return get_link(&req, out);
}

int pp_gen_link_peer(const struct pp_gen_link *link, struct pp_gen_link *out)
{
	struct request req = link_request();
	int err;

	if (link->peer_netns == PP_GEN_LINK_NO_PEER)
		return -ENOENT;
	req.info.ifi_index = (int)link->peer_ifindex;
	if (link->peer_netns != PP_GEN_LINK_SAME_NETNS)
		add_attr(&req, IFLA_TARGET_NETNSID, &link->peer_netns, sizeof(link->peer_netns));
	err = get_link(&req, out);
	return err == -ENODEV || err == -EACCES || err == -EPERM || err == -EINVAL ? -ENOENT : err;
}

bool pp_gen_link_is_raw_ip(const struct pp_gen_link *link)
{
	return link->hw_type == ARPHRD_NONE || link->hw_type == ARPHRD_PPP ||
	       link->hw_type == ARPHRD_RAWIP;
}

static int ethtool(int fd, const char *name, void *data)
{
	struct ifreq req = {.ifr_data = data};

	memcpy(req.ifr_name, name, strlen(name) + 1);
	return ioctl(fd, SIOCETHTOOL, &req) < 0 ? -errno : 0;
}

// @return  Number of statistics that the driver has, or -errno.
static int stats_count(int fd, const char *name)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} req = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_STATS}};
	int err = ethtool(fd, name, &req);

	if (err < 0)
		return err;
	return req.info.sset_mask == 0 ? -EOPNOTSUPP : (int)req.count;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static int read_stats(int fd, const char *name, uint64_t *accepted, uint64_t *refused)
{
	struct ethtool_gstrings *names;
	struct ethtool_stats *stats;
	int n = stats_count(fd, name), err = -ENOMEM;
	bool found = false;

	if (n < 0)
		return n;
	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	stats = calloc(1, sizeof(*stats) + (size_t)n * sizeof(uint64_t));
	if (names == NULL || stats == NULL)
		goto free_both;
	*names = (struct ethtool_gstrings){
		.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = (uint32_t)n};
	*stats = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = (uint32_t)n};
	err = ethtool(fd, name, names);
	if (err == 0)
		err = ethtool(fd, name, stats);
	if (err < 0)
		goto free_both;

	for (int i = 0; i < n; i++) {
		char *label = (char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		label[ETH_GSTRING_LEN - 1] = '\0';
		if (strncmp(label, "tx_queue_", 9) != 0)
			continue;
		if (ends_with(label, "_xdp_xmit")) {
			*accepted += stats->data[i];
			found = true;
		} else if (ends_with(label, "_xdp_xmit_errors")) {
			*refused += stats->data[i];
		}
	}
	err = found ? 0 : -EOPNOTSUPP;
free_both:
	free(names);
	free(stats);
	return err;
}

int pp_gen_link_xdp_xmit(const char *name, uint64_t *accepted_pkts, uint64_t *refused_pkts)
{
	uint64_t accepted = 0, refused = 0;
	int fd, err;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = read_stats(fd, name, &accepted, &refused);
	close(fd);
	if (err < 0)
		return err;
	*accepted_pkts = accepted;
	*refused_pkts = refused;
	return 0;
}
