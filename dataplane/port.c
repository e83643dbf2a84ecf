// SPDX-License-Identifier: MIT OR Apache-2.0
#include "port_priv.h"

#include <errno.h>
#include <sys/socket.h>

#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include <push-packet/abi.h>

#include "counter.h"

static void set_free(struct pp_port *port, uint32_t count)
{
	__atomic_store_n(&port->free_count, count, __ATOMIC_RELAXED);
}

bool pp_port_is_home(const struct pp_port *port, uint32_t frame)
{
	return frame - port->first < port->info.frames;
}

void pp_port_put(struct pp_port *port, uint32_t frame)
{
	uint32_t n = port->free_count;

	port->free[n] = frame * port->pool->stride_bytes;
	set_free(port, n + 1);
}

// To the free stack, or home.
static void put_frame(struct pp_port *port, uint64_t addr)
{
	uint32_t frame = pp_pool_frame(port->pool, addr);

	if (pp_port_is_home(port, frame))
		pp_port_put(port, frame);
	else
		pp_pool_give_back(port->pool, frame);
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
		set_free(port, port->free_count + pp_pool_take_back(port->pool, port->home,
								    &port->free[port->free_count]));
}

// @param least  Fewer are not worth it.
static void refill(struct pp_port *port, uint32_t least)
{
	uint32_t useful = port->receiving_max - pp_port_receiving(port);
	uint32_t n = xsk_prod_nb_free(&port->fill, least);
	uint32_t count, index;

	take_back(port);
	count = port->free_count;
	if (n > count)
		n = count;
	if (n > useful)
		n = useful;
	if (n < least || xsk_ring_prod__reserve(&port->fill, n, &index) != n)
		return;
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&port->fill, index + i) = port->free[--count];
	xsk_ring_prod__submit(&port->fill, n);
	set_free(port, count);
	pp_counter_add(&port->filled, n);
}

// A few at a time would dirty the ring's cache line for nothing.
void pp_port_refill(struct pp_port *port)
{
	refill(port, port->refill_min);
}

void pp_port_refill_all(struct pp_port *port)
{
	refill(port, 1);
}

uint32_t pp_port_rx_burst(struct pp_port *port, struct pp_port_rx rx[PP_BURST])
{
	return pp_port_rx(port, rx, PP_BURST);
}

uint32_t pp_port_rx(struct pp_port *port, struct pp_port_rx rx[], uint32_t max)
{
	uint32_t index;
	uint32_t n = xsk_ring_cons__peek(&port->rx, max, &index);

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

		if (!pp_port_is_home(port, frame))
			pp_pool_send_away(port->pool, frame, port->home);
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
	set_free(port, port->free_count - 1);
	return port->area + port->free[port->free_count];
}

uint32_t pp_port_receiving(const struct pp_port *port)
{
	uint64_t received = __atomic_load_n(&port->received, __ATOMIC_RELAXED);

	return (uint32_t)(__atomic_load_n(&port->filled, __ATOMIC_RELAXED) - received);
}

void pp_port_count(const struct pp_port *port, struct pp_port_counts *out)
{
	*out = (struct pp_port_counts){
		.frames = port->info.frames,
		.free = __atomic_load_n(&port->free_count, __ATOMIC_RELAXED),
		.receiving = pp_port_receiving(port),
		.sending = __atomic_load_n(&port->sending, __ATOMIC_RELAXED),
		.held = pp_pool_count(port->pool, port->home, PP_FRAME_HELD),
		.away = pp_pool_count(port->pool, port->home, PP_FRAME_AWAY),
		.returned = pp_pool_count(port->pool, port->home, PP_FRAME_RETURNED),
	};
}
