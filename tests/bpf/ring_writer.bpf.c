// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Puts into a BPF ring what the tap program never does: records given up, and one that is under way
// until user space says so.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define RESERVED_BYTES 64
#define PATIENCE_LOOPS 100 // of a few hundredths of a second
#define LOOP (1 << 23)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); // another ring takes its place at load
} ring SEC(".maps");

// Written by user space through mmap.
volatile __u32 output_bytes = 1;
volatile __u64 hold;

// Where records are put together; byte 0 to 7 hold the number of the record.
__u64 record[1024];
__u64 number;

// Write output_bytes, numbered.
SEC("xdp")
int write_record(struct xdp_md *ctx)
{
	__u64 bytes = output_bytes;

	(void)ctx;
	record[0] = number;
	asm volatile("" : "+r"(bytes));
	if (bytes < 1 || bytes > sizeof(record))
		return XDP_ABORTED;
	if (bpf_ringbuf_output(&ring, record, bytes, 0))
		return XDP_DROP;
	number++;
	return XDP_PASS;
}

// Reserve and give up.
SEC("xdp")
int discard_record(struct xdp_md *ctx)
{
	void *reserved = bpf_ringbuf_reserve(&ring, RESERVED_BYTES, 0);

	(void)ctx;
	if (reserved == NULL)
		return XDP_DROP;
	bpf_ringbuf_discard(reserved, 0);
	return XDP_PASS;
}

static long wait(__u32 i, void *arg)
{
	(void)i;
	(void)arg;
	return hold == 0;
}

static long wait_long(__u32 i, void *arg)
{
	(void)i;
	(void)arg;
	bpf_loop(LOOP, wait, NULL, 0);
	return hold == 0;
}

// Reserve, wait until hold is 0 or patience ends, and submit.
SEC("xdp")
int hold_record(struct xdp_md *ctx)
{
	__u64 *reserved = bpf_ringbuf_reserve(&ring, RESERVED_BYTES, 0);

	(void)ctx;
	if (reserved == NULL)
		return XDP_DROP;
	bpf_loop(PATIENCE_LOOPS, wait_long, NULL, 0);
	*reserved = number++;
	bpf_ringbuf_submit(reserved, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
