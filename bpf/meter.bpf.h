/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// `sample` and `limit` of a rule: which packets it copies. What a packet changes is its CPU's own.
//
// sample 1/N       of each N packets that a CPU sees one, at random: as many packets are copied as
//                  1/N says, to within one, and traffic that repeats itself cannot hide in step with
//                  it (RFC 5475, section 5.2.1: random n-out-of-N).
// sample flow 1/N  all packets of the flows whose hash lies in the lowest N-th, both directions alike
//                  (RFC 5475, section 6.2: hash-based selection). A later fragment has no ports; it
//                  belongs to the flow of its addresses and protocol without ports.
// limit N/s        a token bucket for each CPU, with its share of N.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi_meter.h"
#include "act.bpf.h"
#include "load.bpf.h"
#include "maps.bpf.h"
#include "parse.bpf.h"

// No time between two packets counts for more: the credit must fit into 64 bits.
#define PP_METER_ELAPSED_NS_MAX (1ull << 37)

// The finalizer of MurmurHash3.
static __always_inline __u64 pp_meter_mix(__u64 value)
{
	value = (value ^ value >> 33) * 0xff51afd7ed558ccdull;
	value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ull;
	return value ^ value >> 33;
}

// A sum of what both ends are, so that the direction does not matter.
static __always_inline __u64 pp_meter_ends(const struct pp_key *key, __u64 seed)
{
	__u64 sport = key->word >> PP_KEY_SPORT_SHIFT;
	__u64 dport = key->word >> PP_KEY_DPORT_SHIFT & 0xffff;

	if ((__u8)key->word == PP_FAMILY_IP4)
		return pp_meter_mix((key->addr[0] >> 32 | sport << 32) ^ seed) +
		       pp_meter_mix((__u32)key->addr[0] ^ dport << 32 ^ seed);
	return pp_meter_mix(pp_meter_mix(key->addr[0] ^ seed) + (key->addr[1] ^ sport)) +
	       pp_meter_mix(pp_meter_mix(key->addr[2] ^ seed) + (key->addr[3] ^ dport));
}

// The hash of a flow.
//
// @param key  Of a packet with addresses.
// @return     Not 0.
static __always_inline __u64 pp_meter_flow_of(const struct pp_key *key, __u64 seed)
{
	__u64 proto = (__u8)(key->word >> PP_KEY_PROTO_SHIFT);
	__u64 hash = pp_meter_mix(pp_meter_ends(key, seed) + proto);

	return hash ? hash : 1;
}

// The same of a packet that was received.
//
// Not inlined, and it parses the packet again: so the verifier walks it once. What the first parsing
// found must not be kept while the engine is asked, or it walks the engine again for each kind of
// packet. Only packets of rules that sample by flow come here.
//
// @return  0: the packet has no addresses.
__attribute__((noinline)) __u64 pp_meter_flow(struct xdp_md *ctx, __u64 seed)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct pp_key key;

	if (pp_parse(data, end, pp_load.tap.frame_kind, 0, &key) ||
	    (__u8)key.word == PP_FAMILY_NONE)
		return 0;
	return pp_meter_flow_of(&key, seed);
}

static __always_inline int pp_meter_takes_packet(struct pp_meter_state *state, __u32 sample)
{
	if (state->left == 0) {
		state->left = sample;
		state->pick = ((__u64)bpf_get_prandom_u32() * sample >> 32) + 1;
	}
	return state->left-- == state->pick;
}

static __always_inline int pp_meter_pays(const struct pp_meter *meter, struct pp_meter_state *state)
{
	__u64 now_ns = bpf_ktime_get_ns(), elapsed_ns = now_ns - state->time_ns, credit;

	if (elapsed_ns > PP_METER_ELAPSED_NS_MAX)
		elapsed_ns = PP_METER_ELAPSED_NS_MAX;
	credit = state->credit + elapsed_ns * meter->rate;
	if (credit > meter->credit_max)
		credit = meter->credit_max;
	state->time_ns = now_ns;
	state->credit = credit >= meter->cost ? credit - meter->cost : credit;
	return credit >= meter->cost;
}

// @param flow  Hash of the packet's flow; 0: it has none, or the meter asks for none.
static __always_inline int
pp_meter_samples(const struct pp_meter *meter, struct pp_meter_state *state, __u64 flow)
{
	if (flow)
		return flow <= meter->flow_below;
	// What has no addresses has no flow.
	return meter->sample == 0 || pp_meter_takes_packet(state, meter->sample);
}

// The meter of a rule. Rules may have been exchanged since the packet was judged; then it stands in the
// other half, which is not written before no program runs that may read it.
static __always_inline const struct pp_meter *pp_meter_of(__u64 index, __u32 rule_id)
{
	const void *halves = pp_value_of(pp_image) + PP_IMAGE_HALVES_AT + pp_load.image.meters_at +
			     index * sizeof(struct pp_meter);
	__u64 half = *(const volatile __u32 *)pp_value_of(pp_image) & 1;
	const struct pp_meter *meter = halves + pp_times(half, pp_load.image.half_bytes);

	if (meter->rule_id == rule_id)
		return meter;
	return halves + pp_times(half ^ 1, pp_load.image.half_bytes);
}

static __always_inline struct pp_meter_state *pp_meter_state_of(__u64 index)
{
	__u64 cpu = bpf_get_smp_processor_id() & pp_load.tap.cpu_mask;

	return pp_value_of(pp_rows) + pp_times(cpu, pp_load.rows.cpu_bytes) +
	       pp_load.rows.meters_at + index * sizeof(struct pp_meter_state);
}

// What the meter says of a packet.
//
// @param flow  As in pp_meter_samples().
// @return      The counter that says why it is not copied, or 0; above 32 bits: take_last of struct
//              pp_action.
static __always_inline __u64 pp_meter_ask(const struct pp_meter *meter, __u64 index, __u64 flow)
{
	struct pp_meter_state *state = pp_meter_state_of(index);
	__u64 said = (__u64)meter->take_last << 32;

	if (state->rule_id != meter->rule_id) {
		state->rule_id = meter->rule_id;
		state->left = 0;
		state->credit = meter->credit_max;
	}
	if (!pp_meter_samples(meter, state, flow))
		return said + PP_COUNT_COPY_SAMPLED_OUT;
	if (meter->rate && !pp_meter_pays(meter, state))
		return said + PP_COUNT_COPY_LIMITED;
	return said;
}

// The same of a packet that was received. Not inlined for the same reason as pp_meter_flow().
__attribute__((noinline)) __u64 pp_meter(struct xdp_md *ctx, __u32 index, __u32 rule_id)
{
	const struct pp_meter *meter;
	__u64 at = index & (PP_METERS_MAX - 1);

	meter = pp_meter_of(at, rule_id);
	return pp_meter_ask(meter, at, meter->flow_below ? pp_meter_flow(ctx, meter->seed) : 0);
}

// The counter in what a meter said. The mask changes nothing: the verifier knows nothing of what a
// function returns.
static __always_inline __u32 pp_meter_counter(__u64 said)
{
	return said & (sizeof(((struct pp_queue_row *)0)->count) / sizeof(__u64) - 1);
}

// Copy the packet, if the rule has no meter or its meter lets it.
//
// @return  The counter of what happened.
static __always_inline __u32 pp_copy_metered(struct pp_packet *pkt)
{
	__u64 said;

	if (pkt->action.how & PP_ACTION_METER) {
		said = pp_meter(pkt->ctx, pkt->action.take_last, pkt->action.rule_id);
		pkt->action.take_last = said >> 32;
		if ((__u32)said)
			return pp_meter_counter(said);
	}
	return pp_copy(pkt);
}

// Copy the packet if the rule says so.
static __always_inline void pp_act_copy(struct pp_packet *pkt)
{
	__u32 counter;

	pkt->copied = 0;
	if (!(pkt->action.how & PP_ACTION_COPY))
		return;
	counter = pp_copy_metered(pkt);
	pkt->copied = 1u << (counter & 31);
	pp_count(pkt, counter);
}

// Do what the rule says.
static __always_inline int pp_act(struct pp_packet *pkt)
{
	pp_act_copy(pkt);
	switch (pkt->action.how & PP_ACTION_VERDICT) {
	case PP_VERDICT_DROP:
		return pp_leave(pkt, PP_COUNT_DROPPED, XDP_DROP);
	case PP_VERDICT_ROUTE:
	case PP_ACTION_ROUTE_BARE:
		return pp_route(pkt);
	default:
		return pp_leave(pkt, PP_COUNT_PASSED, XDP_PASS);
	}
}
