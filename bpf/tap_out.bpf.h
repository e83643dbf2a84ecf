/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The tc program: every packet that an interface sends against the rules `direction out`. Parser,
// engine, image, cache, counters and rings are those of the XDP program; it can pass, drop and copy.
//
// The packet is a struct sk_buff: its bytes may lie in many places, and a VLAN tag beside them. So its
// head is copied to memory of this CPU, as it will be on the wire, and is read there. What the kernel has
// yet to cut up (GSO) is one packet here.
//
// The XDP program of the same CPU never comes in between: bottom halves are off while a packet is sent.
#pragma once

#include <linux/pkt_cls.h>

#define PP_OUT_HEAD_BYTES 256u // what nearly all headers fit in
#define PP_OUT_MAC_BYTES 12u // in front of a tag
#define PP_OUT_TAG_BYTES 4u

// Of a program behind us on the interface, if there is one; else the packet is sent.
#define PP_OUT_PASS TC_ACT_UNSPEC

static __always_inline __u32 pp_out_tag_bytes(const struct __sk_buff *skb)
{
	return skb->vlan_present ? PP_OUT_TAG_BYTES : 0;
}

// As it will be on the wire. Asked again and not kept: the verifier would walk the engine for each
// range that a length was found to be in.
static __always_inline __u64 pp_out_len_bytes(const struct __sk_buff *skb)
{
	asm volatile("" : : : "memory");
	return (__u64)skb->len + pp_out_tag_bytes(skb);
}

static __always_inline void pp_out_arrive(const struct __sk_buff *skb, struct pp_packet *pkt)
{
	__u64 cpu = bpf_get_smp_processor_id() & pp_load.tap.cpu_mask;
	__u64 row = pp_load.tap.queue_base + pp_load.tap.queue_count;

	pkt->rows = pp_value_of(pp_rows) + pp_times(cpu, pp_load.rows.cpu_bytes);
	pkt->row = pkt->rows + row * sizeof(*pkt->row);
	pkt->len_bytes = pp_out_len_bytes(skb);
	pp_count(pkt, PP_COUNT_SEEN);
	pkt->row->count[PP_COUNT_SEEN_BYTES] += pkt->len_bytes;
	if (skb->gso_size > 0) {
		pp_count(pkt, PP_COUNT_SUPER_PACKETS);
		pkt->row->count[PP_COUNT_SUPER_SEGMENTS] += skb->gso_segs;
	}
}

// The tag that stands beside the packet goes between addresses and type. Behind the tag's place the
// packet has been loaded.
static __always_inline void pp_out_insert_tag(const struct __sk_buff *skb, __u8 *to)
{
	__u32 *word = (__u32 *)to;

	for (__u32 i = 0; i < PP_OUT_MAC_BYTES / sizeof(*word); i++)
		word[i] = word[i + 1];
	*(__be16 *)(to + PP_OUT_MAC_BYTES) = skb->vlan_proto;
	*(__be16 *)(to + PP_OUT_MAC_BYTES + 2) = bpf_htons(skb->vlan_tci);
}

// Bounds that the compiler would drop as known, for the verifier: at least 1, at most `most`.
#define PP_OUT_BOUND(n, most)                                                                      \
	({                                                                                         \
		(n)--;                                                                             \
		asm volatile("" : "+r"(n));                                                        \
		(n) < (most) ? ((n)++, 1) : 0;                                                     \
	})

// Load the first bytes of a packet.
//
// @return  How many stand in the record, the tag included; 0: the kernel gave none.
static __always_inline __u64 pp_out_load_head(struct __sk_buff *skb,
					      struct pp_record *record,
					      __u64 len_bytes)
{
	__u64 bytes = len_bytes < PP_OUT_HEAD_BYTES ? len_bytes : PP_OUT_HEAD_BYTES;
	__u64 load = bytes - pp_out_tag_bytes(skb);

	if (!PP_OUT_BOUND(load, PP_OUT_HEAD_BYTES))
		return 0;
	if (!skb->vlan_present)
		return bpf_skb_load_bytes(skb, 0, record->packet, load) ? 0 : bytes;
	if (bpf_skb_load_bytes(skb, 0, record->packet + PP_OUT_TAG_BYTES, load))
		return 0;
	pp_out_insert_tag(skb, record->packet);
	return bytes;
}

// Load what is behind the head.
//
// @param upto_bytes  Of the packet, the tag included: more than PP_OUT_HEAD_BYTES.
static __always_inline long
pp_out_load_rest(struct __sk_buff *skb, struct pp_record *record, __u64 upto_bytes)
{
	__u64 load = upto_bytes - PP_OUT_HEAD_BYTES;

	if (!PP_OUT_BOUND(load, PP_COPY_BYTES_MAX - PP_OUT_HEAD_BYTES))
		return -1;
	return bpf_skb_load_bytes(skb, PP_OUT_HEAD_BYTES - pp_out_tag_bytes(skb),
				  record->packet + PP_OUT_HEAD_BYTES, load);
}

static __always_inline __u64 pp_out_at_most(__u64 len_bytes)
{
	return len_bytes < PP_COPY_BYTES_MAX ? len_bytes : PP_COPY_BYTES_MAX;
}

// Parse what stands in this CPU's record. A function of its own, which the verifier walks once and
// not for each way to get here, and which leaves nothing that it knows.
//
// @param key    Set as pp_parse_any() does.
// @param bytes  In the record.
// @param big    As pp_cursor.big.
// @return       As pp_parse_any().
__attribute__((noinline)) int pp_out_parse(struct pp_key *key, __u32 bytes, __u32 big)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct pp_record *record = bpf_map_lookup_elem(&pp_records, &cpu);

	if (record == NULL || key == NULL || bytes > PP_COPY_BYTES_MAX)
		return PP_COUNT_UNPARSED_ETH_SHORT;
	return pp_parse_any(record->packet, record->packet + bytes, pp_load.tap.frame_kind,
			    pp_load.tap.iface | PP_IFACE_OUT, big, key);
}

// Make the verifier know the family, as it does after the XDP program's parser: else it walks every
// pair of what the cache, the sets and the engine do for each.
static __always_inline void pp_out_know_family(struct pp_key *key)
{
	__u64 family = (__u8)key->word, rest = key->word - family;

	if (family == PP_FAMILY_IP4)
		asm volatile("%0 = %1" : "=r"(family) : "i"(PP_FAMILY_IP4));
	else if (family == PP_FAMILY_IP6)
		asm volatile("%0 = %1" : "=r"(family) : "i"(PP_FAMILY_IP6));
	else
		asm volatile("%0 = %1" : "=r"(family) : "i"(PP_FAMILY_NONE));
	rest &= ~0xffull;
	asm volatile("" : "+r"(rest));
	key->word = rest + family;
}

// Headers that are longer than the head are rare enough to be parsed again with all that there is.
static __always_inline int
pp_out_read(struct __sk_buff *skb, struct pp_record *record, struct pp_key *key)
{
	__u64 len_bytes = pp_out_len_bytes(skb);
	__u64 bytes = pp_out_load_head(skb, record, len_bytes);
	__u32 big = skb->gso_size > 0;
	int unparsed = pp_out_parse(key, bytes, big);

	if (unparsed == 0 || bytes == 0 || bytes == len_bytes)
		return unparsed;
	bytes = pp_out_at_most(len_bytes);
	if (pp_out_load_rest(skb, record, bytes))
		return unparsed;
	return pp_out_parse(key, bytes, big);
}

// As pp_copy(). The head is loaded again: it is longer than what the rule may want.
static __always_inline __u32 pp_out_copy(struct __sk_buff *skb, struct pp_packet *pkt)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct pp_copy_ring_front *ring = pp_copy_ring_of(cpu);
	struct pp_record *record;
	__u64 bytes = pkt->len_bytes, room;

	if (ring == NULL)
		return PP_COUNT_COPY_NO_RING;
	if (bytes > pkt->action.take_last)
		bytes = pkt->action.take_last + 1u;
	room = bytes < PP_OUT_HEAD_BYTES ? PP_OUT_HEAD_BYTES : bytes;
	record = pp_copy_ring_reserve(ring, PP_COPY_RECORD_BYTES(room), pp_load.copy.bytes);
	if (record == NULL)
		return PP_COUNT_COPY_RING_FULL;
	pp_meta_fill(&record->meta, pkt, bytes, PP_ACTION_COPY_TO_SHIFT, PP_QUEUE_OUT);
	if (!pp_out_load_head(skb, record, pkt->len_bytes) ||
	    (bytes > PP_OUT_HEAD_BYTES && pp_out_load_rest(skb, record, bytes)))
		return PP_COUNT_COPY_TOO_LONG;
	return pp_submit(ring, bytes, cpu);
}

// As pp_meter(), of a packet that is sent: its head stands in the record. Headers longer than that
// make no flow, so the packet is sampled by itself.
__attribute__((noinline)) __u64 pp_out_meter(__u32 index, __u32 rule_id, __u32 len_bytes, __u32 big)
{
	__u64 at = index & (PP_METERS_MAX - 1), flow = 0;
	const struct pp_meter *meter = pp_meter_of(at, rule_id);
	struct pp_key key = {0};

	if (len_bytes > PP_OUT_HEAD_BYTES)
		len_bytes = PP_OUT_HEAD_BYTES;
	if (meter->flow_below && pp_out_parse(&key, len_bytes, big) == 0 &&
	    (__u8)key.word != PP_FAMILY_NONE)
		flow = pp_meter_flow_of(&key, meter->seed);
	return pp_meter_ask(meter, at, flow);
}

// As pp_copy_metered().
static __always_inline __u32 pp_out_copy_metered(struct __sk_buff *skb, struct pp_packet *pkt)
{
	__u64 said;

	if (pkt->action.how & PP_ACTION_METER) {
		said = pp_out_meter(pkt->action.take_last, pkt->action.rule_id, pkt->len_bytes,
				    skb->gso_size > 0);
		pkt->action.take_last = said >> 32;
		if ((__u32)said)
			return pp_meter_counter(said);
	}
	return pp_out_copy(skb, pkt);
}

// A packet that no rule matches is sent: the default action is about what is received.
static __always_inline int pp_out_act(struct __sk_buff *skb, struct pp_packet *pkt)
{
	if (pkt->slot != PP_SLOT_DEFAULT) {
		pp_count_rule(pkt);
		if (pkt->action.how & PP_ACTION_COPY)
			pp_count(pkt, pp_out_copy_metered(skb, pkt));
		if ((pkt->action.how & PP_ACTION_VERDICT) == PP_VERDICT_DROP) {
			pp_count(pkt, PP_COUNT_DROPPED);
			return TC_ACT_SHOT;
		}
	}
	pp_count(pkt, PP_COUNT_PASSED);
	return PP_OUT_PASS;
}

SEC("pp_tc")
int pp_tap_out(struct __sk_buff *skb)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct pp_record *record = bpf_map_lookup_elem(&pp_records, &cpu);
	struct pp_packet pkt;
	struct pp_key key = {0};
	int unparsed;

	pp_out_arrive(skb, &pkt);
	if (record == NULL)
		goto aborted;
	unparsed = pp_out_read(skb, record, &key);
	if (unparsed) {
		// A function's result can be anything to the verifier, and Linux 6.1 wants a mask.
		asm volatile("" : "+r"(unparsed));
		pp_count(&pkt, unparsed & (PP_COUNTS - 1));
		pp_count(&pkt, PP_COUNT_PASSED);
		return PP_OUT_PASS;
	}
	pp_out_know_family(&key);
	pkt.len_bytes = pp_out_len_bytes(skb);
	if (pp_judge(&pkt, &key) == 0)
		return pp_out_act(skb, &pkt);
aborted:
	pp_count(&pkt, PP_COUNT_ABORTED);
	return PP_OUT_PASS;
}
