// SPDX-License-Identifier: GPL-2.0-only OR MIT
// Packet source: BPF_PROG_TEST_RUN with live frames runs this program on recycled pages, it
// writes the next packet into one and redirects it to the interface. The kernel does not put
// back what a receiver wrote into a page, so every frame is written whole: constant headers,
// then what differs. app/gen_packet_write.c is the same in user space.
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define HEAD_MAX 256
#define PAIRS_MAX 256
#define PATTERN_MUL 0x9e3779b97f4a7c15ull
#define PATTERN_STEP 0xd1b54a32d192ed03ull
#define TAIL 0xa0

// Read-only: the verifier knows the values and drops the code that they switch off.

// As struct pp_gen_part of app/gen_packet.h.
const volatile struct {
	__u64 head[HEAD_MAX / 8];
	__u32 head_bytes;
	__u32 ident_offset;
	__u32 ident_bytes;
	__u32 src_offset;
	__u32 dst_offset;
	__u32 ip_check_offset;
	__u32 sport_offset;
	__u32 dport_offset;
	__u32 l4_check_offset;
	__u32 l4_pseudo;
	__u32 seq_offset;
	__u32 pattern_offset;
	__u32 pattern_pairs;
	__u32 tail_offset;
	__u32 tail_bytes;
	__u32 l4_offset;
	__u32 l4_crc32c;
	__u32 ip_sum;
	__u32 l4_sum;
} part[2];

// As struct pp_gen_plan.
const volatile struct {
	__u32 size_bytes;
	__u32 part_count;
	__u32 ifindex;
	__u32 seq;
	__u32 zero_check_is_ones;
	__u32 flows;
	__u32 sport_lo;
	__u32 dport_lo;
	__u64 sport_count;
	__u64 dport_count;
	__u64 src_count;
	__u64 dst_count;
	__u64 seed;
	__u32 src_base;
	__u32 dst_base;
	__u32 src_host_mask;
	__u32 dst_host_mask;
	__u64 period_fp; // from frame to frame, in ns / 2^16; 0: no pace
} plan;

const volatile __u32 crc32c_table[256];

// As struct pp_gen_cursor. Only one thread runs this program.
struct {
	__u64 sent; // frames given to bpf_redirect()
	__u64 round;
	__u32 flow;
	__u32 part;
	__u32 datagram;
	__u32 sport;
	__u32 dport;
	__u32 src;
	__u32 dst;
} cur;

struct {
	__u64 target; // stop when cur.sent is this
	__u64 start_ns; // set with the first frame when 0
	__u64 end_ns; // set with the last frame
	__u64 next_fp; // when the next frame is due, since start_ns
	__u64 now_fp; // clock as last read, since start_ns
} pace;

static __always_inline __u64 sum64(__u64 value)
{
	return (value & 0xffffffff) + (value >> 32);
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void turn(void)
{
	cur.datagram++;
	if (++cur.flow == plan.flows) {
		cur.flow = cur.sport = cur.dport = cur.src = cur.dst = 0;
		cur.round++;
		return;
	}
	if (++cur.sport < plan.sport_count)
		return;
	cur.sport = 0;
	if (++cur.dport < plan.dport_count)
		return;
	cur.dport = 0;
	if (++cur.src < plan.src_count)
		return;
	cur.src = 0;
	if (++cur.dst == plan.dst_count)
		cur.dst = 0;
}

// Offsets lie below plan.size_bytes, which user space checked and the caller compared with the
// end of the frame.
static __always_inline void write_head(void *frame, __u32 p)
{
	__u32 words = part[p].head_bytes / 8, i;
	__u8 *byte;

	for (i = 0; i < HEAD_MAX / 8; i++) {
		if (i >= words)
			break;
		((__u64 *)frame)[i] = part[p].head[i];
	}
	byte = frame + words * 8;
	if (part[p].head_bytes & 4) {
		*(__u32 *)byte = *(const volatile __u32 *)&part[p].head[words & (HEAD_MAX / 8 - 1)];
		byte += 4;
	}
	if (part[p].head_bytes & 2)
		*(__u16 *)byte = ((const volatile __u16 *)part[p]
					  .head)[(part[p].head_bytes / 2 - 1) & (HEAD_MAX / 2 - 1)];
}

static __always_inline void write_pattern(void *frame, __u32 p, __u64 seq)
{
	__u64 word = ((seq + 1) * PATTERN_MUL) ^ ((__u64)cur.flow << 32 | cur.flow) ^ plan.seed;
	__u64 *at = frame + part[p].pattern_offset;
	__u8 *tail = frame + part[p].tail_offset;
	__u32 i;

	for (i = 0; i < PAIRS_MAX; i++) {
		if (i >= part[p].pattern_pairs)
			break;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		at[0] = word;
#else
		at[0] = __builtin_bswap64(word);
#endif
		at[1] = ~at[0];
		at += 2;
		word += PATTERN_STEP;
	}
	for (i = 0; i < 16; i++) {
		if (i >= part[p].tail_bytes)
			break;
		tail[i] = TAIL + i;
	}
}

static __always_inline __u64 write_seq(void *frame, __u32 p)
{
	__u64 seq = plan.part_count == 2 ? cur.round * 2 + p : cur.round;
	__u64 seq_be = bpf_cpu_to_be64(seq), sum;
	__u32 flow_be = bpf_htonl(cur.flow);

	*(__u32 *)(frame + part[p].seq_offset + 4) = flow_be;
	*(__u64 *)(frame + part[p].seq_offset + 8) = seq_be;
	write_pattern(frame, p, seq);
	sum = flow_be + sum64(seq_be);
	if (plan.part_count == 2)
		sum += flow_be + sum64(bpf_cpu_to_be64(seq + 1));
	return sum;
}

static __always_inline void write_crc32c(void *frame, __u32 p)
{
	__u32 crc = 0xffffffff, n = plan.size_bytes - part[p].l4_offset, i;
	const __u8 *at = frame + part[p].l4_offset;

	*(__u32 *)(frame + part[p].l4_check_offset) = 0;
	for (i = 0; i < 4096; i++) {
		if (i >= n)
			break;
		crc = crc >> 8 ^ crc32c_table[(crc ^ at[i]) & 0xff];
	}
	crc = ~crc;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	crc = __builtin_bswap32(crc);
#endif
	*(__u32 *)(frame + part[p].l4_check_offset) = crc;
}

static __always_inline void write_l4_check(void *frame, __u32 p, __u64 sum)
{
	__u16 check;

	if (part[p].l4_check_offset == 0)
		return;
	if (part[p].l4_crc32c) {
		write_crc32c(frame, p);
		return;
	}
	check = fold(sum);
	if (check == 0 && plan.zero_check_is_ones)
		check = 0xffff;
	*(__u16 *)(frame + part[p].l4_check_offset) = check;
}

// @return  What the addresses add to the L4 checksum.
static __always_inline __u64 write_ip(void *frame, __u32 p)
{
	__u32 src_be = bpf_htonl((plan.src_base & ~plan.src_host_mask) |
				 ((plan.src_base + cur.src) & plan.src_host_mask));
	__u32 dst_be = bpf_htonl((plan.dst_base & ~plan.dst_host_mask) |
				 ((plan.dst_base + cur.dst) & plan.dst_host_mask));
	__u16 ident_be = bpf_htons((__u16)cur.datagram);
	__u64 sum = (__u64)part[p].ip_sum + src_be + dst_be;

	if (part[p].src_offset == 0)
		return 0;
	*(__u32 *)(frame + part[p].src_offset) = src_be;
	*(__u32 *)(frame + part[p].dst_offset) = dst_be;
	if (part[p].ident_bytes == 4) {
		*(__u32 *)(frame + part[p].ident_offset) = bpf_htonl(cur.datagram);
	} else if (part[p].ident_bytes == 2) {
		*(__u16 *)(frame + part[p].ident_offset) = ident_be;
		sum += ident_be;
	}
	if (part[p].ip_check_offset != 0)
		*(__u16 *)(frame + part[p].ip_check_offset) = fold(sum);
	return part[p].l4_pseudo ? (__u64)src_be + dst_be : 0;
}

static __always_inline __u64 write_ports(void *frame, __u32 p)
{
	__u64 sum = 0;
	__u16 port_be;

	if (part[p].sport_offset != 0) {
		port_be = bpf_htons((__u16)(plan.sport_lo + cur.sport));
		*(__u16 *)(frame + part[p].sport_offset) = port_be;
		sum += port_be;
	}
	if (part[p].dport_offset != 0) {
		port_be = bpf_htons((__u16)(plan.dport_lo + cur.dport));
		*(__u16 *)(frame + part[p].dport_offset) = port_be;
		sum += port_be;
	}
	return sum;
}

static __always_inline void write_frame(void *frame, __u32 p)
{
	__u64 sum = part[p].l4_sum;

	write_head(frame, p);
	sum += write_ip(frame, p);
	sum += write_ports(frame, p);
	if (plan.seq)
		sum += write_seq(frame, p);
	write_l4_check(frame, p, sum);
}

// A live run cannot sleep: while no frame is due it goes round with empty hands.
static __always_inline bool is_due(void)
{
	if (cur.sent == pace.target)
		return false;
	if (pace.start_ns == 0)
		pace.start_ns = bpf_ktime_get_ns();
	if (plan.period_fp == 0)
		return true;
	if (pace.next_fp > pace.now_fp) {
		pace.now_fp = (bpf_ktime_get_ns() - pace.start_ns) << 16;
		if (pace.next_fp > pace.now_fp)
			return false;
	}
	pace.next_fp += plan.period_fp;
	return true;
}

SEC("xdp")
int gen(struct xdp_md *ctx)
{
	void *frame = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (!is_due())
		return XDP_DROP;
	if (frame + plan.size_bytes > end)
		return XDP_ABORTED;

	if (plan.part_count == 2 && cur.part == 0) {
		write_frame(frame, 0);
		cur.part = 1;
	} else {
		// Two calls, so that each is verified with constant offsets.
		if (plan.part_count == 2)
			write_frame(frame, 1);
		else
			write_frame(frame, 0);
		cur.part = 0;
		turn();
	}
	if (++cur.sent == pace.target)
		pace.end_ns = bpf_ktime_get_ns();
	return bpf_redirect(plan.ifindex, 0);
}

char _license[] SEC("license") = "Dual MIT/GPL";
