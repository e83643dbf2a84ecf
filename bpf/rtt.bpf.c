// SPDX-License-Identifier: GPL-2.0-only OR MIT
// The measuring side of `push-packet bench`: takes the packets that come back.
//
// rtt: packets that carry our sequence numbers (app/gen_packet.h) go to the AF_XDP socket of their
// queue, with the time in front where asked for; all others to the kernel. drop: counts what comes
// back and drops it.
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAGIC 0x5050474eu // "PPGN"
#define QUEUES_MAX 256

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, QUEUES_MAX);
	__uint(key_size, 4);
	__uint(value_size, 4);
} sockets SEC(".maps");

const volatile __u32 magic_offset; // in the frame, below 256
const volatile bool stamp; // put CLOCK_MONOTONIC in front of the packet

// Read by user space while the program runs.
__u64 passed; // to the kernel: not ours, or no room for the time
__u64 dropped;

SEC("xdp")
int rtt(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u32 *magic = data + (magic_offset & 255);
	__u64 *time;

	if ((const void *)(magic + 1) > end || *magic != bpf_htonl(MAGIC))
		goto pass;
	if (!stamp)
		return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*time)) < 0)
		goto pass;
	time = (void *)(long)ctx->data_meta;
	if ((void *)(time + 1) > (void *)(long)ctx->data)
		goto pass;
	*time = bpf_ktime_get_ns();
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
pass:
	__sync_fetch_and_add(&passed, 1);
	return XDP_PASS;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	__sync_fetch_and_add(&dropped, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
