/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Packets on their way to dumps (dataplane/dumps.h).
//
// While nobody dumps, a packet costs a test of a word beside the selector of pp_image. For a packet that
// is to be told there is a way of its own, so that nothing has to be kept in registers for it otherwise:
// what is known of it is told before it is acted upon, and how it left afterwards.
#pragma once

#include "act.bpf.h"
#include "load.bpf.h"
#include "maps.bpf.h"
#include "meter.bpf.h"

static __always_inline int pp_dumping(void)
{
	const volatile struct pp_image_front *front = pp_value_of(pp_image);

	return __builtin_expect(front->dumping != 0, 0);
}

static __always_inline struct pp_dump_note *pp_dump_note(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&pp_dump_notes, &cpu);
}

static __always_inline void
pp_dump_note_fill(struct pp_dump_note *note, const struct pp_packet *pkt, __u32 counted)
{
	note->meta.len_bytes = pkt->len_bytes;
	note->meta.queue = pkt->ctx->rx_queue_index;
	note->meta.iface = pp_load.tap.iface;
	note->frame_kind = pp_load.tap.frame_kind;
	note->counted = counted;
}

// What the rules say of the packet; no rule was asked: 0.
static __always_inline void pp_dump_tell(const struct pp_packet *pkt, __u32 counted, int judged)
{
	struct pp_dump_note *note = pp_dump_note();

	if (note == NULL)
		return;
	note->meta.rule_id = judged ? pkt->action.rule_id : 0;
	note->meta.generation = judged ? pkt->head->generation : 0;
	note->meta.slot = judged ? pkt->slot : 0;
	pp_dump_note_fill(note, pkt, counted);
}

// To the first dump there is; each goes on to the next one, and the last gives the verdict.
static __always_inline void pp_dump_call(struct xdp_md *ctx, int frags)
{
#pragma unroll
	for (int i = 0; i < PP_DUMPS_MAX; i++) {
		if (frags)
			bpf_tail_call_static(ctx, &pp_dumps_frags, i);
		else
			bpf_tail_call_static(ctx, &pp_dumps, i);
	}
}

// The packet is done with.
//
// @param moved  Bits of the counters that it moved since it was told.
// @return       The verdict.
static __always_inline int pp_dump_end(struct xdp_md *ctx, __u32 moved, int verdict, int frags)
{
	struct pp_dump_note *note = pp_dump_note();

	if (note == NULL)
		return verdict;
	note->counted |= moved;
	note->xdp = verdict;
	pp_dump_call(ctx, frags);
	return verdict;
}

// Act upon a judged packet, and go on to the dumps.
static __always_inline int pp_dump_act(struct pp_packet *pkt, int frags)
{
	int verdict;

	pp_dump_tell(pkt, 0, 1);
	verdict = pp_act(pkt);
	return pp_dump_end(pkt->ctx, 1u << (pkt->exit & 31) | pkt->copied, verdict, frags);
}

// A packet that no rule judged leaves.
//
// @param why      Counter of the reason.
// @param counter  By which it leaves; may be the same.
static __always_inline int
pp_dump_unjudged(struct pp_packet *pkt, __u32 why, __u32 counter, int verdict, int frags)
{
	verdict = pp_leave(pkt, counter, verdict);
	if (!pp_dumping())
		return verdict;
	pp_dump_tell(pkt, 1u << (why & 31), 0);
	return pp_dump_end(pkt->ctx, 1u << (counter & 31), verdict, frags);
}
