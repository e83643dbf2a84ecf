// SPDX-License-Identifier: MIT OR Apache-2.0
#include "port_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/if_xdp.h>

#ifndef SO_INCOMING_NAPI_ID
#define SO_INCOMING_NAPI_ID 56
#endif

#define BIND_RETRY_NS (10 * 1000 * 1000)
#define BIND_RETRIES 30
#define LENT_DEFAULT 1024 // frames that analysers can hold unless the configuration says more

static int bind_once(struct pp_port *port, const struct pp_port_params *params, uint16_t flags)
{
	const struct xsk_socket_config socket_config = {
		.rx_size = params->config->rx_slots,
		.tx_size = params->config->tx_slots,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = flags | XDP_USE_NEED_WAKEUP,
	};

	return xsk_socket__create_shared(&port->socket, params->iface_name, params->queue,
					 port->pool->xsk_umem, &port->rx, &port->tx, &port->fill,
					 &port->completion, &socket_config);
}

static int bind_patiently(struct pp_port *port, const struct pp_port_params *params, uint16_t flags)
{
	const struct timespec pause = {.tv_nsec = BIND_RETRY_NS};
	int ret = bind_once(port, params, flags);

	for (int i = 0; params->patient && ret == -EBUSY && i < BIND_RETRIES; i++) {
		nanosleep(&pause, NULL);
		ret = bind_once(port, params, flags);
	}
	return ret;
}

static int create_pool(struct pp_port *port,
		       const struct pp_port_params *params,
		       bool spread,
		       enum pp_where_kind *where,
		       struct pp_error *err)
{
	const struct pp_plane_config *config = params->config;
	const struct pp_pool_params pool = {
		.home_count = port->shared != NULL ? params->shared_ports : 1,
		.home_frames = port->info.frames,
		.chunk_bytes = config->chunk_bytes,
		.fill_slots = config->fill_slots,
		.completion_slots = config->completion_slots,
		.hugepages = config->hugepages,
		.numa_node = params->numa_node,
		.spread = spread,
	};
	int ret = pp_pool_create(&port->pool, &pool, &port->fill, &port->completion, err);

	if (ret < 0)
		*where = ret == -EINVAL ? PP_WHERE_FRAMES : PP_WHERE_HUGEPAGES;
	return ret;
}

static int refuse_bind(const struct pp_port_params *params,
		       int ret,
		       enum pp_where_kind *where,
		       struct pp_error *err)
{
	if (ret == -EBUSY)
		return pp_error_set(err, ret, 0, 0,
				    "queue %u of %s has an AF_XDP socket already: another program "
				    "holds it; stop that first or leave the queue out of queues:",
				    params->queue, params->iface_name);
	if (ret == -EOPNOTSUPP)
		*where = PP_WHERE_IFACE_BIND;
	if (ret == -EOPNOTSUPP && params->bind == PP_BIND_ZEROCOPY)
		return pp_error_set(err, ret, 0, 0,
				    "interface %s has no zero-copy AF_XDP; set bind: auto or copy",
				    params->iface_name);
	return pp_error_set(err, ret, 0, 0, "cannot bind an AF_XDP socket to %s queue %u: %s",
			    params->iface_name, params->queue, strerror(-ret));
}

// In the memory of a port that is there: the kernel binds this socket as it did that one.
static int share_socket(struct pp_port *port,
			const struct pp_port_params *params,
			enum pp_where_kind *where,
			struct pp_error *err)
{
	int ret = bind_patiently(port, params, port->pool->zerocopy ? XDP_ZEROCOPY : XDP_COPY);

	return ret < 0 ? refuse_bind(params, ret, where, err) : 0;
}

// Zero-copy where it is wanted and there, else copy mode with spread frames.
static int create_socket(struct pp_port *port,
			 const struct pp_port_params *params,
			 enum pp_where_kind *where,
			 struct pp_error *err)
{
	int ret;

	if (params->bind != PP_BIND_COPY && !params->skb) {
		ret = create_pool(port, params, false, where, err);
		if (ret < 0)
			return ret;
		ret = bind_patiently(port, params, XDP_ZEROCOPY);
		port->pool->zerocopy = ret == 0;
		if (ret == 0)
			return 0;
		if (ret == -EBUSY || params->bind == PP_BIND_ZEROCOPY)
			return refuse_bind(params, ret, where, err);
		pp_pool_destroy(port->pool);
		port->pool = NULL;
	}
	ret = create_pool(port, params, true, where, err);
	if (ret < 0)
		return ret;
	ret = bind_patiently(port, params, XDP_COPY);
	return ret < 0 ? refuse_bind(params, ret, where, err) : 0;
}

// @return  As pp_pool_join(): -ENOSPC, and the port needs memory of its own.
static int move_in(struct pp_port *port)
{
	int home = pp_pool_join(port->pool, port->free, &port->free_count);

	if (home < 0)
		return home;
	port->home = (uint32_t)home;
	port->first = port->home * port->info.frames;
	return 0;
}

// A socket with its frames. A port that finds no home left in the shared memory - its queue came
// later - gets some of its own.
static int open_socket(struct pp_port *port,
		       const struct pp_port_params *params,
		       enum pp_where_kind *where,
		       struct pp_error *err)
{
	int ret;

	port->shared = params->shared;
	port->pool = port->shared != NULL ? *port->shared : NULL;
	if (port->pool != NULL && move_in(port) == 0) {
		ret = share_socket(port, params, where, err);
		if (ret < 0)
			pp_pool_leave(port->pool, port->home);
		if (ret < 0)
			port->pool = NULL;
		return ret;
	}
	if (port->pool != NULL)
		port->shared = NULL;
	port->pool = NULL;
	ret = create_socket(port, params, where, err);
	if (ret < 0) {
		pp_pool_destroy(port->pool);
		port->pool = NULL;
		return ret;
	}
	move_in(port);
	if (port->shared != NULL)
		*port->shared = port->pool;
	return 0;
}

// What the kernel granted, as it says itself.
static void read_granted(struct pp_port *port)
{
	struct xdp_options options = {0};
	socklen_t len = sizeof(options);
	int napi_id = 0;

	if (getsockopt(port->fd, SOL_XDP, XDP_OPTIONS, &options, &len) == 0)
		port->info.zerocopy = options.flags & XDP_OPTIONS_ZEROCOPY;
	len = sizeof(napi_id);
	if (getsockopt(port->fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &napi_id, &len) == 0)
		port->info.napi_id = (uint32_t)napi_id;
	port->info.hugepages = port->pool->umem.hugepages;
	port->info.numa_node = port->pool->umem.numa_node;
}

uint32_t pp_port_frames(const struct pp_plane_config *config)
{
	return config->frames ?: pp_plane_frames_needed(config) + LENT_DEFAULT;
}

static int create_frames(struct pp_port *port, const struct pp_port_params *params)
{
	const struct pp_plane_config *config = params->config;
	uint32_t frames = pp_port_frames(config);

	port->info.frames = frames;
	port->refill_min = config->fill_slots / 4 < PP_BURST ? config->fill_slots / 4 : PP_BURST;
	port->lent_max = frames - pp_plane_frames_needed(config);
	port->free = calloc(frames, sizeof(*port->free));
	return port->free == NULL ? -ENOMEM : 0;
}

int pp_port_open(struct pp_port **out,
		 const struct pp_port_params *params,
		 enum pp_where_kind *where,
		 struct pp_error *err)
{
	struct pp_port *port = calloc(1, sizeof(*port));
	int ret;

	*where = PP_WHERE_IFACE;
	if (port == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	port->info.iface = params->iface;
	port->info.queue = params->queue;
	port->info.row = params->row;
	port->info.frame_kind = params->frame_kind;
	port->info.can_send = params->can_send;
	ret = create_frames(port, params);
	if (ret < 0) {
		pp_error_set(err, ret, 0, 0, "out of memory");
		goto close_port;
	}
	ret = open_socket(port, params, where, err);
	if (ret < 0)
		goto close_port;
	port->area = port->pool->area;
	port->fd = xsk_socket__fd(port->socket);
	read_granted(port);
	pp_port_refill(port);
	*out = port;
	return 0;

close_port:
	pp_port_close(port);
	return ret;
}

void pp_port_close(struct pp_port *port)
{
	if (port == NULL)
		return;
	if (port->socket != NULL)
		xsk_socket__delete(port->socket);
	if (port->pool != NULL && port->sending > 0)
		pp_pool_give_back_from(port->pool, port->home);
	if (port->pool != NULL && pp_pool_leave(port->pool, port->home)) {
		if (port->shared != NULL)
			*port->shared = NULL;
		pp_pool_destroy(port->pool);
	}
	free(port->free);
	free(port);
}
