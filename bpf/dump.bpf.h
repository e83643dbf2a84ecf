/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Packets on their way to dumps (dataplane/dumps.h).
//
// While nobody dumps, a packet costs two tests of a word beside the selector of pp_image. What is
// known of a packet is told before it is acted upon and how it left afterwards, so that nothing has to
// be kept in registers in between. The word may change in between: before a program enters an array
// user space waits until all packets are told, so an old note is read by nobody.
#pragma once

#include "act.bpf.h"
#include "load.bpf.h"
#include "maps.bpf.h"

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

// No rule was asked.
//
// @param counter  Why.
static __always_inline void pp_dump_tell_unjudged(const struct pp_packet *pkt, __u32 counter)
{
	struct pp_dump_note *note = pp_dumping() ? pp_dump_note() : NULL;

	if (note == NULL)
		return;
	note->meta.rule_id = 0;
	note->meta.generation = 0;
	note->meta.slot = 0;
	pp_dump_note_fill(note, pkt, 1u << (counter & 31));
}

// A rule was.
static __always_inline void pp_dump_tell(const struct pp_packet *pkt)
{
	struct pp_dump_note *note = pp_dumping() ? pp_dump_note() : NULL;

	if (note == NULL)
		return;
	note->meta.rule_id = pkt->action.rule_id;
	note->meta.generation = pkt->head->generation;
	note->meta.slot = pkt->slot;
	pp_dump_note_fill(note, pkt, 0);
}

// The packet moved one more counter.
static __always_inline void pp_dump_add(__u32 counter)
{
	struct pp_dump_note *note = pp_dumping() ? pp_dump_note() : NULL;

	if (note != NULL)
		note->counted |= 1u << (counter & 31);
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
// @return  The verdict.
static __always_inline int pp_dump(const struct pp_packet *pkt, int verdict, int frags)
{
	struct pp_dump_note *note;

	if (!pp_dumping())
		return verdict;
	note = pp_dump_note();
	if (note == NULL)
		return verdict;
	note->counted |= 1u << (pkt->exit & 31);
	note->xdp = verdict;
	pp_dump_call(pkt->ctx, frags);
	return verdict;
}
