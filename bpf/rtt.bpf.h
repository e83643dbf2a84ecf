/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// What the programs of `push-packet bench rtt` have in common: packets that carry our sequence numbers
// (app/gen_packet.h) go to the AF_XDP socket of their queue, with times in front where asked for; all
// others to the kernel.
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PP_RTT_MAGIC 0x5050474eu // "PPGN"
#define PP_RTT_QUEUES_MAX 256

// In front of a packet that came back, where times are wanted: struct pp_bench_times of
// app/bench_client.h.
struct pp_rtt_times {
	__u64 driver_ns; // when it was received, by the clock of the driver; 0: it did not say
	__u64 entry_ns; // when the XDP program had it, CLOCK_MONOTONIC
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, PP_RTT_QUEUES_MAX);
	__uint(key_size, 4);
	__uint(value_size, 4);
} sockets SEC(".maps");

const volatile __u32 magic_offset; // in the frame, below 256
const volatile bool stamp; // put times in front of the packet

// Read by user space while the program runs.
__u64 passed; // to the kernel: not ours, or no room for the times

static __always_inline int pp_rtt_pass(void)
{
	__sync_fetch_and_add(&passed, 1);
	return XDP_PASS;
}

static __always_inline bool pp_rtt_is_ours(const struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u32 *magic = data + (magic_offset & 255);

	return (const void *)(magic + 1) <= end && *magic == bpf_htonl(PP_RTT_MAGIC);
}

// To the socket.
//
// @param driver_ns  What the driver said of its arrival; 0: nothing.
static __always_inline int pp_rtt_take(struct xdp_md *ctx, __u64 driver_ns)
{
	struct pp_rtt_times *times;

	if (!stamp)
		return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*times)) < 0)
		return pp_rtt_pass();
	times = (void *)(long)ctx->data_meta;
	if ((void *)(times + 1) > (void *)(long)ctx->data)
		return pp_rtt_pass();
	times->driver_ns = driver_ns;
	times->entry_ns = bpf_ktime_get_ns();
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}
