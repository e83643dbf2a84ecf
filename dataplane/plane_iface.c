// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <push-packet/clock.h>

// A second between attempts to get what was refused.
#define RETRY_NS 1000000000ull

int pp_plane_iface_attach(struct pp_plane *plane,
			  uint32_t index,
			  enum pp_where_kind *where,
			  struct pp_error *err)
{
	const struct pp_iface_config *config = &plane->config.iface[index];
	struct pp_plane_iface *iface = &plane->iface[index];
	int ret;

	ret = pp_tap_attach(iface->tap, iface->netif.ifindex, config->name, config->mode, err);
	if (ret < 0) {
		*where = ret == -EOPNOTSUPP ? PP_WHERE_IFACE_MODE : PP_WHERE_IFACE;
		return ret;
	}
	pp_tap_out_sweep(iface->netif.ifindex);
	ret = pp_plane_out_attach(plane, index, err);
	if (ret < 0) {
		*where = PP_WHERE_IFACE_EGRESS;
		return ret;
	}
	return pp_plane_open_ports(plane, index, where, err);
}

int pp_plane_watch(struct pp_plane *plane, struct pp_error *err)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};

	plane->netlink_fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (plane->netlink_fd < 0 ||
	    bind(plane->netlink_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot watch interfaces: %s",
				    strerror(errno));
	return 0;
}

__attribute__((format(printf, 3, 4))) static void
report(struct pp_plane *plane, uint32_t iface, const char *fmt, ...)
{
	struct pp_plane_event *event;
	va_list args;

	// Nobody has asked for a long time: the oldest goes.
	if (plane->event_count == PP_EVENTS_MAX)
		memmove(plane->event, plane->event + 1,
			--plane->event_count * sizeof(plane->event[0]));
	event = &plane->event[plane->event_count++];
	event->time_ns = pp_clock_ns(CLOCK_REALTIME);
	event->iface = iface;
	va_start(args, fmt);
	vsnprintf(event->text, sizeof(event->text), fmt, args);
	va_end(args);
}

void pp_plane_warn(struct pp_plane *plane, uint32_t iface, const char *text)
{
	report(plane, iface, "%s", text);
}

static void saw_deleted(struct pp_plane *plane, uint32_t index)
{
	struct pp_plane_iface *iface = &plane->iface[index];

	pp_tap_detach(iface->tap);
	if (iface->out != NULL)
		pp_tap_out_detach(iface->out);
	pp_plane_close_ports(plane, index);
	iface->netif.ifindex = 0;
	iface->netif.up = false;
	iface->retry = iface->retry_out = (struct pp_plane_retry){0};
	iface->times_deleted++;
	report(plane, index, "interface %s was deleted; waiting for it to return",
	       plane->config.iface[index].name);
}

// Say once what keeps an interface from working, and try again in a second.
static void
refuse(struct pp_plane *plane, uint32_t index, struct pp_plane_retry *retry, const char *why)
{
	if (!retry->refused)
		report(plane, index, "interface %s: %s; trying again",
		       plane->config.iface[index].name, why);
	retry->refused = true;
	retry->at_ns = pp_clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
}

static bool may_try(const struct pp_plane_retry *retry)
{
	return pp_clock_ns(CLOCK_MONOTONIC) >= retry->at_ns;
}

static void open_missing_ports(struct pp_plane *plane, uint32_t index)
{
	struct pp_plane_retry *retry = &plane->iface[index].retry;
	struct pp_error err;

	if (pp_plane_retry_ports(plane, index, &err))
		*retry = (struct pp_plane_retry){0};
	else
		refuse(plane, index, retry, err.text);
}

// What is sent goes unjudged until this succeeds.
static void attach_out(struct pp_plane *plane, uint32_t index)
{
	struct pp_plane_retry *retry = &plane->iface[index].retry_out;
	struct pp_error err;

	if (pp_plane_out_attach(plane, index, &err) == 0)
		*retry = (struct pp_plane_retry){0};
	else
		refuse(plane, index, retry, err.text);
}

// Anybody may take a clsact qdisc away, and our filter with it.
static void look_at_out(struct pp_plane *plane, uint32_t index)
{
	struct pp_plane_iface *iface = &plane->iface[index];

	if (iface->out == NULL || pp_tap_out_alive(iface->out)) {
		iface->retry_out = (struct pp_plane_retry){0};
		return;
	}
	if (!may_try(&iface->retry_out))
		return;
	if (pp_tap_out_attached(iface->out) != PP_EGRESS_AUTO)
		report(plane, index,
		       "somebody removed the filter on what %s sends; putting it back",
		       plane->config.iface[index].name);
	attach_out(plane, index);
}

static void saw_returned(struct pp_plane *plane, uint32_t index, const struct pp_netif *now)
{
	const struct pp_iface_config *config = &plane->config.iface[index];
	struct pp_plane_iface *iface = &plane->iface[index];
	struct pp_error err;

	if (now->frame_kind != plane->frame_kind[index]) {
		refuse(plane, index, &iface->retry,
		       "returned as another kind of interface (Ethernet or raw IP)");
		return;
	}
	if (pp_tap_attach(iface->tap, now->ifindex, config->name, config->mode, &err) < 0) {
		refuse(plane, index, &iface->retry, err.text);
		return;
	}
	iface->netif = *now;
	iface->retry = (struct pp_plane_retry){0};
	iface->times_returned++;
	report(plane, index, "interface %s returned and is attached again", config->name);
	attach_out(plane, index);
	open_missing_ports(plane, index);
}

static void saw_channels(struct pp_plane *plane, uint32_t index, const struct pp_netif *now)
{
	struct pp_plane_iface *iface = &plane->iface[index];
	const char *name = plane->config.iface[index].name;
	uint32_t before = iface->netif.queue_count;

	iface->netif.queue_count = now->queue_count;
	iface->times_channels++;
	report(plane, index, "interface %s has %u receive queues now, %u before", name,
	       now->queue_count, before);
	if (pp_tap_renew(iface->tap) < 0)
		report(plane, index, "the program could not be set on the queues of %s again",
		       name);
	open_missing_ports(plane, index);
	if (now->queue_count > plane->rows.count[index] - 1u)
		report(plane, index, "queues from %u on of %s have no socket; restart to use them",
		       plane->rows.count[index] - 1u, name);
}

static void saw_changes(struct pp_plane *plane, uint32_t index, const struct pp_netif *now)
{
	struct pp_plane_iface *iface = &plane->iface[index];
	const char *name = plane->config.iface[index].name;

	if (now->up != iface->netif.up) {
		*(now->up ? &iface->times_up : &iface->times_down) += 1;
		iface->netif.up = now->up;
		report(plane, index, "interface %s is %s", name, now->up ? "up" : "down");
	}
	if (now->mtu_bytes != iface->netif.mtu_bytes) {
		report(plane, index, "interface %s has an MTU of %u now, %u before", name,
		       now->mtu_bytes, iface->netif.mtu_bytes);
		iface->netif.mtu_bytes = now->mtu_bytes;
		iface->times_mtu++;
	}
	if (now->queue_count != iface->netif.queue_count)
		saw_channels(plane, index, now);
}

// Deleted, or replaced: the number may be the same, the program knows that its interface went.
static bool is_gone(const struct pp_plane_iface *iface, const struct pp_netif *now)
{
	return now->ifindex != iface->netif.ifindex || !pp_tap_alive(iface->tap);
}

static void look_at(struct pp_plane *plane, uint32_t index)
{
	struct pp_plane_iface *iface = &plane->iface[index];
	struct pp_netif now;
	int ret = pp_netif_get(plane->config.iface[index].name, &now);

	if (ret < 0 && ret != -ENODEV)
		return;
	if (ret == -ENODEV)
		now.ifindex = 0;
	if (iface->netif.ifindex != 0 && is_gone(iface, &now))
		saw_deleted(plane, index);
	if (now.ifindex == 0)
		return;
	if (iface->netif.ifindex != 0) {
		saw_changes(plane, index, &now);
		look_at_out(plane, index);
		if (iface->retry.refused && may_try(&iface->retry))
			open_missing_ports(plane, index);
	} else if (may_try(&iface->retry)) {
		saw_returned(plane, index, &now);
	}
}

int pp_plane_fd(const struct pp_plane *plane)
{
	return plane->netlink_fd;
}

static uint32_t poll_locked(struct pp_plane *plane, struct pp_plane_event *event, uint32_t max)
{
	char sink[8192];
	uint32_t n;

	// What the messages say is asked again anyway: one may be lost, the state is not.
	while (recv(plane->netlink_fd, sink, sizeof(sink), 0) > 0)
		;
	for (uint32_t i = 0; !plane->stopped && i < plane->config.iface_count; i++)
		look_at(plane, i);
	pp_maps_share(&plane->maps);
	n = plane->event_count < max ? plane->event_count : max;
	memcpy(event, plane->event, n * sizeof(event[0]));
	plane->event_count -= n;
	memmove(plane->event, plane->event + n, plane->event_count * sizeof(plane->event[0]));
	return n;
}

uint32_t pp_plane_poll(struct pp_plane *plane, struct pp_plane_event *event, uint32_t max)
{
	uint32_t n;

	pp_plane_lock(plane);
	n = poll_locked(plane, event, max);
	pp_plane_unlock(plane);
	return n;
}
