/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The XDP program: every packet that an interface receives against the rules, then what they say. What
// it sends: tap_out.bpf.h, which this includes.
//
// The engine's object includes this file behind its own definition of
//
//   static __always_inline __u32
//   pp_match(const void *body, const struct pp_key *key, __u64 sets)
//
// which gives the slot of the first rule that matches, or PP_SLOT_DEFAULT. body is what the engine's
// user-space half wrote, pp_load.image.body_bytes of it; pp_load.config is what it says of it. sets
// are those that hold the packet's addresses: bit i set i of the source, bit 32 + i of the destination.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "act.bpf.h"
#include "cache.bpf.h"
#include "dump.bpf.h"
#include "load.bpf.h"
#include "maps.bpf.h"
#include "meter.bpf.h"
#include "parse.bpf.h"
#include "sets.bpf.h"

// The half that the selector names. It is read once for each packet.
static __always_inline const struct pp_image_head *pp_image_in_force(void)
{
	const void *images = pp_value_of(pp_image);
	__u64 half = *(const volatile __u32 *)images & 1;

	return images + PP_IMAGE_HALVES_AT + pp_times(half, pp_load.image.half_bytes);
}

// Where the packet came in; counts it as seen.
//
// @param linear_bytes  In the first buffer.
static __always_inline void
pp_arrive(struct xdp_md *ctx, struct pp_packet *pkt, __u64 linear_bytes, int frags)
{
	// The mask changes nothing; a comparison would not do for the verifier of Linux 6.1.
	__u64 cpu = bpf_get_smp_processor_id() & pp_load.tap.cpu_mask;

	pkt->ctx = ctx;
	pkt->rows = pp_value_of(pp_rows) + pp_times(cpu, pp_load.rows.cpu_bytes);
	pkt->row = pkt->rows + pp_queue_index(ctx->rx_queue_index) * sizeof(*pkt->row);
	pkt->len_bytes = frags ? bpf_xdp_get_buff_len(ctx) : linear_bytes;
	// Now and not later: as long as a pointer into the packet is kept, the verifier walks all rules
	// again for each length that it was checked for, and runs out of instructions.
	asm volatile("" : "+r"(pkt->len_bytes));
	pp_count(pkt, PP_COUNT_SEEN);
	pkt->row->count[PP_COUNT_SEEN_BYTES] += pkt->len_bytes;
}

// Ask the engine.
static __always_inline __u32 pp_ask(const struct pp_image_head *head, const struct pp_key *key)
{
	const void *image = head;
	const struct pp_sets_area area = {.base = image + pp_load.image.sets_at,
					  .bytes = pp_load.image.set_bytes};

	return pp_match(image + pp_load.image.body_at, key, pp_sets_of(head, &area, key));
}

// Ask the cache first. Nothing but numbers in memory is kept while the engine is asked, so that the
// verifier walks the engine once and not once for each way to get there.
static __always_inline __u32 pp_ask_cached(const struct pp_image_head *head,
					   const struct pp_key *key)
{
	struct pp_cache_head *cache =
		pp_cache_of(bpf_get_smp_processor_id() & pp_load.tap.cpu_mask);
	__u64 serial = head->serial, word = key->word ^ head->zero;
	__u32 slot;

	if (cache->bypass_left == 0 && pp_cache_find(cache, key, word, serial, &slot))
		return slot;
	// Asked again afterwards: the compiler must not remember.
	asm volatile("" : : : "memory");
	slot = pp_ask(head, key);
	if (cache->bypass_left == 0)
		pp_cache_put(cache, key, word, serial, slot);
	else if ((__u8)word != PP_FAMILY_NONE)
		pp_cache_pass_by(cache);
	return slot;
}

// What the rules say of the packet.
//
// @return  -1: there are no rules in force.
static __always_inline int pp_judge(struct pp_packet *pkt, const struct pp_key *key)
{
	const struct pp_image_head *head = pp_image_in_force();
	__u64 slot;

	if (head->generation == 0)
		return -1;
	slot = pp_load.cache.cpu_bytes > 0 ? pp_ask_cached(head, key) : pp_ask(head, key);
	pkt->head = head;
	pkt->slot = slot & (pp_load.image.slots - 1);
	pkt->action = head->action[pkt->slot];
	return 0;
}

static __always_inline int pp_tap_packet(struct xdp_md *ctx, int frags)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct pp_packet pkt;
	struct pp_key key;
	int unparsed;

	pp_arrive(ctx, &pkt, end - data, frags);
	unparsed = pp_parse(data, end, pp_load.tap.frame_kind, pp_load.tap.iface, &key);
	if (unparsed) {
		pp_count(&pkt, unparsed);
		return pp_dump_unjudged(&pkt, unparsed, PP_COUNT_PASSED, XDP_PASS, frags);
	}
	if (pp_judge(&pkt, &key))
		return pp_dump_unjudged(&pkt, PP_COUNT_ABORTED, PP_COUNT_ABORTED, XDP_ABORTED,
					frags);
	pp_count_rule(&pkt);
	return pp_dumping() ? pp_dump_act(&pkt, frags) : pp_act(&pkt);
}

SEC("pp_xdp")
int pp_tap(struct xdp_md *ctx)
{
	return pp_tap_packet(ctx, 0);
}

// For an MTU that needs several buffers, and drivers that split frames.
SEC("pp_xdp.frags")
int pp_tap_frags(struct xdp_md *ctx)
{
	return pp_tap_packet(ctx, 1);
}

#include "tap_out.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
