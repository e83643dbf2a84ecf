// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_socket.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gen_pace.h"

#define SNDBUF_BYTES (4 << 20)
#define ETHER_BYTES 14
#define TAG_BYTES 4
#define STALL_NS 10000000000u
#define RETRY_NS 50000
#define SEND_WAIT_NS 1000000000u

struct pp_gen_socket {
	int fd;
	const struct pp_gen_plan *plan;
	struct pp_gen_cursor cursor;
	char name[IFNAMSIZ];
	uint64_t dropped_before;
	uint64_t refused; // by the driver, reported to us and sent again
	uint8_t *frames; // PP_GEN_BURST_MAX, one after the other
	struct iovec iov[PP_GEN_BURST_MAX];
	struct mmsghdr msg[PP_GEN_BURST_MAX];
};

uint32_t pp_gen_socket_size_max(const struct pp_gen_link *link, const struct pp_gen_spec *spec)
{
	if (spec->raw_ip)
		return link->mtu_bytes;
	// The kernel lets one 802.1Q tag go on top of the MTU, and only that.
	return link->mtu_bytes + ETHER_BYTES + (spec->vlan_count == 1 ? TAG_BYTES : 0);
}

static int open_fd(const struct pp_gen_link *link)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_ifindex = (int)link->ifindex};
	const struct timeval wait = {.tv_sec = SEND_WAIT_NS / 1000000000u};
	int fd, err, bytes = SNDBUF_BYTES, one = 1;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); // protocol 0: receives nothing
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	// Both only make it faster; unprivileged limits may refuse them.
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	return fd;
}

int pp_gen_socket_open(struct pp_gen_socket **out,
		       const struct pp_gen_link *link,
		       const struct pp_gen_plan *plan,
		       struct pp_error *err)
{
	struct pp_gen_socket *sock;
	int ret;

	sock = calloc(1, sizeof(*sock));
	if (sock == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	sock->fd = -1;
	sock->plan = plan;
	memcpy(sock->name, link->name, sizeof(sock->name));
	sock->frames = malloc((size_t)PP_GEN_BURST_MAX * plan->size_bytes);
	if (sock->frames == NULL) {
		ret = pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
		goto close_sock;
	}
	for (uint32_t i = 0; i < PP_GEN_BURST_MAX; i++) {
		uint8_t *frame = sock->frames + (size_t)i * plan->size_bytes;

		memcpy(frame, plan->image, plan->size_bytes);
		sock->iov[i] = (struct iovec){.iov_base = frame, .iov_len = plan->size_bytes};
		sock->msg[i].msg_hdr = (struct msghdr){.msg_iov = &sock->iov[i], .msg_iovlen = 1};
	}
	ret = open_fd(link);
	if (ret < 0) {
		pp_error_set(err, ret, 0, 0, "%s: packet socket: %s%s", link->name, strerror(-ret),
			     ret == -EPERM ? " (CAP_NET_RAW is needed)" : "");
		goto close_sock;
	}
	sock->fd = ret;
	sock->dropped_before = link->tx_dropped_pkts;
	*out = sock;
	return 0;

close_sock:
	pp_gen_socket_close(sock);
	return ret;
}

void pp_gen_socket_close(struct pp_gen_socket *sock)
{
	if (sock == NULL)
		return;
	if (sock->fd >= 0)
		close(sock->fd);
	free(sock->frames);
	free(sock);
}

// Send frames that are already written.
//
// The socket blocks, so what ends a sendmmsg() early is the driver's refusal (ENOBUFS), of which
// we hear only when it strikes the first frame of a call; or a wait of SEND_WAIT_NS in vain.
static int send_burst(struct pp_gen_socket *sock, uint32_t n, uint64_t *sent)
{
	uint64_t progress_ns = pp_gen_now_ns(), call_ns = progress_ns, now_ns;
	uint32_t done = 0;
	int ret;

	while (done < n) {
		ret = sendmmsg(sock->fd, sock->msg + done, n - done, 0);
		if (ret < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			return -errno;
		now_ns = pp_gen_now_ns();
		if (ret > 0) {
			done += (uint32_t)ret;
			*sent += (uint32_t)ret;
			progress_ns = now_ns;
		}
		if (done < n && now_ns - progress_ns > STALL_NS)
			return -ETIMEDOUT;
		if (ret < 0 ? errno == ENOBUFS : done < n && now_ns - call_ns < SEND_WAIT_NS) {
			sock->refused++;
			nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
		}
		call_ns = pp_gen_now_ns();
	}
	return 0;
}

int pp_gen_socket_send(void *arg, uint64_t n, uint64_t *sent, struct pp_error *err)
{
	struct pp_gen_socket *sock = arg;
	uint64_t left = n;
	int ret;

	*sent = 0;
	while (left > 0) {
		uint32_t burst = left < PP_GEN_BURST_MAX ? (uint32_t)left : PP_GEN_BURST_MAX;

		for (uint32_t i = 0; i < burst; i++)
			pp_gen_packet_write(sock->plan, &sock->cursor, sock->iov[i].iov_base);
		ret = send_burst(sock, burst, sent);
		if (ret < 0)
			return pp_error_set(err, ret, 0, 0, "%s: %s", sock->name,
					    ret == -ETIMEDOUT ? "it took no frame for ten seconds"
							      : strerror(-ret));
		left -= burst;
	}
	return 0;
}

int64_t pp_gen_socket_dropped(const struct pp_gen_socket *sock)
{
	struct pp_gen_link now;
	uint64_t dropped;

	if (pp_gen_link_get(sock->name, &now) < 0)
		return -1;
	dropped = now.tx_dropped_pkts - sock->dropped_before;
	return dropped >= sock->refused ? (int64_t)(dropped - sock->refused) : 0;
}
