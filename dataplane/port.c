// SPDX-License-Identifier: MIT OR Apache-2.0
#include "port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include <push-packet/abi.h>

#include "counter.h"

#ifndef SO_INCOMING_NAPI_ID
#define SO_INCOMING_NAPI_ID 56
#endif

#define BIND_RETRY_NS (10 * 1000 * 1000)
#define BIND_RETRIES 30
#define LENT_DEFAULT 1024 // frames that analysers can hold unless the configuration says more

struct pp_port {
	struct xsk_ring_cons rx;
	struct xsk_ring_prod fill;
	struct xsk_ring_prod tx;
	struct xsk_ring_cons completion;
	uint8_t *area;
	struct pp_pool *pool;
	struct pp_pool **shared; // where others find the pool; NULL: it is this port's alone
	uint32_t home; // in the pool
	uint32_t first; // frame of the home
	uint64_t *free; // stack of base addresses
	uint32_t free_count;
	uint32_t refill_min; // frames that are worth a refill
	uint32_t sending; // frames between tx_burst and tx_reclaim
	uint32_t lent;
	uint32_t lent_max;
	int fd;
	uint64_t filled; // frames put into the fill ring
	uint64_t received; // frames taken out of the receive ring

	struct xsk_socket *socket;
	struct pp_port_info info;
};

// To the free stack, or home.
static void put_frame(struct pp_port *port, uint64_t addr)
{
	uint32_t frame = pp_pool_frame(port->pool, addr);

	if (frame - port->first < port->info.frames)
		port->free[port->free_count++] = frame * port->pool->stride_bytes;
	else
		pp_pool_give_back(port->pool, frame);
}

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
		*where = PP_WHERE_HUGEPAGES;
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
	if (port->pool != NULL && pp_pool_leave(port->pool, port->home)) {
		if (port->shared != NULL)
			*port->shared = NULL;
		pp_pool_destroy(port->pool);
	}
	free(port->free);
	free(port);
}

int pp_port_fd(const struct pp_port *port)
{
	return port->fd;
}

const struct pp_port_info *pp_port_info(const struct pp_port *port)
{
	return &port->info;
}

static void take_back(struct pp_port *port)
{
	if (pp_pool_returned(port->pool, port->home))
		port->free_count +=
			pp_pool_take_back(port->pool, port->home, &port->free[port->free_count]);
}

void pp_port_refill(struct pp_port *port)
{
	uint32_t n = xsk_prod_nb_free(&port->fill, port->refill_min);
	uint32_t index;

	take_back(port);
	if (n > port->free_count)
		n = port->free_count;
	// A few at a time would dirty the ring's cache line for nothing.
	if (n < port->refill_min || xsk_ring_prod__reserve(&port->fill, n, &index) != n)
		return;
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&port->fill, index + i) = port->free[--port->free_count];
	xsk_ring_prod__submit(&port->fill, n);
	pp_counter_add(&port->filled, n);
}

uint32_t pp_port_rx_burst(struct pp_port *port, struct pp_port_rx rx[PP_BURST])
{
	uint32_t index;
	uint32_t n = xsk_ring_cons__peek(&port->rx, PP_BURST, &index);

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&port->rx, index + i);

		rx[i].data = port->area + xsk_umem__add_offset_to_addr(desc->addr);
		rx[i].len_bytes = desc->len;
	}
	xsk_ring_cons__release(&port->rx, n);
	pp_counter_add(&port->received, n);
	return n;
}

void pp_port_recycle(struct pp_port *port, const uint8_t *data)
{
	put_frame(port, (uint64_t)(data - port->area));
}

// Frames of another port of this memory, which go home when they have been sent.
static void mark_away(struct pp_port *port, const struct pp_port_rx *tx, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t frame = pp_pool_frame(port->pool, (uint64_t)(tx[i].data - port->area));

		if (frame - port->first >= port->info.frames)
			pp_pool_set_state(port->pool, frame, PP_FRAME_AWAY);
	}
}

uint32_t pp_port_tx_burst(struct pp_port *port, const struct pp_port_rx *tx, uint32_t n)
{
	uint32_t room = xsk_prod_nb_free(&port->tx, n);
	uint32_t index;

	if (n > room)
		n = room;
	if (n == 0 || xsk_ring_prod__reserve(&port->tx, n, &index) != n)
		return 0;
	if (port->shared != NULL)
		mark_away(port, tx, n);
	for (uint32_t i = 0; i < n; i++) {
		struct xdp_desc *desc = xsk_ring_prod__tx_desc(&port->tx, index + i);

		desc->addr = (uint64_t)(tx[i].data - port->area);
		desc->len = tx[i].len_bytes;
		desc->options = 0;
	}
	xsk_ring_prod__submit(&port->tx, n);
	__atomic_store_n(&port->sending, port->sending + n, __ATOMIC_RELAXED);
	return n;
}

uint32_t pp_port_tx_reclaim(struct pp_port *port)
{
	uint32_t index, n;

	if (port->sending == 0)
		return 0;
	n = xsk_ring_cons__peek(&port->completion, port->sending, &index);
	for (uint32_t i = 0; i < n; i++)
		put_frame(port, *xsk_ring_cons__comp_addr(&port->completion, index + i));
	if (n > 0) {
		xsk_ring_cons__release(&port->completion, n);
		__atomic_store_n(&port->sending, port->sending - n, __ATOMIC_RELAXED);
	}
	return n;
}

// EAGAIN (more than one budget is waiting), EBUSY and ENOBUFS are normal: the next loop kicks again.
uint32_t pp_port_kick(struct pp_port *port)
{
	uint32_t kicks = 0;

	if (port->sending > 0 && xsk_ring_prod__needs_wakeup(&port->tx)) {
		sendto(port->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
		kicks++;
	}
	if (xsk_ring_prod__needs_wakeup(&port->fill)) {
		recvfrom(port->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
		kicks++;
	}
	return kicks;
}

bool pp_port_lend(struct pp_port *port)
{
	if (port->lent >= port->lent_max)
		return false;
	__atomic_store_n(&port->lent, port->lent + 1, __ATOMIC_RELAXED);
	return true;
}

void pp_port_take_back(struct pp_port *port, const uint8_t *data)
{
	pp_port_recycle(port, data);
	// release: who sees that nothing is lent sees the frame back
	__atomic_store_n(&port->lent, port->lent - 1, __ATOMIC_RELEASE);
}

void pp_port_stats(const struct pp_port *port, struct pp_ledger_row *row)
{
	struct xdp_statistics stats = {0};
	socklen_t len = sizeof(stats);

	if (getsockopt(port->fd, SOL_XDP, XDP_STATISTICS, &stats, &len) < 0)
		return;
	// In copy mode rx_dropped contains rx_fill_ring_empty_descs (net/xdp/xsk.c, __xsk_rcv()): what
	// is left of it is packets longer than a frame. In zero-copy a driver that finds the fill
	// ring empty has lost nothing yet.
	if (port->info.zerocopy)
		stats.rx_fill_ring_empty_descs = 0;
	else if (stats.rx_fill_ring_empty_descs > stats.rx_dropped)
		stats.rx_fill_ring_empty_descs = stats.rx_dropped; // between two reads
	row->v[PP_LEDGER_NO_FRAME] += stats.rx_fill_ring_empty_descs;
	row->v[PP_LEDGER_TOO_LONG] += stats.rx_dropped - stats.rx_fill_ring_empty_descs;
	row->v[PP_LEDGER_RX_RING_FULL] += stats.rx_ring_full;
	row->v[PP_LEDGER_RX_BAD_FILL] += stats.rx_invalid_descs;
	row->v[PP_LEDGER_TX_BAD_DESC] += stats.tx_invalid_descs;
}

uint32_t pp_port_rx_received(const struct pp_port *port)
{
	return __atomic_load_n(port->rx.producer, __ATOMIC_ACQUIRE);
}

bool pp_port_rx_taken(const struct pp_port *port, uint32_t received)
{
	// acquire: pairs with the release in pp_port_rx_burst()
	return (int32_t)(__atomic_load_n(port->rx.consumer, __ATOMIC_ACQUIRE) - received) >= 0;
}

bool pp_port_rx_empty(const struct pp_port *port)
{
	return __atomic_load_n(port->rx.producer, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(port->rx.consumer, __ATOMIC_RELAXED);
}

uint32_t pp_port_lent(const struct pp_port *port)
{
	return __atomic_load_n(&port->lent, __ATOMIC_ACQUIRE);
}

uint32_t pp_port_sending(const struct pp_port *port)
{
	return __atomic_load_n(&port->sending, __ATOMIC_RELAXED);
}

bool pp_port_shares(const struct pp_port *port, const struct pp_port *with)
{
	return port->pool == with->pool;
}

struct pp_pool *pp_port_pool(const struct pp_port *port)
{
	return port->pool;
}

uint8_t *pp_port_alloc(struct pp_port *port)
{
	if (port->free_count == 0)
		take_back(port);
	if (port->free_count == 0)
		return NULL;
	return port->area + port->free[--port->free_count];
}

void pp_port_count(const struct pp_port *port, struct pp_port_counts *out)
{
	uint64_t received = __atomic_load_n(&port->received, __ATOMIC_RELAXED);

	*out = (struct pp_port_counts){
		.frames = port->info.frames,
		.free = __atomic_load_n(&port->free_count, __ATOMIC_RELAXED),
		.receiving =
			(uint32_t)(__atomic_load_n(&port->filled, __ATOMIC_RELAXED) - received),
		.sending = __atomic_load_n(&port->sending, __ATOMIC_RELAXED),
		.held = pp_pool_count(port->pool, port->home, PP_FRAME_HELD),
		.away = pp_pool_count(port->pool, port->home, PP_FRAME_AWAY),
		.returned = pp_pool_count(port->pool, port->home, PP_FRAME_RETURNED),
	};
}
