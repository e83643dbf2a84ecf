// SPDX-License-Identifier: GPL-2.0-only OR MIT
// As rtt of rtt.bpf.c, and asks the driver when each packet was received (XDP metadata,
// Documentation/networking/xdp-rx-metadata.rst, Linux 6.3 and later).
//
// Such a program is loaded for one interface (BPF_F_XDP_DEV_BOUND_ONLY) and cannot be attached elsewhere
// or in generic mode. It is an object of its own because the kernel's function is found by BTF, which
// a kernel need not have for the rest.
#include "rtt.bpf.h"

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;

// Read by user space.
int driver_error; // what the function last said: -EOPNOTSUPP, -ENODATA

// Asked before the room in front of the packet is used: some drivers keep the time there.
SEC("xdp")
int rtt_driver(struct xdp_md *ctx)
{
	__u64 driver_ns = 0;
	int ret;

	if (!pp_rtt_is_ours(ctx))
		return pp_rtt_pass();
	ret = bpf_xdp_metadata_rx_timestamp(ctx, &driver_ns);
	if (ret < 0) {
		driver_error = ret;
		driver_ns = 0;
	}
	return pp_rtt_take(ctx, driver_ns);
}

char _license[] SEC("license") = "Dual MIT/GPL";
