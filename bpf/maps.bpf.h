/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The maps that all taps of a plane share, and what each program is told at load.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"

// Read-only data: the verifier folds it, so one source serves every kind of interface.
volatile const struct pp_tap_config pp_tap_config = {.queue_count = 1};

// The image in force: slot 0. One update swaps the rules of every interface.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__uint(map_flags, BPF_F_MMAPABLE);
			__uint(key_size, sizeof(__u32));
			__uint(value_size, sizeof(struct pp_linear_image));
		});
} pp_images SEC(".maps");

// One copy ring per CPU.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); // CPUs, set at load
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 4096);
		});
} pp_copy_rings SEC(".maps");

struct pp_record {
	struct pp_meta meta;
	__u8 packet[PP_COPY_BYTES_MAX];
};

// Where a record is put together before it goes to the ring: one per CPU.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // CPUs, set at load
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct pp_record));
} pp_records SEC(".maps");

// Per CPU: user space sleeps and wants the ring to wake it.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // CPUs, set at load
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} pp_wake SEC(".maps");

// Counters by CPU.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // CPUs, set at load
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct pp_cpu_rows) + sizeof(struct pp_queue_row)); // set at load
} pp_rows SEC(".maps");

// AF_XDP sockets by queue_base + queue.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1); // set at load
	__type(key, __u32);
	__type(value, __u32);
} pp_xsks SEC(".maps");
