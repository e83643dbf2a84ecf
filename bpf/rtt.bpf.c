// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The measuring side of `push-packet bench`: takes the packets that come back.
//
// rtt: to the AF_XDP socket of their queue. drop: counts what comes back and drops it.
#include "rtt.bpf.h"

__u64 dropped;

SEC("xdp")
int rtt(struct xdp_md *ctx)
{
	return pp_rtt_is_ours(ctx) ? pp_rtt_take(ctx, 0) : pp_rtt_pass();
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	__sync_fetch_and_add(&dropped, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
