/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The least that an XDP program can do: what our drop is measured against.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int bare_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
