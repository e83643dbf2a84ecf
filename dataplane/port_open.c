// SPDX-License-Identifier: MIT OR Apache-2.0
#include "port_priv.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_xdp.h>

#ifndef SO_INCOMING_NAPI_ID
#define SO_INCOMING_NAPI_ID 56
#endif

#define BIND_RETRY_NS (10 * 1000 * 1000)
// The kernel lets go of a queue in a work item that takes the lock of all interfaces: on a busy machine that has
// been seen to take longer than 300 ms.
#define BIND_RETRIES 300
#define SPREAD_L2_BYTES (1 << 20)
#define LENT_DEFAULT 1024 // frames that analysers can hold unless the configuration says more

// Where several share a UMEM, any that is bound will do.
static int bind_once(struct pp_port *port,
		     const struct pp_port_params *params,
		     uint32_t ifindex,
		     uint16_t flags)
{
	const struct pp_pool *pool = port->pool;
	int ret = -EBADF;

	if (pool->ports == 0)
		return pp_afxdp_bind(&port->socket, ifindex, params->queue,
				     flags | XDP_USE_NEED_WAKEUP, -1);
	for (uint32_t i = 0; ret == -EBADF && i < pool->home_count; i++)
		if (pool->home[i].fd >= 0)
			ret = pp_afxdp_bind(&port->socket, ifindex, params->queue, 0,
					    pool->home[i].fd);
	return ret;
}

static int bind_patiently(struct pp_port *port, const struct pp_port_params *params, uint16_t flags)
{
	const struct timespec pause = {.tv_nsec = BIND_RETRY_NS};
	uint32_t ifindex = if_nametoindex(params->iface_name);
	int ret = bind_once(port, params, ifindex, flags);

	for (int i = 0; params->patient && ret == -EBUSY && i < BIND_RETRIES; i++) {
		nanosleep(&pause, NULL);
		ret = bind_once(port, params, ifindex, flags);
	}
	return ret;
}

// What the kernel has use for. In copy mode a packet takes a frame from the fill ring and a slot of the
// receive ring at once. Frames beyond that ring's slots, a burst that is being treated and one that is
// not worth a refill yet only make the round longer on which each of them leaves the cache. With
// zero-copy the driver's own ring has frames too.
static uint32_t receiving_max(const struct pp_port *port, const struct pp_plane_config *config)
{
	return port->info.zerocopy ? UINT32_MAX : config->rx_slots + 2 * PP_BURST;
}

// Frames that begin at multiples of a power of two share a few sets of the CPU's caches: 4,096 of
// them, 2 KiB apart, have 1,024 lines of a 2 MiB L2 for their first bytes. One line more between
// them spreads them over all sets. It takes the UMEM's unaligned mode, which not every
// zero-copy driver has, and in which the kernel needs some 10 ns more for each packet: route to
// sink was 1.03 to 1.09 times as fast with 2 MiB of L2 (Xeon), and 0.92 times with 512 KiB and an L3 that is
// near (Zen 3).
static bool spread_pays(void)
{
	return sysconf(_SC_LEVEL2_CACHE_SIZE) > SPREAD_L2_BYTES;
}

static bool spread_wanted(const struct pp_plane_config *config)
{
	return config->layout == PP_LAYOUT_SPREAD ||
	       (config->layout == PP_LAYOUT_AUTO && spread_pays());
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
		.hugepages = config->hugepages,
		.numa_node = params->numa_node,
		.spread = spread,
	};
	int ret = pp_pool_create(&port->pool, &pool, err);

	if (ret < 0)
		*where = ret == -EINVAL ? PP_WHERE_FRAMES : PP_WHERE_HUGEPAGES;
	return ret;
}

// Not bound yet. The first socket of a pool registers its memory.
static int make_socket(struct pp_port *port,
		       const struct pp_port_params *params,
		       enum pp_where_kind *where,
		       struct pp_error *err)
{
	const struct pp_plane_config *config = params->config;
	const struct pp_pool *pool = port->pool;
	const struct pp_afxdp_umem umem = {
		.area = pool->area,
		.bytes = pool->frames * pool->stride_bytes,
		.chunk_bytes = pool->chunk_bytes,
		.flags = pool->stride_bytes > pool->chunk_bytes ? XDP_UMEM_UNALIGNED_CHUNK_FLAG : 0,
	};
	const struct pp_afxdp_rings rings = {
		.rx = &port->rx,
		.tx = &port->tx,
		.fill = &port->fill,
		.completion = &port->completion,
		.slots = {config->rx_slots, config->tx_slots, config->fill_slots,
			  config->completion_slots},
	};
	bool first = pool->ports == 0;
	int ret = pp_afxdp_open(&port->socket, first ? &umem : NULL, &rings);

	if (ret == 0)
		return 0;
	if (!first)
		return pp_error_set(err, ret, 0, 0, "cannot make an AF_XDP socket: %s",
				    strerror(-ret));
	*where = PP_WHERE_HUGEPAGES;
	return pp_error_set(err, ret, 0, 0, "cannot register a UMEM of %zu KiB: %s",
			    umem.bytes >> 10, strerror(-ret));
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
	if (ret == -EBADF)
		return pp_error_set(
			err, ret, 0, 0,
			"queue %u of %s: no interface of those that share its memory is "
			"there",
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
	int ret = make_socket(port, params, where, err);

	if (ret < 0)
		return ret;
	ret = bind_patiently(port, params, 0);
	return ret < 0 ? refuse_bind(params, ret, where, err) : 0;
}

// Zero-copy where it is wanted and there, else copy mode, where frames can be spread.
static int create_socket(struct pp_port *port,
			 const struct pp_port_params *params,
			 enum pp_where_kind *where,
			 struct pp_error *err)
{
	int ret;

	if (params->bind != PP_BIND_COPY && !params->skb) {
		ret = create_pool(port, params, false, where, err)
			      ?: make_socket(port, params, where, err);
		if (ret < 0)
			return ret;
		ret = bind_patiently(port, params, XDP_ZEROCOPY);
		port->pool->zerocopy = ret == 0;
		if (ret == 0)
			return 0;
		if (ret == -EBUSY || params->bind == PP_BIND_ZEROCOPY)
			return refuse_bind(params, ret, where, err);
		pp_afxdp_close(&port->socket);
		pp_pool_destroy(port->pool);
		port->pool = NULL;
	}
	ret = create_pool(port, params, spread_wanted(params->config), where, err)
		      ?: make_socket(port, params, where, err);
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
		if (ret < 0) {
			pp_afxdp_close(&port->socket);
			pp_pool_leave(port->pool, port->home);
			port->pool = NULL;
		}
		return ret;
	}
	if (port->pool != NULL)
		port->shared = NULL;
	port->pool = NULL;
	ret = create_socket(port, params, where, err);
	if (ret < 0) {
		pp_afxdp_close(&port->socket);
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
	port->info.spread = port->pool->stride_bytes > port->pool->chunk_bytes;
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
	pp_afxdp_clear(&port->socket);
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
	port->fd = port->socket.fd;
	port->pool->home[port->home].fd = port->fd;
	read_granted(port);
	port->receiving_max = receiving_max(port, params->config);
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
	pp_afxdp_close(&port->socket);
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
