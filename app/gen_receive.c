// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_receive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES (1u << 20)
#define BLOCKS 64u
#define FRAME_BYTES 2048u // only a unit of the kernel's arithmetic
#define RETIRE_MS 5

struct pp_gen_receive {
	int fd;
	struct pp_gen_check *check;
	uint8_t *ring;
	uint32_t block;
	uint64_t kernel_dropped;
};

static int set_option(int fd, int option, const void *value, socklen_t bytes)
{
	return setsockopt(fd, SOL_PACKET, option, value, bytes) < 0 ? -errno : 0;
}

static int set_ring(struct pp_gen_receive *rx)
{
	const struct tpacket_req3 req = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = FRAME_BYTES,
		.tp_frame_nr = BLOCK_BYTES / FRAME_BYTES * BLOCKS,
		.tp_retire_blk_tov = RETIRE_MS,
	};
	int version = TPACKET_V3, err;

	err = set_option(rx->fd, PACKET_VERSION, &version, sizeof(version));
	if (err == 0)
		err = set_option(rx->fd, PACKET_RX_RING, &req, sizeof(req));
	if (err < 0)
		return err;
	rx->ring = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED,
			rx->fd, 0);
	if (rx->ring == MAP_FAILED) {
		rx->ring = NULL;
		return -errno;
	}
	return 0;
}

static int open_fd(struct pp_gen_receive *rx, const struct pp_gen_link *link)
{
	const struct packet_mreq promisc = {.mr_ifindex = (int)link->ifindex,
					    .mr_type = PACKET_MR_PROMISC};
	const struct sockaddr_ll addr = {.sll_family = AF_PACKET,
					 .sll_protocol = htons(ETH_P_ALL),
					 .sll_ifindex = (int)link->ifindex};
	int one = 1, err;

	rx->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (rx->fd < 0)
		return -errno;
	err = set_option(rx->fd, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (err == 0)
		err = set_ring(rx);
	if (err == 0)
		err = set_option(rx->fd, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc));
	if (err == 0 && bind(rx->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		err = -errno;
	return err;
}

int pp_gen_receive_open(struct pp_gen_receive **out,
			const struct pp_gen_link *link,
			struct pp_gen_check *check,
			struct pp_error *err)
{
	struct pp_gen_receive *rx;
	int ret;

	rx = calloc(1, sizeof(*rx));
	if (rx == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	rx->fd = -1;
	rx->check = check;
	ret = open_fd(rx, link);
	if (ret < 0) {
		pp_gen_receive_close(rx);
		return pp_error_set(err, ret, 0, 0, "%s: packet socket: %s%s", link->name,
				    strerror(-ret),
				    ret == -EPERM ? " (CAP_NET_RAW is needed)" : "");
	}
	*out = rx;
	return 0;
}

void pp_gen_receive_close(struct pp_gen_receive *rx)
{
	if (rx == NULL)
		return;
	if (rx->ring != NULL)
		munmap(rx->ring, (size_t)BLOCK_BYTES * BLOCKS);
	if (rx->fd >= 0)
		close(rx->fd);
	free(rx);
}

int pp_gen_receive_fd(const struct pp_gen_receive *rx)
{
	return rx->fd;
}

// The kernel takes the outermost tag out of a frame; the length that was sent counts it.
static uint32_t tag_bytes(const struct tpacket3_hdr *frame)
{
	return frame->tp_status & TP_STATUS_VLAN_VALID ? 4 : 0;
}

static void judge_block(struct pp_gen_receive *rx, struct tpacket_block_desc *block)
{
	struct tpacket3_hdr *frame =
		(void *)((uint8_t *)block + block->hdr.bh1.offset_to_first_pkt);
	uint32_t size = rx->check->size_bytes;

	for (uint32_t i = 0; i < block->hdr.bh1.num_pkts; i++) {
		if (size != 0)
			rx->check->size_bytes = size - tag_bytes(frame);
		pp_gen_check_frame(rx->check, (uint8_t *)frame + frame->tp_mac, frame->tp_snaplen);
		rx->check->received_bytes += tag_bytes(frame);
		frame = (void *)((uint8_t *)frame + frame->tp_next_offset);
	}
	rx->check->size_bytes = size;
}

void pp_gen_receive_poll(void *arg)
{
	struct pp_gen_receive *rx = arg;

	for (;;) {
		struct tpacket_block_desc *block =
			(void *)(rx->ring + (size_t)rx->block * BLOCK_BYTES);

		// acquire: the kernel wrote the frames before it gave us the block
		if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
		      TP_STATUS_USER))
			return;
		judge_block(rx, block);
		// release: we read the frames before the kernel may write again
		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		rx->block = (rx->block + 1) % BLOCKS;
	}
}

uint64_t pp_gen_receive_kernel_dropped(struct pp_gen_receive *rx)
{
	struct tpacket_stats_v3 stats;
	socklen_t bytes = sizeof(stats);

	// The kernel's counters start again at each reading.
	if (getsockopt(rx->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		rx->kernel_dropped += stats.tp_drops;
	return rx->kernel_dropped;
}
