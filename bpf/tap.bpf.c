/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The XDP program: every packet of an interface against the rules, then what they say.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "act.bpf.h"
#include "linear.bpf.h"
#include "maps.bpf.h"
#include "parse.bpf.h"

static __always_inline const struct pp_linear_image *image_in_force(void)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&pp_images, &zero);

	return inner == NULL ? NULL : bpf_map_lookup_elem(inner, &zero);
}

// Where the packet came in; counts it as seen.
//
// @param linear_bytes  In the first buffer.
static __always_inline int
arrive(struct xdp_md *ctx, struct pp_packet *pkt, __u64 linear_bytes, int frags)
{
	__u32 cpu = bpf_get_smp_processor_id();

	pkt->ctx = ctx;
	pkt->rows = bpf_map_lookup_elem(&pp_rows, &cpu);
	if (pkt->rows == NULL)
		return -1;
	pkt->row = &pkt->rows->queue[pp_queue_index(ctx->rx_queue_index)];
	pkt->len_bytes = frags ? bpf_xdp_get_buff_len(ctx) : linear_bytes;
	// Now and not later: as long as a pointer into the packet is kept, the verifier walks all rules
	// again for each length that it was checked for, and runs out of instructions.
	asm volatile("" : "+r"(pkt->len_bytes));
	pp_count(pkt, PP_COUNT_SEEN);
	pkt->row->count[PP_COUNT_SEEN_BYTES] += pkt->len_bytes;
	return 0;
}

// What the rules say of the packet.
//
// @return  -1: there are no rules in force.
static __always_inline int judge(struct pp_packet *pkt, const struct pp_key *key)
{
	const struct pp_linear_image *image = image_in_force();
	struct pp_linear_area area = {.bytes = pp_tap_config.set_bytes};

	if (image == NULL)
		return -1;
	area.base = image + 1;
	pkt->head = &image->head;
	pkt->slot = pp_match(image, &area, key) & (PP_SLOTS - 1);
	pkt->action = &image->head.action[pkt->slot];
	pp_count_rule(pkt);
	return 0;
}

static __always_inline int tap(struct xdp_md *ctx, int frags)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct pp_packet pkt;
	struct pp_key key;
	int unparsed;

	if (arrive(ctx, &pkt, end - data, frags))
		return XDP_ABORTED;
	unparsed = pp_parse(data, end, pp_tap_config.frame_kind, pp_tap_config.iface, &key);
	if (unparsed) {
		pp_count(&pkt, unparsed);
		return pp_pass(&pkt);
	}
	if (judge(&pkt, &key))
		return pp_abort(&pkt);

	if (pkt.action->copy)
		pp_count(&pkt, pp_copy(&pkt));
	switch (pkt.action->verdict) {
	case PP_VERDICT_DROP:
		return pp_drop(&pkt);
	case PP_VERDICT_ROUTE:
		return pp_route(&pkt);
	default:
		return pp_pass(&pkt);
	}
}

SEC("xdp")
int pp_tap(struct xdp_md *ctx)
{
	return tap(ctx, 0);
}

// For an MTU that needs several buffers, and drivers that split frames.
SEC("xdp.frags")
int pp_tap_frags(struct xdp_md *ctx)
{
	return tap(ctx, 1);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
