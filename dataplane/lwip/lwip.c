// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/lwip.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/tcpip.h>
#include <netif/ethernet.h>

#include <push-packet/channel.h>
#include <push-packet/receiver.h>

#define BURST 64
#define ROUND_MAX 512 // frames of a round: what is sent waits for its end
#define MTU_DEFAULT 1500
#define MTU_MIN 68 // RFC 791: every module forwards that much
#define LINK_HEADER_BYTES 14
// Who waits in poll is in the channel for a moment, without the core lock; for longer where its CPU has
// other things to do just then. So it is spun for, then yielded to, then slept for: 0.1 s at most.
#define BUSY_SPINS 100
#define BUSY_YIELDS 200
#define BUSY_TRIES 1200
#define BUSY_SLEEP_NS 50000

struct pp_lwip {
	struct netif netif;
	struct pp_channel *channel;
	struct pp_lwip_config config;
	struct pp_lwip_stats stats; // held aside; under the core lock
	uint32_t held_max;
	uint32_t held; // atomic
	bool up;
	bool gathering; // a round of poll: what is sent waits for its end
	uint32_t tx_count;
	struct pp_frame tx[BURST];
};

// What lwIP is told of a frame. It stands in the frame, in the room in front of the packet and its
// metadata: XDP_PACKET_HEADROOM, 256 bytes.
struct held_frame {
	struct pbuf_custom pbuf;
	struct pp_lwip *lwip;
	struct pp_frame frame;
};
_Static_assert(sizeof(struct held_frame) <= 256 - sizeof(struct pp_meta) - 8, "it has the room");

static void start_lwip(void)
{
	tcpip_init(NULL, NULL);
}

// lwIP calls it from whatever thread frees the packet last.
static void give_back(struct pbuf *pbuf)
{
	struct held_frame *held = (struct held_frame *)pbuf;
	struct pp_lwip *lwip = held->lwip;
	struct pp_frame frame = held->frame;

	pp_channel_give_back(lwip->channel, &frame, 1);
	__atomic_fetch_sub(&lwip->held, 1, __ATOMIC_RELEASE);
}

static struct pbuf *frame_pbuf(struct pp_lwip *lwip, const struct pp_frame *frame)
{
	uintptr_t end = (uintptr_t)frame->data - sizeof(struct pp_meta);
	struct held_frame *held = (void *)((end - sizeof(*held)) & ~(uintptr_t)7);

	held->lwip = lwip;
	held->frame = *frame;
	held->pbuf.custom_free_function = give_back;
	__atomic_fetch_add(&lwip->held, 1, __ATOMIC_RELAXED);
	return pbuf_alloced_custom(PBUF_RAW, (uint16_t)frame->len_bytes, PBUF_REF, &held->pbuf,
				   frame->data, (uint16_t)frame->len_bytes);
}

static struct pbuf *copied_pbuf(struct pp_lwip *lwip, const void *data, uint32_t len_bytes)
{
	struct pbuf *pbuf = NULL;

	if (len_bytes <= UINT16_MAX)
		pbuf = pbuf_alloc(PBUF_RAW, (uint16_t)len_bytes, PBUF_RAM);
	if (pbuf == NULL) {
		lwip->stats.rx_lost++;
		return NULL;
	}
	memcpy(pbuf->payload, data, len_bytes);
	lwip->stats.rx_copied++;
	return pbuf;
}

static void give_lwip(struct pp_lwip *lwip, struct pbuf *pbuf)
{
	if (pbuf == NULL)
		return;
	lwip->stats.rx_pkts++;
	lwip->stats.rx_bytes += pbuf->tot_len;
	if (lwip->netif.input(pbuf, &lwip->netif) != ERR_OK)
		pbuf_free(pbuf);
}

static void receive_frame(struct pp_lwip *lwip, const struct pp_frame *frame)
{
	if (__atomic_load_n(&lwip->held, __ATOMIC_RELAXED) < lwip->held_max) {
		give_lwip(lwip, frame_pbuf(lwip, frame));
		return;
	}
	give_lwip(lwip, copied_pbuf(lwip, frame->data, frame->len_bytes));
	if (pp_channel_release(lwip->channel, frame, 1) == -EBUSY)
		pp_channel_give_back(lwip->channel, frame, 1);
}

// Let the thread that waits leave the channel.
//
// @return  Whether to try again.
static bool channel_busy(int ret, int *tries)
{
	const struct timespec moment = {.tv_nsec = BUSY_SLEEP_NS};

	if (ret != -EBUSY || *tries >= BUSY_TRIES)
		return false;
	if (++*tries < BUSY_SPINS)
		__builtin_ia32_pause();
	else if (*tries < BUSY_YIELDS)
		sched_yield();
	else
		nanosleep(&moment, NULL);
	return true;
}

static int take_frame(struct pp_lwip *lwip, struct pp_frame *frame)
{
	int ret, tries = 0;

	do
		ret = pp_channel_take(lwip->channel, frame, 1);
	while (channel_busy(ret, &tries));
	return ret;
}

static int send_frames(struct pp_lwip *lwip, const struct pp_frame *frame, uint32_t n)
{
	int ret, tries = 0;

	do
		ret = pp_channel_send(lwip->channel, frame, n);
	while (channel_busy(ret, &tries));
	return ret;
}

// Hand over what was gathered. What the ring has no room for is lost, as on a wire.
static void send_gathered(struct pp_lwip *lwip)
{
	uint32_t sent = 0;

	while (sent < lwip->tx_count) {
		int n = send_frames(lwip, &lwip->tx[sent], lwip->tx_count - sent);

		if (n <= 0)
			break;
		sent += (uint32_t)n;
	}
	for (uint32_t i = 0; i < sent; i++)
		lwip->stats.tx_bytes += lwip->tx[i].len_bytes;
	lwip->stats.tx_pkts += sent;
	lwip->stats.tx_lost += lwip->tx_count - sent;
	// Not release(): it refuses while another thread is in the channel, and nobody would ask again.
	if (sent < lwip->tx_count)
		pp_channel_give_back(lwip->channel, &lwip->tx[sent], lwip->tx_count - sent);
	lwip->tx_count = 0;
}

static err_t link_output(struct netif *netif, struct pbuf *pbuf)
{
	struct pp_lwip *lwip = netif->state;
	struct pp_frame frame;

	if (pbuf->tot_len > pp_channel_frame_bytes(lwip->channel))
		return ERR_BUF;
	if (lwip->tx_count == BURST)
		send_gathered(lwip);
	if (take_frame(lwip, &frame) != 1) {
		lwip->stats.tx_lost++;
		return ERR_MEM;
	}
	frame.len_bytes = pbuf_copy_partial(pbuf, frame.data, pbuf->tot_len, 0);
	lwip->tx[lwip->tx_count++] = frame;
	if (!lwip->gathering)
		send_gathered(lwip);
	return ERR_OK;
}

static err_t init_netif(struct netif *netif)
{
	struct pp_lwip *lwip = netif->state;

	netif->name[0] = 'p';
	netif->name[1] = 'p';
	netif->output = etharp_output;
	netif->output_ip6 = ethip6_output;
	netif->linkoutput = link_output;
	netif->mtu = lwip->config.mtu_bytes;
	netif->hwaddr_len = ETH_HWADDR_LEN;
	memcpy(netif->hwaddr, lwip->config.mac, ETH_HWADDR_LEN);
	netif->flags =
		NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	return ERR_OK;
}

static int
check(const struct pp_lwip_config *config, const struct pp_channel *channel, struct pp_error *err)
{
	if (config->mtu_bytes < MTU_MIN ||
	    config->mtu_bytes + LINK_HEADER_BYTES + 256u > pp_channel_frame_bytes(channel))
		return pp_error_set(err, -EINVAL, 0, 0,
				    "an MTU of %u bytes: frames of %u bytes hold %d to %u",
				    config->mtu_bytes, pp_channel_frame_bytes(channel), MTU_MIN,
				    pp_channel_frame_bytes(channel) - 256 - LINK_HEADER_BYTES);
	if (config->mac[0] & 1)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "a host cannot have a group address for its MAC address");
	if (config->addr_be == 0)
		return pp_error_set(err, -EINVAL, 0, 0, "a host needs an IPv4 address");
	return 0;
}

static int add_netif(struct pp_lwip *lwip)
{
	const ip4_addr_t addr = {lwip->config.addr_be}, mask = {lwip->config.mask_be};
	const ip4_addr_t gateway = {lwip->config.gateway_be};
	struct netif *added;

	LOCK_TCPIP_CORE();
	added = netif_add(&lwip->netif, &addr, &mask, &gateway, lwip, init_netif, ethernet_input);
	if (added != NULL)
		netif_set_up(added);
	lwip->up = added != NULL;
	UNLOCK_TCPIP_CORE();
	return added == NULL ? -EIO : 0;
}

int pp_lwip_open(struct pp_lwip **out,
		 struct pp_channel *channel,
		 const struct pp_lwip_config *config,
		 struct pp_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct pp_lwip *lwip = calloc(1, sizeof(*lwip));
	struct pp_channel_stats stats;
	int ret;

	if (lwip == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	lwip->channel = channel;
	lwip->config = *config;
	if (lwip->config.mtu_bytes == 0)
		lwip->config.mtu_bytes = MTU_DEFAULT;
	pp_channel_stats(channel, &stats);
	lwip->held_max = stats.frames / 2;
	ret = check(&lwip->config, channel, err);
	if (ret < 0)
		goto free_lwip;
	pthread_once(&once, start_lwip);
	ret = add_netif(lwip);
	if (ret < 0) {
		pp_error_set(err, ret, 0, 0, "lwIP has no room for another interface");
		goto free_lwip;
	}
	*out = lwip;
	return 0;

free_lwip:
	free(lwip);
	return ret;
}

// @return  Frames lwIP was given; -errno of the channel.
static int receive_routed(struct pp_lwip *lwip)
{
	struct pp_frame frame[BURST];
	int total = 0, n;

	do {
		n = pp_channel_receive(lwip->channel, frame, BURST);
		for (int i = 0; i < n; i++)
			receive_frame(lwip, &frame[i]);
		total += n > 0 ? n : 0;
	} while (n == BURST && total < ROUND_MAX);
	return n < 0 ? n : total;
}

static int receive_copied(struct pp_lwip *lwip)
{
	struct pp_receiver *receiver = lwip->config.receiver;
	struct pp_event event[BURST];
	int n = receiver == NULL ? 0 : pp_receiver_burst(receiver, event, BURST);

	for (int i = 0; i < n; i++)
		if (event[i].meta->cap_bytes == event[i].meta->len_bytes)
			give_lwip(lwip, copied_pbuf(lwip, event[i].data, event[i].meta->cap_bytes));
	if (n > 0)
		pp_receiver_release(receiver);
	return n == -ESHUTDOWN ? 0 : n;
}

static int wait_for_both(struct pp_lwip *lwip, int timeout_ms)
{
	struct pollfd fd[2] = {{.events = POLLIN},
			       {.fd = pp_receiver_fd(lwip->config.receiver), .events = POLLIN}};

	// It enters the channel, where a thread that sends may be.
	LOCK_TCPIP_CORE();
	fd[0].fd = pp_channel_fd(lwip->channel);
	UNLOCK_TCPIP_CORE();
	if (fd[0].fd < 0)
		return fd[0].fd;
	return poll(fd, 2, timeout_ms) < 0 ? -errno : 0;
}

static int wait_for_packets(struct pp_lwip *lwip, int timeout_ms)
{
	if (timeout_ms == 0)
		return 0;
	if (lwip->config.receiver != NULL)
		return wait_for_both(lwip, timeout_ms);
	return pp_channel_wait(lwip->channel, timeout_ms);
}

static int serve(struct pp_lwip *lwip)
{
	int routed, copied;

	LOCK_TCPIP_CORE();
	lwip->gathering = true;
	routed = receive_routed(lwip);
	copied = receive_copied(lwip);
	lwip->gathering = false;
	send_gathered(lwip);
	UNLOCK_TCPIP_CORE();
	if (routed < 0)
		return routed;
	return copied < 0 ? copied : routed + copied;
}

int pp_lwip_poll(struct pp_lwip *lwip, int timeout_ms)
{
	int ret = serve(lwip);

	if (ret != 0 || timeout_ms == 0)
		return ret;
	ret = wait_for_packets(lwip, timeout_ms);
	return ret < 0 ? ret : serve(lwip);
}

struct netif *pp_lwip_netif(struct pp_lwip *lwip)
{
	return &lwip->netif;
}

void pp_lwip_stats(const struct pp_lwip *lwip, struct pp_lwip_stats *out)
{
	LOCK_TCPIP_CORE();
	*out = lwip->stats;
	UNLOCK_TCPIP_CORE();
	out->held = __atomic_load_n(&lwip->held, __ATOMIC_ACQUIRE);
}

int pp_lwip_close(struct pp_lwip *lwip)
{
	uint32_t held;

	if (lwip == NULL)
		return 0;
	LOCK_TCPIP_CORE();
	if (lwip->up)
		netif_remove(&lwip->netif);
	lwip->up = false;
	UNLOCK_TCPIP_CORE();
	held = __atomic_load_n(&lwip->held, __ATOMIC_ACQUIRE);
	if (held > 0)
		return (int)held;
	free(lwip);
	return 0;
}
