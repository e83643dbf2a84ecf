// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gen_pace.h"

#define DEVICE "/dev/net/tun"
#define READ_BYTES 65600
#define STALL_NS 10000000000u
// Packets wait in the device's queue while we do not read.
#define QUEUE_PKTS 8192

struct pp_gen_tun {
	int fd;
	char name[IFNAMSIZ];
	const struct pp_gen_plan *plan;
	struct pp_gen_cursor cursor;
	struct pp_gen_check *check;
	uint8_t *frame;
	uint8_t *in;
};

static int attach(int fd, const char *name, bool tap)
{
	struct ifreq req = {.ifr_flags = (short)((tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI)};

	memcpy(req.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &req) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	req.ifr_flags |= IFF_MULTI_QUEUE; // it was made that way
	return ioctl(fd, TUNSETIFF, &req) < 0 ? -errno : 0;
}

// A device that we created: up, and with room for what comes back.
static int set_up(const char *name)
{
	struct ifreq req = {.ifr_qlen = QUEUE_PKTS};
	int sock, err = 0;

	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	memcpy(req.ifr_name, name, strlen(name) + 1);
	if (ioctl(sock, SIOCSIFTXQLEN, &req) < 0 || ioctl(sock, SIOCGIFFLAGS, &req) < 0) {
		err = -errno;
		goto close_sock;
	}
	req.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &req) < 0)
		err = -errno;
close_sock:
	close(sock);
	return err;
}

static int fail(struct pp_error *err, const char *name, int ret)
{
	const char *why = "";

	if (ret == -EPERM)
		why = " (CAP_NET_ADMIN is needed, or it is not a tun or tap device)";
	else if (ret == -EBUSY)
		why = ": another process has it open";
	else if (ret == -EINVAL)
		why = ": it is not a tun or tap device";
	return pp_error_set(err, ret, 0, 0, "%s: " DEVICE ": %s%s", name, strerror(-ret), why);
}

int pp_gen_tun_open(struct pp_gen_tun **out,
		    const char *name,
		    bool tap,
		    bool create,
		    struct pp_gen_check *check,
		    struct pp_error *err)
{
	struct pp_gen_tun *tun;
	int ret;

	tun = calloc(1, sizeof(*tun));
	if (tun == NULL)
		return fail(err, name, -ENOMEM);
	tun->fd = -1;
	tun->check = check;
	memcpy(tun->name, name, strlen(name) + 1);
	tun->in = malloc(READ_BYTES);
	if (tun->in == NULL) {
		ret = -ENOMEM;
		goto close_tun;
	}
	tun->fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tun->fd < 0) {
		ret = -errno;
		goto close_tun;
	}
	ret = attach(tun->fd, name, tap);
	if (ret == 0 && create)
		ret = set_up(name);
	if (ret < 0)
		goto close_tun;
	*out = tun;
	return 0;

close_tun:
	pp_gen_tun_close(tun);
	return fail(err, name, ret);
}

void pp_gen_tun_close(struct pp_gen_tun *tun)
{
	if (tun == NULL)
		return;
	if (tun->fd >= 0)
		close(tun->fd);
	free(tun->frame);
	free(tun->in);
	free(tun);
}

int pp_gen_tun_set_plan(struct pp_gen_tun *tun, const struct pp_gen_plan *plan)
{
	tun->frame = malloc(plan->size_bytes);
	if (tun->frame == NULL)
		return -ENOMEM;
	memcpy(tun->frame, plan->image, plan->size_bytes);
	tun->plan = plan;
	return 0;
}

int pp_gen_tun_fd(const struct pp_gen_tun *tun)
{
	return tun->fd;
}

void pp_gen_tun_receive(void *arg)
{
	struct pp_gen_tun *tun = arg;
	ssize_t n;

	while ((n = read(tun->fd, tun->in, READ_BYTES)) > 0)
		pp_gen_check_frame(tun->check, tun->in, (uint32_t)n);
}

// Write one packet, waiting while the device has no room.
static int write_one(struct pp_gen_tun *tun)
{
	struct pollfd fd = {.fd = tun->fd, .events = POLLOUT};
	uint64_t since_ns = 0;
	ssize_t n;

	for (;;) {
		n = write(tun->fd, tun->frame, tun->plan->size_bytes);
		if (n >= 0)
			return n == (ssize_t)tun->plan->size_bytes ? 0 : -EIO;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != ENOBUFS)
			return -errno;
		if (since_ns == 0)
			since_ns = pp_gen_now_ns();
		else if (pp_gen_now_ns() - since_ns > STALL_NS)
			return -ETIMEDOUT;
		pp_gen_tun_receive(tun);
		poll(&fd, 1, 1);
	}
}

int pp_gen_tun_send(void *arg, uint64_t n, uint64_t *sent, struct pp_error *err)
{
	struct pp_gen_tun *tun = arg;
	int ret;

	for (*sent = 0; *sent < n; ++*sent) {
		pp_gen_packet_write(tun->plan, &tun->cursor, tun->frame);
		ret = write_one(tun);
		if (ret < 0)
			return pp_error_set(err, ret, 0, 0, "%s: %s%s", tun->name, strerror(-ret),
					    ret == -EIO ? ": bring the interface up" : "");
		if (*sent % PP_GEN_BURST_MAX == PP_GEN_BURST_MAX - 1)
			pp_gen_tun_receive(tun);
	}
	pp_gen_tun_receive(tun);
	return 0;
}
