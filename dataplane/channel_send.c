// SPDX-License-Identifier: MIT OR Apache-2.0
#include "channel_priv.h"

#include <errno.h>
#include <string.h>

#include "counter.h"

// The kernel sends so many in one system call (net/xdp/xsk.c, TX_BATCH_SIZE).
#define TX_BATCH 32

int pp_channel_take(struct pp_channel *channel, struct pp_frame *frame, uint32_t max)
{
	struct pp_pool *pool;
	uint32_t n;
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	pool = pp_port_pool(channel->port);
	pp_channel_reclaim(channel);
	for (n = 0; n < max; n++) {
		uint8_t *data = pp_port_alloc(channel->port);

		if (data == NULL)
			break;
		frame[n] = (struct pp_frame){data, pool->chunk_bytes, 0};
		pp_pool_set_state(pool, pp_channel_frame(pool, &frame[n]), PP_FRAME_HELD);
	}
	pp_gate_leave(&channel->gate);
	return (int)n;
}

static uint32_t least_bytes(const struct pp_channel *channel)
{
	return pp_port_info(channel->port)->frame_kind == PP_FRAME_RAW_IP ? 20 : 14;
}

static int check_frame(const struct pp_channel *channel, const struct pp_frame *frame)
{
	const struct pp_pool *pool = pp_port_pool(channel->port);
	uint64_t at;

	if (!pp_channel_is_inside(pool, frame->data) || frame->len_bytes < least_bytes(channel))
		return -EINVAL;
	at = (uint64_t)(frame->data - pool->area) -
	     pp_channel_frame(pool, frame) * pool->stride_bytes;
	return at + frame->len_bytes > pool->chunk_bytes ? -EMSGSIZE : 0;
}

// Give frames to the socket. Those that it has no room for stay the program's.
static uint32_t submit(struct pp_channel *channel, struct pp_port_rx *tx, uint32_t n)
{
	struct pp_pool *pool = pp_port_pool(channel->port);
	uint64_t bytes = 0;
	uint32_t sent;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t frame = pp_pool_frame(pool, (uint64_t)(tx[i].data - pool->area));

		if (pp_port_is_home(channel->port, frame))
			pp_pool_set_state(pool, frame, PP_FRAME_HOME);
	}
	sent = pp_port_tx_burst(channel->port, tx, n);
	for (uint32_t i = sent; i < n; i++)
		pp_pool_set_state(pool, pp_pool_frame(pool, (uint64_t)(tx[i].data - pool->area)),
				  PP_FRAME_HELD);
	for (uint32_t i = 0; i < sent; i++)
		bytes += tx[i].len_bytes;
	pp_counter_add(&channel->tx_pkts, sent);
	pp_counter_add(&channel->tx_bytes, bytes);
	pp_counter_add(&channel->tx_full, n - sent);
	return sent;
}

static void kick(struct pp_channel *channel, uint32_t n)
{
	for (uint32_t i = 0; i <= n / TX_BATCH; i++)
		if (pp_port_kick(channel->port) == 0)
			break;
}

static int send_frames(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n)
{
	struct pp_pool *pool = pp_port_pool(channel->port);
	struct pp_port_rx tx[PP_BURST];
	uint32_t good;
	int ret = 0;

	pp_channel_reclaim(channel);
	if (!pp_port_info(channel->port)->can_send)
		return 0;
	for (good = 0; good < n && good < PP_BURST; good++) {
		ret = check_frame(channel, &frame[good]);
		if (ret == 0 && !pp_channel_claim(pool, pp_channel_frame(pool, &frame[good])))
			ret = -EINVAL;
		if (ret < 0)
			break;
		tx[good] = (struct pp_port_rx){frame[good].data, frame[good].len_bytes};
	}
	if (ret < 0)
		pp_channel_refuse(channel, ret);
	if (good == 0)
		return ret;
	good = submit(channel, tx, good);
	kick(channel, good);
	return (int)good;
}

int pp_channel_send(struct pp_channel *channel, const struct pp_frame *frame, uint32_t n)
{
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	ret = send_frames(channel, frame, n);
	pp_gate_leave(&channel->gate);
	return ret;
}

static int send_copy(struct pp_channel *channel, const void *data, size_t len)
{
	struct pp_pool *pool = pp_port_pool(channel->port);
	struct pp_port_rx tx;

	if (len > pool->chunk_bytes)
		return pp_channel_refuse(channel, -EMSGSIZE);
	if (len < least_bytes(channel))
		return pp_channel_refuse(channel, -EINVAL);
	pp_channel_reclaim(channel);
	if (!pp_port_info(channel->port)->can_send)
		return -EAGAIN;
	tx.data = pp_port_alloc(channel->port);
	if (tx.data == NULL)
		return -EAGAIN;
	memcpy(tx.data, data, len);
	tx.len_bytes = (uint32_t)len;
	if (submit(channel, &tx, 1) == 0) {
		pp_channel_put_back(channel->port,
				    pp_pool_frame(pool, (uint64_t)(tx.data - pool->area)), tx.data);
		kick(channel, 1);
		return -EAGAIN;
	}
	kick(channel, 1);
	return 0;
}

int pp_channel_send_copy(struct pp_channel *channel, const void *data, size_t len)
{
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	ret = send_copy(channel, data, len);
	pp_gate_leave(&channel->gate);
	return ret;
}

int pp_channel_flush(struct pp_channel *channel)
{
	int ret = pp_gate_enter(&channel->gate);

	if (ret < 0)
		return ret;
	pp_channel_reclaim(channel);
	kick(channel, pp_port_sending(channel->port));
	pp_channel_reclaim(channel);
	ret = (int)pp_port_sending(channel->port);
	pp_gate_leave(&channel->gate);
	return ret;
}
