// SPDX-License-Identifier: MIT OR Apache-2.0
#include "afxdp.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_xdp.h>

// How the kernel calls each ring, and where it maps it.
static const struct {
	int option;
	off_t page_offset;
	size_t slot_bytes;
} kernel[PP_AFXDP_RINGS] = {
	[PP_AFXDP_RX] = {XDP_RX_RING, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc)},
	[PP_AFXDP_TX] = {XDP_TX_RING, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc)},
	[PP_AFXDP_FILL] = {XDP_UMEM_FILL_RING, XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t)},
	[PP_AFXDP_COMPLETION] = {XDP_UMEM_COMPLETION_RING, XDP_UMEM_PGOFF_COMPLETION_RING,
				 sizeof(uint64_t)},
};

void pp_afxdp_clear(struct pp_afxdp *socket)
{
	*socket = (struct pp_afxdp){.fd = -1};
}

static int register_umem(const struct pp_afxdp *socket, const struct pp_afxdp_umem *umem)
{
	const struct xdp_umem_reg reg = {
		.addr = (uintptr_t)umem->area,
		.len = umem->bytes,
		.chunk_size = umem->chunk_bytes,
		.flags = umem->flags,
	};

	return setsockopt(socket->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) < 0 ? -errno : 0;
}

static int map_ring(struct pp_afxdp *socket,
		    enum pp_afxdp_ring ring,
		    const struct xdp_ring_offset *at,
		    uint32_t slots)
{
	size_t bytes = at->desc + slots * kernel[ring].slot_bytes;
	void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			  socket->fd, kernel[ring].page_offset);

	if (area == MAP_FAILED)
		return -errno;
	socket->map[ring].area = area;
	socket->map[ring].bytes = bytes;
	return 0;
}

// The room that a producer knows of: all.
static void tell_prod(struct xsk_ring_prod *out,
		      uint8_t *area,
		      const struct xdp_ring_offset *at,
		      uint32_t slots)
{
	*out = (struct xsk_ring_prod){
		.cached_cons = slots,
		.mask = slots - 1,
		.size = slots,
		.producer = (uint32_t *)(area + at->producer),
		.consumer = (uint32_t *)(area + at->consumer),
		.ring = area + at->desc,
		.flags = (uint32_t *)(area + at->flags),
	};
}

static void tell_cons(struct xsk_ring_cons *out,
		      uint8_t *area,
		      const struct xdp_ring_offset *at,
		      uint32_t slots)
{
	*out = (struct xsk_ring_cons){
		.mask = slots - 1,
		.size = slots,
		.producer = (uint32_t *)(area + at->producer),
		.consumer = (uint32_t *)(area + at->consumer),
		.ring = area + at->desc,
		.flags = (uint32_t *)(area + at->flags),
	};
}

static int make_rings(struct pp_afxdp *socket, const struct pp_afxdp_rings *rings)
{
	const uint32_t *slots = rings->slots;
	struct xdp_mmap_offsets at;
	socklen_t len = sizeof(at);
	int ret = 0;

	for (int i = 0; i < PP_AFXDP_RINGS; i++)
		if (setsockopt(socket->fd, SOL_XDP, kernel[i].option, &slots[i], sizeof(slots[i])))
			return -errno;
	if (getsockopt(socket->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len) < 0)
		return -errno;
	ret = ret ?: map_ring(socket, PP_AFXDP_RX, &at.rx, slots[PP_AFXDP_RX]);
	ret = ret ?: map_ring(socket, PP_AFXDP_TX, &at.tx, slots[PP_AFXDP_TX]);
	ret = ret ?: map_ring(socket, PP_AFXDP_FILL, &at.fr, slots[PP_AFXDP_FILL]);
	ret = ret ?: map_ring(socket, PP_AFXDP_COMPLETION, &at.cr, slots[PP_AFXDP_COMPLETION]);
	if (ret < 0)
		return ret;
	tell_cons(rings->rx, socket->map[PP_AFXDP_RX].area, &at.rx, slots[PP_AFXDP_RX]);
	tell_prod(rings->tx, socket->map[PP_AFXDP_TX].area, &at.tx, slots[PP_AFXDP_TX]);
	tell_prod(rings->fill, socket->map[PP_AFXDP_FILL].area, &at.fr, slots[PP_AFXDP_FILL]);
	tell_cons(rings->completion, socket->map[PP_AFXDP_COMPLETION].area, &at.cr,
		  slots[PP_AFXDP_COMPLETION]);
	return 0;
}

int pp_afxdp_open(struct pp_afxdp *out,
		  const struct pp_afxdp_umem *umem,
		  const struct pp_afxdp_rings *rings)
{
	int ret = 0;

	pp_afxdp_clear(out);
	out->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (out->fd < 0)
		return -errno;
	if (umem != NULL)
		ret = register_umem(out, umem);
	ret = ret ?: make_rings(out, rings);
	if (ret < 0)
		pp_afxdp_close(out);
	return ret;
}

int pp_afxdp_bind(const struct pp_afxdp *socket,
		  uint32_t ifindex,
		  uint32_t queue,
		  uint16_t flags,
		  int shared_fd)
{
	const struct sockaddr_xdp to = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = shared_fd >= 0 ? XDP_SHARED_UMEM : flags,
		.sxdp_ifindex = ifindex,
		.sxdp_queue_id = queue,
		.sxdp_shared_umem_fd = shared_fd >= 0 ? (uint32_t)shared_fd : 0,
	};

	return bind(socket->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

void pp_afxdp_close(struct pp_afxdp *socket)
{
	for (int i = 0; i < PP_AFXDP_RINGS; i++)
		if (socket->map[i].area != NULL)
			munmap(socket->map[i].area, socket->map[i].bytes);
	if (socket->fd >= 0)
		close(socket->fd);
	pp_afxdp_clear(socket);
}
