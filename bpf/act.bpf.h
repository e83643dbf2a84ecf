/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// What is done to a judged packet: count, copy, route.
#pragma once

#include "copy_ring_write.h"
#include "load.bpf.h"
#include "maps.bpf.h"

#define PP_TAKE_HEAD_BYTES 64u

// A packet on its way through the program. What is cheap to ask again is not kept: the program has
// ten registers.
struct pp_packet {
	struct xdp_md *ctx; // not of what is sent
	void *rows; // counters of this CPU
	struct pp_queue_row *row; // and of the queue on it
	const struct pp_image_head *head;
	struct pp_action action;
	__u64 slot;
	__u64 len_bytes;
	// For dumps.
	__u32 exit; // enum pp_count: how it left
	__u32 copied; // bit of the counter of its copy; 0: none
};

static __always_inline void pp_count(const struct pp_packet *pkt, __u32 counter)
{
	pkt->row->count[counter]++;
}

// How the packet leaves.
static __always_inline int pp_leave(struct pp_packet *pkt, __u32 counter, int verdict)
{
	pkt->exit = counter;
	pp_count(pkt, counter);
	return verdict;
}

// Row of the packet's queue: queues beyond those known at load share the last one.
static __always_inline __u32 pp_queue_index(__u32 queue)
{
	__u32 count = pp_load.tap.queue_count;

	return pp_load.tap.queue_base + (queue < count ? queue : count - 1);
}

// slot is one of the image's: the caller has masked it.
static __always_inline void pp_count_rule(const struct pp_packet *pkt)
{
	struct pp_rule_row *rule =
		pkt->rows + pp_load.rows.rules_at + pkt->slot * sizeof(struct pp_rule_row);

	rule->pkts++;
	rule->bytes += pkt->len_bytes;
}

static __always_inline void pp_meta_fill(struct pp_meta *meta,
					 const struct pp_packet *pkt,
					 __u32 cap_bytes,
					 __u32 to_shift,
					 __u32 queue)
{
	meta->time_ns = pp_load.tap.timestamps ? bpf_ktime_get_ns() : 0;
	meta->rule_id = pkt->action.rule_id;
	meta->generation = pkt->head->generation;
	meta->len_bytes = pkt->len_bytes;
	meta->cap_bytes = cap_bytes;
	meta->slot = pkt->slot;
	meta->queue = queue;
	meta->iface = pp_load.tap.iface;
	meta->consumer = pkt->action.how >> to_shift & PP_ACTION_CONSUMER;
}

// This CPU's ring; NULL: copying is off, or the CPU was not there when the rings were made.
static __always_inline struct pp_copy_ring_front *pp_copy_ring_of(__u32 cpu)
{
	const __u32 zero = 0;
	void *ring;

	if (pp_load.copy.bytes == 0)
		return NULL;
	ring = bpf_map_lookup_elem(&pp_copy_rings, &cpu);
	return ring == NULL ? NULL : bpf_map_lookup_elem(ring, &zero);
}

// Wake who sleeps until there is something in the ring, and asked for it. Only the first record of a bell
// that was silent wakes; one for which there is no room finds it ringing.
static __always_inline void pp_copy_ring_wake(struct pp_copy_ring_front *ring, __u32 cpu)
{
	const volatile __u64 *wake = bpf_map_lookup_elem(&pp_wake, &cpu);
	__u64 record;
	void *bell;

	if (wake == NULL || !*wake)
		return;
	// A full barrier: what was written is seen by who silences the bell after we looked at it.
	record = __sync_fetch_and_add(&ring->seen, 0);
	bell = bpf_map_lookup_elem(&pp_copy_bells, &cpu);
	if (bell != NULL)
		bpf_ringbuf_output(bell, &record, sizeof(record), 0);
}

// Load the packet's first PP_TAKE_HEAD_BYTES, as many as most rules take, without a call.
//
// @return  Whether there are as many, in one piece.
static __always_inline int pp_take_head(const struct pp_packet *pkt, __u8 *to)
{
	const __u64 *data = (void *)(long)pkt->ctx->data, *end = (void *)(long)pkt->ctx->data_end;
	__u64 *word = (__u64 *)to;

	if (data + PP_TAKE_HEAD_BYTES / sizeof(*data) > end)
		return 0;
	for (__u32 i = 0; i < PP_TAKE_HEAD_BYTES / sizeof(*data); i++)
		word[i] = data[i];
	return 1;
}

// Load the packet's first bytes, 1 to PP_COPY_BYTES_MAX of them: the helper takes one less at a time.
static __always_inline long pp_take(const struct pp_packet *pkt, __u8 *to, __u64 bytes)
{
	const __u32 most = PP_COPY_BYTES_MAX - 1;

	if (bytes > most) {
		if (bpf_xdp_load_bytes(pkt->ctx, most, to + most, 1))
			return -1;
		bytes = most;
	}
	// The verifier wants to see the bounds that the compiler would drop as known; Linux 6.1 does
	// not learn `at least 1` from a comparison with 0, but does from adding 1.
	bytes--;
	asm volatile("" : "+r"(bytes));
	if (bytes >= most)
		return -1;
	return bpf_xdp_load_bytes(pkt->ctx, 0, to, bytes + 1);
}

// Let the reader have a record with so many bytes of a packet.
static __always_inline __u32 pp_submit(struct pp_copy_ring_front *ring, __u64 bytes, __u32 cpu)
{
	pp_copy_ring_commit(ring, PP_COPY_RECORD_BYTES(bytes), pp_load.copy.ordered);
	pp_copy_ring_wake(ring, cpu);
	return PP_COUNT_COPIED;
}

// Copy the packet, or its first take_bytes, into this CPU's ring.
//
// @return  The counter of what happened.
static __always_inline __u32 pp_copy(const struct pp_packet *pkt)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct pp_copy_ring_front *ring = pp_copy_ring_of(cpu);
	struct pp_record *record;
	__u64 bytes = pkt->len_bytes, room;

	if (ring == NULL)
		return PP_COUNT_COPY_NO_RING;
	if (bytes > pkt->action.take_last)
		bytes = pkt->action.take_last + 1u;
	room = bytes < PP_TAKE_HEAD_BYTES ? PP_TAKE_HEAD_BYTES : bytes;
	record = pp_copy_ring_reserve(ring, PP_COPY_RECORD_BYTES(room), pp_load.copy.bytes);
	if (record == NULL)
		return PP_COUNT_COPY_RING_FULL;
	pp_meta_fill(&record->meta, pkt, bytes, PP_ACTION_COPY_TO_SHIFT, pkt->ctx->rx_queue_index);
	if (!(bytes <= PP_TAKE_HEAD_BYTES && pp_take_head(pkt, record->packet)) &&
	    pp_take(pkt, record->packet, bytes))
		return PP_COUNT_COPY_TOO_LONG;
	return pp_submit(ring, bytes, cpu);
}

// Room for metadata right in front of the packet, in the place of what a driver or a program before
// us may have put there: user space looks there and cannot know how much there is.
static __always_inline struct pp_meta *pp_meta_reserve(struct xdp_md *ctx)
{
	long there = (void *)(long)ctx->data - (void *)(long)ctx->data_meta;
	struct pp_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, (int)there - (int)sizeof(*meta)))
		return NULL;
	meta = (void *)(long)ctx->data_meta;
	return (void *)(meta + 1) > (void *)(long)ctx->data ? NULL : meta;
}

static __always_inline int pp_redirect(struct pp_packet *pkt)
{
	if (bpf_redirect_map(&pp_xsks, pp_queue_index(pkt->ctx->rx_queue_index), XDP_PASS) ==
	    XDP_REDIRECT)
		return pp_leave(pkt, PP_COUNT_REDIRECTED, XDP_REDIRECT);
	return pp_leave(pkt, PP_COUNT_ROUTE_NO_SOCKET, XDP_PASS);
}

// Redirect to the AF_XDP socket of the packet's queue, metadata in front.
//
// Without metadata never redirect to who reads it: user space would read what the frame held
// before. On the way back to the stack the metadata comes off, or GRO stops merging.
static __always_inline int pp_route(struct pp_packet *pkt)
{
	struct pp_meta *meta;
	int verdict;

	if ((pkt->action.how & PP_ACTION_VERDICT) == PP_ACTION_ROUTE_BARE)
		return pp_redirect(pkt);
	meta = pp_meta_reserve(pkt->ctx);
	if (meta == NULL)
		return pp_leave(pkt, PP_COUNT_ROUTE_NO_META, XDP_PASS);
	pp_meta_fill(meta, pkt, pkt->len_bytes, PP_ACTION_ROUTE_TO_SHIFT, pkt->ctx->rx_queue_index);
	verdict = pp_redirect(pkt);
	if (verdict == XDP_PASS)
		bpf_xdp_adjust_meta(pkt->ctx, sizeof(*meta));
	return verdict;
}
