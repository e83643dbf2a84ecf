// SPDX-License-Identifier: MIT OR Apache-2.0
// Builds the frames of `push-packet gen`: what every frame has in common is laid out once, and
// what differs from frame to frame (addresses, ports, sequence number, checksums) is a list of
// places in it. bpf/gen.bpf.c does the same rewriting in the kernel; tests/netns/test_gen.py
// compares the two byte by byte.
//
// The payload, when it is `seq` (all numbers big-endian unless said):
//
//     0   4  magic, the bytes "PPGN"
//     4   4  flow id, from 0
//     8   8  sequence number within the flow, from 0
//    16   2  payload length in bytes, from the magic to the end
//    18      pairs of 64-bit little-endian words: w, ~w, w + STEP, ~(w + STEP), ...
//            with w = ((sequence + 1) * MUL) ^ ((flow id << 32) + flow id) ^ seed
//    end     what is left after the last whole pair: 0xa0, 0xa1, ...
//
// A word and its complement add nothing to a ones' complement checksum, so that checksums need
// the sequence number and not the pattern.
//
// With `both` fragments a flow's first fragments have the even sequence numbers and the later
// ones the odd.
//
// Threads    a plan is read-only once built; a cursor belongs to one thread.
// Cost       pp_gen_packet_write(): no allocation, no system call.
// Ownership  pp_gen_plan_init() allocates image; pp_gen_plan_fini() frees it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

#define PP_GEN_MAGIC 0x5050474eu // "PPGN"
#define PP_GEN_SEQ_BYTES 18u
#define PP_GEN_PATTERN_MUL 0x9e3779b97f4a7c15u
#define PP_GEN_PATTERN_STEP 0xd1b54a32d192ed03u
#define PP_GEN_TAIL 0xa0u
#define PP_GEN_HEAD_MAX 256u // headers and PP_GEN_SEQ_BYTES
#define PP_GEN_FLOWS_MAX (1u << 24)
#define PP_GEN_FLOWS_IMPLIED_MAX (1u << 20)
#define PP_GEN_EXT_MAX 8
#define PP_GEN_SIZE_DEFAULT 64u

enum pp_gen_fragment {
	PP_GEN_FRAGMENT_NONE,
	PP_GEN_FRAGMENT_FIRST,
	PP_GEN_FRAGMENT_LATER,
	PP_GEN_FRAGMENT_BOTH, // first, later, first, later, ...
};

// Addresses base to the last one of its prefix and round to the first, one per flow. At most
// the low 32 bits move.
struct pp_gen_addrs {
	uint8_t base[16]; // IPv4: the first four
	uint8_t prefix_bits; // 32 or 128: this one address
};

struct pp_gen_ports {
	uint16_t lo;
	uint16_t hi;
};

struct pp_gen_spec {
	bool raw_ip; // no Ethernet header
	uint32_t size_bytes; // of the frame without FCS; 0: PP_GEN_SIZE_DEFAULT or what is needed
	uint8_t src_mac[6];
	uint8_t dst_mac[6];
	uint8_t vlan_count; // 0 to 2
	uint16_t vlan[2]; // outer first
	int32_t ethertype; // -1: IP
	uint8_t family; // 4 or 6
	struct pp_gen_addrs src;
	struct pp_gen_addrs dst;
	struct pp_gen_ports sport; // ICMP: the echo identifier
	struct pp_gen_ports dport;
	uint8_t proto; // IPPROTO_*; ICMP on IPv6 is sent as ICMPv6
	uint32_t flows; // 0: as many as the ranges give, at most PP_GEN_FLOWS_IMPLIED_MAX
	uint8_t fragment; // enum pp_gen_fragment
	uint8_t option_bytes; // IPv4 options: 0 to 40, a multiple of 4
	uint8_t ext_count;
	uint8_t ext[PP_GEN_EXT_MAX]; // IPPROTO_* of IPv6 extension headers, in order
	bool seq; // the payload carries sequence numbers
	uint64_t seed;
};

// Where in a frame the changing fields are; offset 0: not in this frame. Sums are ones'
// complement sums of the constant part, in 16-bit words as they stand in memory.
struct pp_gen_part {
	uint8_t head[PP_GEN_HEAD_MAX];
	uint16_t head_bytes; // to copy in front of the changing fields
	uint16_t ident_offset; // fragment identification
	uint16_t ident_bytes; // 2 or 4
	uint16_t src_offset; // of the low 32 bits of the source address
	uint16_t dst_offset;
	uint16_t ip_check_offset; // IPv4 only
	uint16_t sport_offset;
	uint16_t dport_offset;
	uint16_t l4_check_offset;
	uint16_t l4_pseudo; // 1: addresses are part of the L4 checksum
	uint16_t l4_crc32c; // 1: the L4 checksum is SCTP's
	uint16_t seq_offset; // of the magic
	uint16_t pattern_offset;
	uint16_t pattern_pairs;
	uint16_t tail_offset;
	uint16_t tail_bytes;
	uint16_t l4_offset;
	uint32_t ip_sum;
	uint32_t l4_sum;
};

struct pp_gen_plan {
	uint32_t size_bytes;
	uint32_t part_count; // 2: first and later fragments alternate
	struct pp_gen_part part[2];
	uint8_t *image; // size_bytes of part[0], changing fields zero
	uint32_t flows;
	uint64_t seed;
	bool seq;
	bool zero_check_is_ones; // UDP: 0 means "no checksum"
	// Mixed radix: the source port turns fastest, then destination port, source, destination.
	uint16_t sport_lo;
	uint16_t dport_lo;
	uint64_t sport_count;
	uint64_t dport_count;
	uint64_t src_count;
	uint64_t dst_count;
	uint32_t src_base; // low 32 bits, host order
	uint32_t dst_base;
	uint32_t src_host_mask; // the bits that move
	uint32_t dst_host_mask;
};

// Where in the cycle of flows the next frame is. Zero: at the first.
struct pp_gen_cursor {
	uint64_t round; // times that every flow was sent
	uint32_t flow;
	uint32_t part;
	uint32_t datagram; // fragment identification
	uint32_t sport;
	uint32_t dport;
	uint32_t src;
	uint32_t dst;
};

// Lay out the frames.
//
// @param size_max  Frame size that the chosen way of sending can take.
// @param out       Set on success; free with pp_gen_plan_fini().
// @return          0; -EINVAL: spec contradicts itself or the size is not in range, and err says
//                  what the range is; -ENOMEM.
int pp_gen_plan_init(struct pp_gen_plan *out,
		     const struct pp_gen_spec *spec,
		     uint32_t size_max,
		     struct pp_error *err);
void pp_gen_plan_fini(struct pp_gen_plan *plan);

// Write the frame at the cursor and move the cursor on.
//
// @param frame   plan->size_bytes, initialised once with plan->image.
void pp_gen_packet_write(const struct pp_gen_plan *plan,
			 struct pp_gen_cursor *cursor,
			 uint8_t *frame);

// The first word of the pattern, host order.
uint64_t pp_gen_pattern_word(uint64_t seed, uint32_t flow, uint64_t seq);
