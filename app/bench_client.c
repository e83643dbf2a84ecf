// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_client.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "bench_client_program.h"

#define CHUNK_BYTES 2048u
#define TX_FRAMES PP_BENCH_CLIENT_SLOTS
#define RX_FRAMES (2 * PP_BENCH_CLIENT_SLOTS)
#define UMEM_BYTES ((size_t)(TX_FRAMES + RX_FRAMES) * CHUNK_BYTES)
#define BIND_RETRIES 30
#define BIND_RETRY_NS (10 * 1000 * 1000)
// What the generator writes: magic, flow, sequence number.
#define FLOW_AT 4
#define SEQ_AT 8

struct pp_bench_client {
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons rx, completion;
	uint8_t *area; // frames to send first, then frames to receive into
	const struct pp_gen_plan *plan;
	struct pp_gen_cursor cursor;
	uint64_t written; // packets
	uint32_t unsent; // written, and not given to the kernel
	uint32_t sending;
	bool stages;
	bool times; // the program puts some in front
	bool zerocopy;
	int fd;

	struct xsk_umem *umem;
	struct xsk_socket *socket;
	struct pp_bench_client_program program;
	int link_fd;
};

static int load_program(struct pp_bench_client *client,
			const struct pp_bench_client_params *params,
			struct pp_error *err)
{
	const struct pp_bench_client_program_params program = {
		.iface = params->iface,
		.magic_offset = client->plan->part[0].seq_offset,
		.skb = params->skb,
		.times = client->times,
		.driver_times = params->driver_times,
	};

	return pp_bench_client_program_open(&client->program, &program, err);
}

static int attach(struct pp_bench_client *client,
		  const struct pp_bench_client_params *params,
		  struct pp_error *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = params->skb ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int ifindex = (int)if_nametoindex(params->iface);

	client->link_fd = bpf_link_create(client->program.program_fd, ifindex, BPF_XDP, &opts);
	if (client->link_fd >= 0)
		return 0;
	if (client->link_fd == -EBUSY || client->link_fd == -EEXIST)
		return pp_error_set(err, -EBUSY, 0, 0, "%s has an XDP program already",
				    params->iface);
	if (client->link_fd == -EOPNOTSUPP)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0, "%s has no native XDP: --mode skb",
				    params->iface);
	return pp_error_set(err, client->link_fd, 0, 0, "cannot attach to %s: %s", params->iface,
			    strerror(-client->link_fd));
}

static int bind_once(struct pp_bench_client *client,
		     const struct pp_bench_client_params *params,
		     uint16_t flags)
{
	const struct xsk_socket_config config = {
		.rx_size = PP_BENCH_CLIENT_SLOTS,
		.tx_size = PP_BENCH_CLIENT_SLOTS,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = flags | XDP_USE_NEED_WAKEUP,
	};

	return xsk_socket__create(&client->socket, params->iface, params->queue, client->umem,
				  &client->rx, &client->tx, &config);
}

// A socket that was closed just now holds its queue for some milliseconds more.
static int bind_patiently(struct pp_bench_client *client,
			  const struct pp_bench_client_params *params)
{
	int ret = params->skb ? -EOPNOTSUPP : bind_once(client, params, XDP_ZEROCOPY);

	client->zerocopy = ret == 0;
	for (int i = 0; ret < 0 && i < BIND_RETRIES; i++) {
		ret = bind_once(client, params, XDP_COPY);
		if (ret != -EBUSY)
			break;
		nanosleep(&(struct timespec){.tv_nsec = BIND_RETRY_NS}, NULL);
	}
	return ret;
}

static void refill(struct pp_bench_client *client, const uint64_t addr[], uint32_t n)
{
	uint32_t index;

	// There are as many frames as slots, so there is always room.
	if (xsk_ring_prod__reserve(&client->fill, n, &index) != n)
		return;
	for (uint32_t i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&client->fill, index + i) =
			addr[i] & ~(uint64_t)(CHUNK_BYTES - 1);
	xsk_ring_prod__submit(&client->fill, n);
}

static int open_socket(struct pp_bench_client *client,
		       const struct pp_bench_client_params *params,
		       struct pp_error *err)
{
	const struct xsk_umem_config config = {.fill_size = RX_FRAMES,
					       .comp_size = PP_BENCH_CLIENT_SLOTS,
					       .frame_size = CHUNK_BYTES};
	int ret;

	client->area = mmap(NULL, UMEM_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (client->area == MAP_FAILED)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for packets");
	ret = xsk_umem__create(&client->umem, client->area, UMEM_BYTES, &client->fill,
			       &client->completion, &config);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "UMEM: %s", strerror(-ret));
	ret = bind_patiently(client, params);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "cannot bind to %s queue %u: %s", params->iface,
				    params->queue, strerror(-ret));
	client->fd = xsk_socket__fd(client->socket);
	for (uint32_t i = 0; i < TX_FRAMES; i++)
		memcpy(client->area + (size_t)i * CHUNK_BYTES, client->plan->image,
		       client->plan->size_bytes);
	for (uint64_t i = 0; i < RX_FRAMES; i++)
		refill(client, &(uint64_t){(TX_FRAMES + i) * CHUNK_BYTES}, 1);
	ret = bpf_map_update_elem(client->program.sockets_fd, &params->queue, &client->fd, BPF_ANY);
	return ret < 0 ? pp_error_set(err, ret, 0, 0, "socket map: %s", strerror(-ret)) : 0;
}

int pp_bench_client_open(struct pp_bench_client **out,
			 const struct pp_bench_client_params *params,
			 struct pp_error *err)
{
	struct pp_bench_client *client = calloc(1, sizeof(*client));
	int ret;

	if (client == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	client->area = MAP_FAILED;
	client->link_fd = -1;
	client->plan = params->plan;
	client->stages = params->stages;
	client->times = params->stages || params->driver_times;
	ret = load_program(client, params, err);
	if (ret == 0)
		ret = attach(client, params, err);
	if (ret == 0)
		ret = open_socket(client, params, err);
	if (ret < 0)
		pp_bench_client_close(client);
	else
		*out = client;
	return ret;
}

void pp_bench_client_close(struct pp_bench_client *client)
{
	if (client == NULL)
		return;
	if (client->link_fd >= 0)
		close(client->link_fd);
	if (client->socket != NULL)
		xsk_socket__delete(client->socket);
	if (client->umem != NULL)
		xsk_umem__delete(client->umem);
	if (client->area != MAP_FAILED)
		munmap(client->area, UMEM_BYTES);
	pp_bench_client_program_close(&client->program);
	free(client);
}

bool pp_bench_client_zerocopy(const struct pp_bench_client *client)
{
	return client->zerocopy;
}

uint32_t pp_bench_client_room(struct pp_bench_client *client)
{
	uint32_t index, n;

	if (client->sending > 0) {
		n = xsk_ring_cons__peek(&client->completion, client->sending, &index);
		if (n > 0)
			xsk_ring_cons__release(&client->completion, n);
		client->sending -= n;
	}
	return TX_FRAMES - client->sending - client->unsent;
}

void pp_bench_client_write(struct pp_bench_client *client, uint32_t n)
{
	uint32_t index;

	if (xsk_ring_prod__reserve(&client->tx, n, &index) != n)
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct xdp_desc *desc = xsk_ring_prod__tx_desc(&client->tx, index + i);

		// Frames leave in order, so that the oldest one is free.
		desc->addr = client->written++ % TX_FRAMES * CHUNK_BYTES;
		desc->len = client->plan->size_bytes;
		desc->options = 0;
		pp_gen_packet_write(client->plan, &client->cursor, client->area + desc->addr);
	}
	client->unsent += n;
}

// EAGAIN, EBUSY and ENOBUFS are normal: what is left goes with the next call.
void pp_bench_client_send(struct pp_bench_client *client)
{
	if (client->unsent > 0)
		xsk_ring_prod__submit(&client->tx, client->unsent);
	client->sending += client->unsent;
	client->unsent = 0;
	if (client->sending > 0 && xsk_ring_prod__needs_wakeup(&client->tx))
		sendto(client->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
}

static void read_reply(const struct pp_bench_client *client,
		       uint64_t addr,
		       uint32_t len,
		       struct pp_bench_reply *out)
{
	const uint8_t *data = client->area + addr;
	const uint8_t *payload = data + client->plan->part[0].seq_offset;
	uint32_t flow;
	uint64_t seq;

	memcpy(&flow, payload + FLOW_AT, sizeof(flow));
	memcpy(&seq, payload + SEQ_AT, sizeof(seq));
	out->number = be64toh(seq) * client->plan->flows + be32toh(flow);
	if (client->times)
		memcpy(&out->times, data - sizeof(out->times), sizeof(out->times));
	if (client->stages)
		memcpy(&out->stamp, data + len - sizeof(out->stamp), sizeof(out->stamp));
}

uint32_t pp_bench_client_receive(struct pp_bench_client *client, struct pp_bench_reply reply[])
{
	uint64_t addr[PP_BENCH_CLIENT_BURST];
	uint32_t index, n, good = 0;

	n = xsk_ring_cons__peek(&client->rx, PP_BENCH_CLIENT_BURST, &index);
	for (uint32_t i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&client->rx, index + i);

		addr[i] = desc->addr;
		// The program looked at the magic; a packet that was cut is none of ours.
		if (desc->len == client->plan->size_bytes)
			read_reply(client, desc->addr, desc->len, &reply[good++]);
	}
	if (n > 0) {
		xsk_ring_cons__release(&client->rx, n);
		refill(client, addr, n);
	}
	if (xsk_ring_prod__needs_wakeup(&client->fill))
		recvfrom(client->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	return good;
}

uint64_t pp_bench_client_passed(const struct pp_bench_client *client)
{
	return pp_bench_client_program_passed(&client->program);
}

const char *pp_bench_client_no_driver_times(const struct pp_bench_client *client)
{
	return pp_bench_client_program_why(&client->program);
}
