// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "channel_priv.h"
#include "worker.h"

#define WAIT_NS (1000 * 1000)
#define WAITS 300
#define TAKEN_POLL_NS (100 * 1000)
#define TAKEN_POLLS 10000

bool pp_plane_wants_queue(const struct pp_iface_config *config, uint32_t queue)
{
	if (config->queues_all)
		return true;
	for (uint32_t i = 0; i < config->queue_count; i++)
		if (config->queue[i] == queue)
			return true;
	return false;
}

// Give a worker the ports that are its own at this moment.
static void publish_ports(struct pp_plane *plane, uint32_t worker)
{
	struct pp_port **serve = plane->serve, **leaving = plane->leaving;
	uint32_t serve_count = 0, leaving_count = 0;

	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++) {
			struct pp_plane_iface *iface = &plane->iface[i];

			if (iface->port[queue] == NULL || iface->worker[queue] != worker)
				continue;
			if (iface->leaving[queue])
				leaving[leaving_count++] = iface->port[queue];
			else
				serve[serve_count++] = iface->port[queue];
		}
	pp_worker_set_ports(plane->worker[worker], serve, serve_count, leaving, leaving_count);
}

// Some are not there where an opening failed half-way.
static void publish_all(struct pp_plane *plane)
{
	for (uint32_t i = 0; i < plane->worker_count; i++)
		if (plane->worker[i] != NULL)
			publish_ports(plane, i);
}

// The worker that a queue is to have. Who forwards serves queues of the same number on all interfaces:
// it alone may put frames into the transmit ring that they go to.
static uint16_t next_worker(struct pp_plane *plane, uint32_t queue)
{
	return (uint16_t)((plane->forwards ? queue : plane->next_worker++) % plane->worker_count);
}

static int open_port(struct pp_plane *plane,
		     uint32_t index,
		     uint32_t queue,
		     enum pp_where_kind *where,
		     struct pp_error *err)
{
	struct pp_plane_iface *iface = &plane->iface[index];
	const struct pp_port_params params = {
		.iface_name = plane->config.iface[index].name,
		.iface = index,
		.queue = queue,
		.row = plane->rows.base[index] + queue,
		.frame_kind = plane->frame_kind[index],
		.numa_node = iface->netif.numa_node,
		.can_send = queue < iface->netif.tx_queue_count,
		.bind = plane->bind_copy ? PP_BIND_COPY : plane->config.iface[index].bind,
		.skb = pp_tap_mode(iface->tap) == PP_XDP_SKB,
		.patient = !plane->started,
		.shared = plane->config.umem_shared ? &plane->pool : NULL,
		.shared_ports = plane->shared_ports,
		.config = &plane->config,
	};
	uint32_t key = params.row;
	int fd, ret;

	ret = pp_port_open(&iface->port[queue], &params, where, err);
	if (ret < 0)
		return ret;
	if (plane->config.route == PP_ROUTE_CHANNEL) {
		pp_plane_channel_up(plane, index, queue);
		return 0;
	}
	if (iface->worker[queue] == UINT16_MAX)
		iface->worker[queue] = next_worker(plane, queue);
	publish_ports(plane, iface->worker[queue]);
	fd = pp_port_fd(iface->port[queue]);
	if (bpf_map_update_elem(plane->maps.xsks_fd, &key, &fd, BPF_ANY)) {
		struct pp_port *port = iface->port[queue];

		ret = pp_error_set(err, -errno, 0, 0, "cannot route queue %u of %s: %s", queue,
				   params.iface_name, strerror(errno));
		iface->port[queue] = NULL;
		publish_ports(plane, iface->worker[queue]);
		pp_port_close(port);
	}
	return ret;
}

int pp_plane_open_ports(struct pp_plane *plane,
			uint32_t index,
			enum pp_where_kind *where,
			struct pp_error *err)
{
	const struct pp_iface_config *config = &plane->config.iface[index];
	struct pp_plane_iface *iface = &plane->iface[index];
	uint32_t queues = plane->rows.count[index] - 1u;

	if (queues > iface->netif.queue_count)
		queues = iface->netif.queue_count;
	for (uint32_t queue = 0; queue < queues; queue++) {
		int ret = 0;

		if (plane->config.route != PP_ROUTE_OFF && iface->port[queue] == NULL &&
		    pp_plane_wants_queue(config, queue))
			ret = open_port(plane, index, queue, where, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

// Wait until it is 0 for every port of the interface, but not for ever. Without workers nothing
// would change.
static void wait_until(const struct pp_plane *plane,
		       const struct pp_plane_iface *iface,
		       uint32_t (*busy)(const struct pp_port *port))
{
	const struct timespec pause = {.tv_nsec = WAIT_NS};

	bool workers = plane->started && !plane->stopped && plane->worker_count > 0;

	for (int i = 0; workers && i < WAITS; i++) {
		uint32_t sum = 0;

		for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++)
			if (iface->port[queue] != NULL)
				sum += busy(iface->port[queue]);
		if (sum == 0)
			return;
		nanosleep(&pause, NULL);
	}
}

static uint32_t received(const struct pp_port *port)
{
	return !pp_port_rx_empty(port);
}

// @param polls  How often it may still be looked, less what was used.
static bool wait_port_taken(const struct pp_port *port, uint32_t *polls)
{
	const struct timespec pause = {.tv_nsec = TAKEN_POLL_NS};
	uint32_t received = pp_port_rx_received(port);

	for (; !pp_port_rx_taken(port, received); --*polls) {
		if (*polls == 0)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

// Port after port: what has been received when its turn comes holds what had been before.
int pp_plane_wait_taken(const struct pp_plane *plane, struct pp_error *err)
{
	uint32_t polls = plane->started && !plane->stopped ? TAKEN_POLLS : 0;

	if (plane->config.route != PP_ROUTE_WORKERS)
		return 0;
	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++) {
			const struct pp_plane_iface *iface = &plane->iface[i];

			if (iface->port[queue] == NULL || iface->leaving[queue] ||
			    wait_port_taken(iface->port[queue], &polls))
				continue;
			return pp_error_set(err, -ETIMEDOUT, 0, 0,
					    "queue %u of %s: its worker does not take the packets "
					    "that the old rules routed",
					    queue, plane->config.iface[i].name);
		}
	return 0;
}

// Close the ports that leave and have every frame back. No worker knows a port when its frames
// are unmapped; without workers the analysers are joined too, and no frame is away.
static void reap_ports(struct pp_plane *plane, uint32_t index)
{
	struct pp_plane_iface *iface = &plane->iface[index];
	struct pp_port *gone[PP_QUEUES_PER_IFACE_MAX];
	bool idle = !plane->started || plane->stopped;
	uint32_t n = 0;

	for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++) {
		if (!iface->leaving[queue] || (!idle && pp_port_lent(iface->port[queue]) > 0))
			continue;
		if (!pp_plane_channel_let_go(plane, index, queue))
			continue;
		gone[n++] = iface->port[queue];
		iface->port[queue] = NULL;
		iface->leaving[queue] = false;
	}
	if (n > 0)
		publish_all(plane);
	for (uint32_t i = 0; i < n; i++) {
		pp_port_stats(gone[i], &plane->retired[pp_port_info(gone[i])->row]);
		pp_port_close(gone[i]);
	}
}

// In three steps, each known to the workers before the next: nothing more comes in; nothing more
// is taken; every frame is back. A frame that does not come back keeps its port, and the queue
// without a new one, until it does.
void pp_plane_close_ports(struct pp_plane *plane, uint32_t index)
{
	struct pp_plane_iface *iface = &plane->iface[index];

	for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++) {
		uint32_t key = plane->rows.base[index] + queue;

		if (iface->port[queue] != NULL)
			bpf_map_delete_elem(plane->maps.xsks_fd, &key);
		pp_plane_channel_down(plane, index, queue);
	}
	wait_until(plane, iface, received);
	for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++)
		iface->leaving[queue] = iface->port[queue] != NULL;
	publish_all(plane);
	wait_until(plane, iface, pp_port_lent);
	reap_ports(plane, index);
}

// A port that leaves looks like one that is there, and is tried again until it is gone.
bool pp_plane_retry_ports(struct pp_plane *plane, uint32_t index, struct pp_error *err)
{
	enum pp_where_kind where;

	reap_ports(plane, index);
	if (pp_plane_open_ports(plane, index, &where, err) < 0)
		return false;
	for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++)
		if (plane->iface[index].leaving[queue]) {
			pp_error_set(err, -EBUSY, 0, 0, "frames of queue %u are still away", queue);
			return false;
		}
	return true;
}
