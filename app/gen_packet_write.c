// SPDX-License-Identifier: MIT OR Apache-2.0
// The per-frame half of gen_packet.h. bpf/gen.bpf.c is the same in the kernel.
#include "gen_packet.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "gen_sum.h"

static void store16(uint8_t *frame, uint16_t offset, uint16_t value)
{
	if (offset != 0)
		memcpy(frame + offset, &value, sizeof(value));
}

static void store32(uint8_t *frame, uint16_t offset, uint32_t value)
{
	if (offset != 0)
		memcpy(frame + offset, &value, sizeof(value));
}

static uint64_t sum64(uint64_t value)
{
	return (value & 0xffffffff) + (value >> 32);
}

uint64_t pp_gen_pattern_word(uint64_t seed, uint32_t flow, uint64_t seq)
{
	return (seq + 1) * PP_GEN_PATTERN_MUL ^ ((uint64_t)flow << 32 | flow) ^ seed;
}

// Round to the next flow: an odometer whose first wheel is the source port.
static void turn(const struct pp_gen_plan *plan, struct pp_gen_cursor *cur)
{
	cur->datagram++;
	if (++cur->flow == plan->flows) {
		cur->flow = cur->sport = cur->dport = cur->src = cur->dst = 0;
		cur->round++;
		return;
	}
	if (++cur->sport < plan->sport_count)
		return;
	cur->sport = 0;
	if (++cur->dport < plan->dport_count)
		return;
	cur->dport = 0;
	if (++cur->src < plan->src_count)
		return;
	cur->src = 0;
	if (++cur->dst == plan->dst_count)
		cur->dst = 0; // frames that are not IP: flows differ in the payload alone
}

static void write_pattern(const struct pp_gen_plan *plan,
			  const struct pp_gen_part *part,
			  uint32_t flow,
			  uint64_t seq,
			  uint8_t *frame)
{
	uint64_t word = pp_gen_pattern_word(plan->seed, flow, seq), pair[2];
	uint8_t *at = frame + part->pattern_offset;

	for (uint32_t i = 0; i < part->pattern_pairs; i++, at += sizeof(pair)) {
		pair[0] = htole64(word);
		pair[1] = ~pair[0];
		memcpy(at, pair, sizeof(pair));
		word += PP_GEN_PATTERN_STEP;
	}
	for (uint32_t i = 0; i < part->tail_bytes; i++)
		frame[part->tail_offset + i] = (uint8_t)(PP_GEN_TAIL + i);
}

// @return  What the payload's changing fields add to a checksum.
static uint64_t write_seq(const struct pp_gen_plan *plan,
			  const struct pp_gen_part *part,
			  const struct pp_gen_cursor *cur,
			  uint8_t *frame)
{
	uint64_t seq = cur->round * plan->part_count + cur->part;
	uint64_t seq_be = htobe64(seq), sum;
	uint32_t flow_be = htonl(cur->flow);

	memcpy(frame + part->seq_offset + 4, &flow_be, sizeof(flow_be));
	memcpy(frame + part->seq_offset + 8, &seq_be, sizeof(seq_be));
	write_pattern(plan, part, cur->flow, seq, frame);
	sum = flow_be + sum64(seq_be);
	if (plan->part_count == 2) // the later fragment is under the same checksum
		sum += flow_be + sum64(htobe64(seq + 1));
	return sum;
}

static void write_l4_check(const struct pp_gen_plan *plan,
			   const struct pp_gen_part *part,
			   uint64_t sum,
			   uint8_t *frame)
{
	uint16_t check;

	if (part->l4_check_offset == 0)
		return;
	if (part->l4_crc32c) {
		memset(frame + part->l4_check_offset, 0, 4);
		store32(frame, part->l4_check_offset,
			htole32(~pp_gen_crc32c(PP_GEN_CRC32C_START, frame + part->l4_offset,
					       plan->size_bytes - part->l4_offset)));
		return;
	}
	check = pp_gen_sum_fold(sum);
	if (check == 0 && plan->zero_check_is_ones)
		check = 0xffff;
	store16(frame, part->l4_check_offset, check);
}

void pp_gen_packet_write(const struct pp_gen_plan *plan, struct pp_gen_cursor *cur, uint8_t *frame)
{
	const struct pp_gen_part *part = &plan->part[cur->part];
	uint32_t src_be = htonl((plan->src_base & ~plan->src_host_mask) |
				((plan->src_base + cur->src) & plan->src_host_mask));
	uint32_t dst_be = htonl((plan->dst_base & ~plan->dst_host_mask) |
				((plan->dst_base + cur->dst) & plan->dst_host_mask));
	uint16_t sport_be = part->sport_offset ? htons((uint16_t)(plan->sport_lo + cur->sport)) : 0;
	uint16_t dport_be = part->dport_offset ? htons((uint16_t)(plan->dport_lo + cur->dport)) : 0;
	uint64_t l4_sum = (uint64_t)part->l4_sum + sport_be + dport_be;
	uint64_t ip_sum = (uint64_t)part->ip_sum + src_be + dst_be;
	uint16_t ident_be = htons((uint16_t)cur->datagram);

	memcpy(frame, part->head, part->head_bytes);
	store32(frame, part->src_offset, src_be);
	store32(frame, part->dst_offset, dst_be);
	if (part->ident_bytes == 4) {
		store32(frame, part->ident_offset, htonl(cur->datagram));
	} else if (part->ident_bytes == 2) {
		store16(frame, part->ident_offset, ident_be);
		ip_sum += ident_be;
	}
	if (part->ip_check_offset != 0)
		store16(frame, part->ip_check_offset, pp_gen_sum_fold(ip_sum));
	store16(frame, part->sport_offset, sport_be);
	store16(frame, part->dport_offset, dport_be);
	if (part->l4_pseudo)
		l4_sum += (uint64_t)src_be + dst_be;
	if (plan->seq)
		l4_sum += write_seq(plan, part, cur, frame);
	write_l4_check(plan, part, l4_sum, frame);

	if (++cur->part == plan->part_count) {
		cur->part = 0;
		turn(plan, cur);
	}
}
