// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MTU_BYTES 1500

// Of a veth pair, by its end.
struct end {
	const char *name;
	const char *address;
	uint8_t mac[6];
};

struct pair {
	struct end rx, src;
};

static const struct pair first = {
	.rx = {PP_BENCH_LAB_RX_IFACE, "192.0.2.1", {2, 0, 0, 0, 0, 1}},
	.src = {PP_BENCH_LAB_SRC_IFACE, "192.0.2.2", {2, 0, 0, 0, 0, 2}},
};
static const struct pair second = {
	.rx = {PP_BENCH_LAB_OUT_IFACE, "198.51.100.1", {2, 0, 0, 0, 0, 3}},
	.src = {PP_BENCH_LAB_END_IFACE, "198.51.100.2", {2, 0, 0, 0, 0, 4}},
};

// A netlink message that is being written.
struct message {
	struct nlmsghdr head;
	uint8_t body[512];
};

static struct rtattr *end_of(struct message *msg)
{
	return (void *)((uint8_t *)msg + NLMSG_ALIGN(msg->head.nlmsg_len));
}

static void add(struct message *msg, uint16_t type, const void *data, size_t n)
{
	struct rtattr *attr = end_of(msg);

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(attr), data, n);
	msg->head.nlmsg_len = NLMSG_ALIGN(msg->head.nlmsg_len) + RTA_ALIGN(attr->rta_len);
}

static struct rtattr *begin_nest(struct message *msg, uint16_t type)
{
	struct rtattr *nest = end_of(msg);

	add(msg, type | NLA_F_NESTED, NULL, 0);
	return nest;
}

static void end_nest(struct message *msg, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)((uint8_t *)end_of(msg) - (uint8_t *)nest);
}

// What both ends have.
static void add_end(struct message *msg, const struct end *end)
{
	const uint32_t mtu = MTU_BYTES, one = 1;

	add(msg, IFLA_IFNAME, end->name, strlen(end->name) + 1);
	add(msg, IFLA_ADDRESS, end->mac, sizeof(end->mac));
	add(msg, IFLA_MTU, &mtu, sizeof(mtu));
	add(msg, IFLA_NUM_RX_QUEUES, &one, sizeof(one));
	add(msg, IFLA_NUM_TX_QUEUES, &one, sizeof(one));
}

// Send a request and wait for what the kernel says of it.
static int ask(struct message *msg)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), ret = 0;
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		uint8_t rest[1024];
	} reply;

	if (fd < 0)
		return -errno;
	if (send(fd, msg, msg->head.nlmsg_len, 0) < 0 || recv(fd, &reply, sizeof(reply), 0) < 0)
		ret = -errno;
	else
		ret = reply.head.nlmsg_type == NLMSG_ERROR ? reply.error.error : -EPROTO;
	close(fd);
	return ret;
}

// Make the source's end in the calling thread's namespace and the other one in that of rx_fd.
static int create_pair(const struct pair *pair, int rx_fd)
{
	struct message msg = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			 .nlmsg_type = RTM_NEWLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
	};
	struct rtattr *link, *data, *peer;

	add_end(&msg, &pair->src);
	link = begin_nest(&msg, IFLA_LINKINFO);
	add(&msg, IFLA_INFO_KIND, "veth", 4);
	data = begin_nest(&msg, IFLA_INFO_DATA);
	peer = begin_nest(&msg, VETH_INFO_PEER);
	msg.head.nlmsg_len += sizeof(struct ifinfomsg);
	add_end(&msg, &pair->rx);
	add(&msg, IFLA_NET_NS_FD, &rx_fd, sizeof(rx_fd));
	end_nest(&msg, peer);
	end_nest(&msg, data);
	end_nest(&msg, link);
	return ask(&msg);
}

// Packets that the kernel merges are not those that were sent. An interface without the feature
// refuses, which is as good.
static void no_offload(int fd, const char *name, uint32_t command)
{
	struct ethtool_value off = {.cmd = command};
	struct ifreq req = {.ifr_data = (void *)&off};

	strncpy(req.ifr_name, name, IFNAMSIZ - 1);
	ioctl(fd, SIOCETHTOOL, &req);
}

// Give an interface of this namespace its address and bring it up.
static int bring_up(const struct end *end)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct ifreq req = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	no_offload(fd, end->name, ETHTOOL_STSO);
	no_offload(fd, end->name, ETHTOOL_SGSO);
	strncpy(req.ifr_name, end->name, IFNAMSIZ - 1);
	inet_pton(AF_INET, end->address, &in.sin_addr);
	memcpy(&req.ifr_addr, &in, sizeof(in));
	if (ioctl(fd, SIOCSIFADDR, &req) < 0)
		ret = -errno;
	inet_pton(AF_INET, "255.255.255.0", &in.sin_addr);
	memcpy(&req.ifr_netmask, &in, sizeof(in));
	if (ret == 0 && ioctl(fd, SIOCSIFNETMASK, &req) < 0)
		ret = -errno;
	// No ARP: what the kernel sends by itself must draw no answer that would be counted.
	req.ifr_flags = IFF_UP | IFF_NOARP;
	if (ret == 0 && ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

// Packets that the kernel sends by itself would be counted as ours. A kernel without IPv6 sends
// none, so that a failure is no error.
static void silence_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) < 0)
		errno = 0;
	close(fd);
}

static int open_here(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_new(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	silence_ipv6();
	return open_here();
}

static int enter(const struct pp_bench_lab *lab, enum pp_bench_side side)
{
	return setns(lab->fd[side], CLONE_NEWNET) < 0 ? -errno : 0;
}

// Leaves the calling thread at home.
static int connect_sides(const struct pp_bench_lab *lab, const struct pair *pair)
{
	int ret = enter(lab, PP_BENCH_SRC), home_ret;

	if (ret == 0)
		ret = create_pair(pair, lab->fd[PP_BENCH_RX]);
	if (ret == 0)
		ret = bring_up(&pair->src);
	if (ret == 0)
		ret = enter(lab, PP_BENCH_RX);
	if (ret == 0)
		ret = bring_up(&pair->rx);
	home_ret = enter(lab, PP_BENCH_HOME);
	return ret < 0 ? ret : home_ret;
}

static int build(struct pp_bench_lab *lab)
{
	int ret = lab->fd[PP_BENCH_HOME] = open_here();

	if (ret < 0)
		return ret;
	ret = lab->fd[PP_BENCH_RX] = open_new();
	if (ret >= 0)
		ret = lab->fd[PP_BENCH_SRC] = open_new();
	if (ret >= 0)
		return connect_sides(lab, &first);
	enter(lab, PP_BENCH_HOME);
	return ret;
}

static int why(int ret, struct pp_error *err)
{
	return pp_error_set(err, ret, 0, 0, "cannot make a laboratory: %s", strerror(-ret));
}

int pp_bench_lab_open(struct pp_bench_lab *lab, struct pp_error *err)
{
	int ret;

	*lab = (struct pp_bench_lab){.fd = {-1, -1, -1}};
	ret = build(lab);
	if (ret == -EPERM)
		return pp_error_set(err, ret, 0, 0,
				    "a laboratory of network namespaces needs CAP_SYS_ADMIN and "
				    "CAP_NET_ADMIN; or name an interface with --interface");
	return ret < 0 ? why(ret, err) : 0;
}

int pp_bench_lab_add_pair(struct pp_bench_lab *lab, struct pp_error *err)
{
	int ret = connect_sides(lab, &second);

	return ret < 0 ? why(ret, err) : 0;
}

void pp_bench_lab_close(struct pp_bench_lab *lab)
{
	for (int i = 0; i < PP_BENCH_SIDES; i++) {
		if (lab->fd[i] >= 0)
			close(lab->fd[i]);
		lab->fd[i] = -1;
	}
}

int pp_bench_lab_enter(const struct pp_bench_lab *lab,
		       enum pp_bench_side side,
		       struct pp_error *err)
{
	if (lab->fd[side] < 0 || setns(lab->fd[side], CLONE_NEWNET) == 0)
		return 0;
	return pp_error_set(err, -errno, 0, 0, "setns: %s", strerror(errno));
}
