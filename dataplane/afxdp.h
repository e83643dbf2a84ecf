// SPDX-License-Identifier: MIT OR Apache-2.0
// AF_XDP sockets as the kernel offers them (Documentation/networking/af_xdp.rst); the rings are libxdp's
// structs, for its inline functions.
//
// Not libxdp's sockets: where several share a UMEM, it names the one that registered it whenever
// another is bound. The kernel wants any that is bound, and once the interface of the first has gone
// that one is not: nobody could join the UMEM any more, nor that interface when it returns.
//
// Threads    control thread.
// Cost       control path.
// Ownership  pp_afxdp owns descriptor and mappings of rings; the memory of the frames is the caller's, and
//            stays until no socket uses it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <xdp/xsk.h>

enum pp_afxdp_ring {
	PP_AFXDP_RX,
	PP_AFXDP_TX,
	PP_AFXDP_FILL,
	PP_AFXDP_COMPLETION,
	PP_AFXDP_RINGS,
};

struct pp_afxdp {
	int fd; // -1: none
	struct {
		void *area; // NULL: none
		size_t bytes;
	} map[PP_AFXDP_RINGS];
};

struct pp_afxdp_umem {
	void *area; // begins a page
	size_t bytes;
	uint32_t chunk_bytes;
	uint32_t flags; // XDP_UMEM_UNALIGNED_CHUNK_FLAG
};

// Where the four rings are told, and how many slots each has, by enum pp_afxdp_ring: powers of two.
struct pp_afxdp_rings {
	struct xsk_ring_cons *rx;
	struct xsk_ring_prod *tx;
	struct xsk_ring_prod *fill;
	struct xsk_ring_cons *completion;
	uint32_t slots[PP_AFXDP_RINGS];
};

void pp_afxdp_clear(struct pp_afxdp *socket);

// Make a socket with its rings, not bound.
//
// @param umem  Registered by this socket; NULL: it will share another's.
// @return      0; -errno of the kernel, and there is none.
int pp_afxdp_open(struct pp_afxdp *socket,
		  const struct pp_afxdp_umem *umem,
		  const struct pp_afxdp_rings *rings);

// Bind to a receive queue. After an error it can be tried again.
//
// @param flags      XDP_COPY, XDP_ZEROCOPY, XDP_USE_NEED_WAKEUP; of a socket that shares, those of the other
//                   hold, and none may be given.
// @param shared_fd  A bound socket of the UMEM; -1: this one's own.
// @return           0; -EBUSY: the queue has a socket; -EBADF: shared_fd is not bound; -ENODEV;
//                   -EOPNOTSUPP: no zero-copy; -errno.
int pp_afxdp_bind(const struct pp_afxdp *socket,
		  uint32_t ifindex,
		  uint32_t queue,
		  uint16_t flags,
		  int shared_fd);

// None is allowed, and left behind.
void pp_afxdp_close(struct pp_afxdp *socket);
