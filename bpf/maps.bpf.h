/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The maps that all taps of a plane share.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi.h"

// The images: two halves, one in force (struct pp_image_layout). One store to the selector swaps the
// rules of every interface.
//
// This map, pp_rows and pp_cache have one element, and dataplane/bpf_values.c has the program address
// it as it addresses a global variable: no lookup, no check for NULL.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 8); // set at load
} pp_image SEC(".maps");

// Counters, as struct pp_rows_layout says.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 8); // set at load
} pp_rows SEC(".maps");

// The verdict cache, as struct pp_cache_layout says; one element too.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 8); // set at load
} pp_cache SEC(".maps");

// One copy ring per CPU: struct pp_copy_ring_front and what follows.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); // CPUs, set at load
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__uint(map_flags, BPF_F_MMAPABLE);
			__uint(key_size, sizeof(__u32));
			__uint(value_size, 8); // set at load
		});
} pp_copy_rings SEC(".maps");

// And a bell beside each, for a reader that sleeps: a ring that can wake.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); // CPUs, set at load
	__type(key, __u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_RINGBUF);
			__uint(max_entries, 4096);
		});
} pp_copy_bells SEC(".maps");

struct pp_record {
	struct pp_meta meta;
	__u8 packet[PP_COPY_BYTES_MAX];
};

// Where a record of a dump is put together, and the head of a packet that is sent: one per CPU.
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

// Dumps: one array for each variant of the program, because all programs of an array must be of one.
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PP_DUMPS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} pp_dumps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, PP_DUMPS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} pp_dumps_frags SEC(".maps");

// What they are told, one per CPU, whole cache lines.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // CPUs, set at load
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 64);
} pp_dump_notes SEC(".maps");

// AF_XDP sockets by queue_base + queue.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1); // set at load
	__type(key, __u32);
	__type(value, __u32);
} pp_xsks SEC(".maps");

// The value of a map of one element.
#define pp_value_of(map)                                                                           \
	({                                                                                         \
		void *value = &(map);                                                              \
		asm volatile("" : "+r"(value));                                                    \
		value;                                                                             \
	})

// index * bytes, in this order: the verifier of Linux 6.1 knows the product of a number and a constant,
// and nothing of that of a constant and a number.
static __always_inline __u64 pp_times(__u64 index, __u64 bytes)
{
	asm volatile("%0 *= %1" : "+r"(index) : "r"(bytes));
	return index;
}
