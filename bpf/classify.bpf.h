/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Classification alone, without a packet: keys out of a trace, one a run. An engine's object defines
// PP_ENGINE_NAME and pp_match() as for the tap (bpf/tap.bpf.h) and includes this; the programs
// without the engine are what its cost is counted over.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "classify.h"
#include "load.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct pp_classify_trace));
} classify_trace SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 64); // set at load
} classify_body SEC(".maps");

// As in bpf/maps.bpf.h: dataplane/bpf_values.h says why.
#define classify_value_of(map)                                                                     \
	({                                                                                         \
		void *value = &(map);                                                              \
		asm volatile("" : "+r"(value));                                                    \
		value;                                                                             \
	})

// The index of the packet's key.
//
// @param timed  Note when it is used for the first time.
static __always_inline __u64 classify_next(struct pp_classify_trace *trace, int timed)
{
	__u64 at = trace->at++, shift = trace->shift & 63;
	__u64 index = at >> shift & (PP_CLASSIFY_KEYS - 1);

	if (timed && (at & ((1ull << shift) - 1)) == 0)
		trace->time_ns[index] = bpf_ktime_get_ns();
	return index;
}

static __always_inline int classify_empty(int timed)
{
	struct pp_classify_trace *trace = classify_value_of(classify_trace);
	struct pp_key key = trace->key[classify_next(trace, timed)];

	trace->sum += key.word ^ key.addr[0] ^ key.addr[1] ^ key.addr[2] ^ key.addr[3];
	return XDP_DROP;
}

static __always_inline int classify_match(int timed)
{
	struct pp_classify_trace *trace = classify_value_of(classify_trace);
	__u64 index = classify_next(trace, timed);
	struct pp_key key = trace->key[index];
	__u32 slot = pp_match(classify_value_of(classify_body), &key, trace->sets);

	trace->sum += slot;
	if (timed)
		trace->slot[index] = slot;
	return XDP_DROP;
}

SEC("classify")
int classify_empty_all(struct xdp_md *ctx)
{
	(void)ctx;
	return classify_empty(0);
}

SEC("classify")
int classify_match_all(struct xdp_md *ctx)
{
	(void)ctx;
	return classify_match(0);
}

SEC("classify")
int classify_empty_each(struct xdp_md *ctx)
{
	(void)ctx;
	return classify_empty(1);
}

SEC("classify")
int classify_match_each(struct xdp_md *ctx)
{
	(void)ctx;
	return classify_match(1);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
