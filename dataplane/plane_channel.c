// SPDX-License-Identifier: MIT OR Apache-2.0
#include "channel_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "plane_priv.h"

static void route_nothing(struct pp_plane *plane, uint32_t iface, uint32_t queue)
{
	uint32_t key = plane->rows.base[iface] + queue;

	bpf_map_delete_elem(plane->maps.xsks_fd, &key);
}

static int route_queue(struct pp_plane *plane, uint32_t iface, uint32_t queue)
{
	uint32_t key = plane->rows.base[iface] + queue;
	int fd = pp_port_fd(plane->iface[iface].port[queue]);

	return bpf_map_update_elem(plane->maps.xsks_fd, &key, &fd, BPF_ANY) ? -errno : 0;
}

// The descriptor outlives sockets: the program may have it in an epoll of its own.
static int listen_to(const struct pp_channel *channel, const struct pp_port *port)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (channel->epoll_fd < 0 ||
	    epoll_ctl(channel->epoll_fd, EPOLL_CTL_ADD, pp_port_fd(port), &event) == 0)
		return 0;
	return errno == EEXIST ? 0 : -errno;
}

static void listen_no_more(const struct pp_channel *channel)
{
	if (channel->epoll_fd >= 0 && channel->port != NULL)
		epoll_ctl(channel->epoll_fd, EPOLL_CTL_DEL, pp_port_fd(channel->port), NULL);
}

static struct pp_channel *create(struct pp_plane *plane, uint32_t iface, uint32_t queue)
{
	struct pp_channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->plane = plane;
	channel->iface = iface;
	channel->queue = queue;
	channel->epoll_fd = -1;
	if (pp_gate_init(&channel->gate) < 0) {
		free(channel);
		return NULL;
	}
	plane->iface[iface].channel[queue] = channel;
	return channel;
}

static int
check_open(const struct pp_plane *plane, uint32_t iface, uint32_t queue, struct pp_error *err)
{
	const struct pp_channel *channel;

	if (plane->config.route != PP_ROUTE_CHANNEL)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0,
				    "this plane was opened without channels: route is not "
				    "PP_ROUTE_CHANNEL in its configuration");
	if (iface >= plane->config.iface_count || queue >= PP_QUEUES_PER_IFACE_MAX)
		return pp_error_set(err, -ENOENT, 0, 0, "there is no interface %u, queue %u", iface,
				    queue);
	channel = plane->iface[iface].channel[queue];
	if (channel != NULL && channel->gate.state != PP_GATE_SHUT)
		return pp_error_set(err, -EBUSY, 0, 0, "the channel of %s queue %u is open already",
				    plane->config.iface[iface].name, queue);
	if (plane->iface[iface].netif.ifindex == 0)
		return pp_error_set(err, -ENETDOWN, 0, 0, "interface %s is gone",
				    plane->config.iface[iface].name);
	if (plane->iface[iface].port[queue] == NULL || plane->iface[iface].leaving[queue])
		return pp_error_set(err, -ENOENT, 0, 0, "%s has no socket on queue %u",
				    plane->config.iface[iface].name, queue);
	return 0;
}

static int open_channel(struct pp_channel **out,
			struct pp_plane *plane,
			uint32_t iface,
			uint32_t queue,
			struct pp_error *err)
{
	struct pp_channel *channel;
	int ret = check_open(plane, iface, queue, err);

	if (ret < 0)
		return ret;
	channel = plane->iface[iface].channel[queue] ?: create(plane, iface, queue);
	if (channel == NULL)
		return pp_plane_no_memory(err);
	__atomic_store_n(&channel->starving, 0, __ATOMIC_SEQ_CST);
	pp_channel_set_port(channel, plane->iface[iface].port[queue]);
	ret = listen_to(channel, channel->port);
	ret = ret ?: route_queue(plane, iface, queue);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "cannot route queue %u of %s: %s", queue,
				    plane->config.iface[iface].name, strerror(-ret));
	pp_gate_open(&channel->gate);
	*out = channel;
	return 0;
}

int pp_channel_open(struct pp_channel **out,
		    struct pp_plane *plane,
		    uint32_t iface,
		    uint32_t queue,
		    struct pp_error *err)
{
	int ret;

	pp_plane_lock(plane);
	ret = open_channel(out, plane, iface, queue, err);
	pp_plane_unlock(plane);
	return ret;
}

// The socket stays, for the next who opens the channel; so do frames that are still away.
static int close_channel(struct pp_channel *channel)
{
	uint32_t before = channel->gate.state;

	if (before == PP_GATE_SHUT)
		return -ESHUTDOWN;
	route_nothing(channel->plane, channel->iface, channel->queue);
	pp_gate_shut(&channel->gate, PP_GATE_SHUT);
	if (channel->port == NULL)
		return 0;
	if (before == PP_GATE_OPEN) {
		// A packet that a program judged just before is there after a grace period.
		pp_grace_wait(&channel->plane->maps.grace, NULL);
		pp_channel_drain(channel);
	}
	return (int)pp_channel_port_held(channel->port);
}

int pp_channel_close(struct pp_channel *channel)
{
	struct pp_plane *plane = channel->plane;
	int ret;

	pp_plane_lock(plane);
	ret = close_channel(channel);
	pp_plane_unlock(plane);
	return ret;
}

void pp_plane_channel_down(struct pp_plane *plane, uint32_t iface, uint32_t queue)
{
	struct pp_channel *channel = plane->iface[iface].channel[queue];

	if (channel == NULL || channel->gate.state != PP_GATE_OPEN)
		return;
	pp_gate_shut(&channel->gate, PP_GATE_DOWN);
	pp_channel_drain(channel);
}

void pp_plane_channel_up(struct pp_plane *plane, uint32_t iface, uint32_t queue)
{
	struct pp_channel *channel = plane->iface[iface].channel[queue];

	if (channel == NULL || channel->gate.state == PP_GATE_SHUT)
		return;
	pp_channel_set_port(channel, plane->iface[iface].port[queue]);
	if (listen_to(channel, channel->port) == 0 && route_queue(plane, iface, queue) == 0)
		pp_gate_open(&channel->gate);
}

bool pp_plane_channel_let_go(struct pp_plane *plane, uint32_t iface, uint32_t queue)
{
	struct pp_channel *channel = plane->iface[iface].channel[queue];

	if (channel == NULL)
		return true;
	if (!plane->closing && pp_channel_port_held(plane->iface[iface].port[queue]) > 0)
		return false;
	listen_no_more(channel);
	pp_channel_set_port(channel, NULL);
	return true;
}

void pp_plane_close_channels(struct pp_plane *plane)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++)
			if (plane->iface[i].channel[queue] != NULL)
				close_channel(plane->iface[i].channel[queue]);
}

void pp_plane_free_channels(struct pp_plane *plane)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++) {
			struct pp_channel *channel = plane->iface[i].channel[queue];

			if (channel == NULL)
				continue;
			if (channel->epoll_fd >= 0)
				close(channel->epoll_fd);
			pp_gate_fini(&channel->gate);
			free(channel);
		}
}

void pp_channel_ledger(const struct pp_channel *channel, struct pp_ledger_row *sum)
{
	if (channel != NULL)
		pp_rows_read(sum, &channel->ledger);
}

static void read_counters(const struct pp_channel *channel, struct pp_channel_stats *out)
{
	const uint64_t *v = channel->ledger.v;

	*out = (struct pp_channel_stats){
		.rx_pkts = __atomic_load_n(&v[PP_LEDGER_TO_PROGRAM], __ATOMIC_RELAXED),
		.rx_bytes = __atomic_load_n(&channel->rx_bytes, __ATOMIC_RELAXED),
		.tx_pkts = __atomic_load_n(&channel->tx_pkts, __ATOMIC_RELAXED),
		.tx_bytes = __atomic_load_n(&channel->tx_bytes, __ATOMIC_RELAXED),
		.tx_completed = __atomic_load_n(&v[PP_LEDGER_TX_COMPLETED], __ATOMIC_RELAXED),
		.tx_full = __atomic_load_n(&channel->tx_full, __ATOMIC_RELAXED),
		.refused = __atomic_load_n(&channel->refused, __ATOMIC_RELAXED),
	};
}

void pp_channel_stats(const struct pp_channel *channel, struct pp_channel_stats *out)
{
	const struct pp_port *port;
	struct pp_port_counts counts = {0};

	pp_plane_lock(channel->plane);
	port = channel->port;
	if (port != NULL)
		pp_port_count(port, &counts);
	read_counters(channel, out);
	pp_plane_unlock(channel->plane);
	out->frames = counts.frames;
	out->free = counts.free;
	out->receiving = counts.receiving;
	out->sending = counts.sending;
	out->held = counts.held;
	out->away = counts.away;
	out->returned = counts.returned;
}
