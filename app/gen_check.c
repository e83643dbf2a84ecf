// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_check.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gen_packet.h"

#define PAGE_SEQS 32768u
#define ETHER_BYTES_MIN 60
// A frame of this flow and sequence number is not ours, whatever its magic says: no sender
// counts that far.
#define SEQ_MAX (1ull << 40)

// Bitmap of the sequence numbers seen, in pages.
struct pp_gen_check_flow {
	uint64_t next; // highest seen, plus one
	uint64_t distinct;
	uint64_t page_count;
	uint64_t **page;
};

struct payload {
	const uint8_t *bytes;
	uint32_t len;
	uint32_t flow;
	uint64_t seq;
};

void pp_gen_check_init(struct pp_gen_check *check, uint64_t seed, uint32_t size_bytes)
{
	*check = (struct pp_gen_check){.seed = seed, .size_bytes = size_bytes};
}

void pp_gen_check_fini(struct pp_gen_check *check)
{
	for (uint32_t i = 0; i < check->flow_count; i++) {
		for (uint64_t j = 0; j < check->flow[i].page_count; j++)
			free(check->flow[i].page[j]);
		free(check->flow[i].page);
	}
	free(check->flow);
	check->flow = NULL;
	check->flow_count = 0;
}

// Headers and the payload's own are at most PP_GEN_HEAD_MAX bytes.
static const uint8_t *find_payload(const uint8_t *frame, uint32_t len)
{
	const uint32_t magic_be = htonl(PP_GEN_MAGIC);
	uint32_t room = len < PP_GEN_HEAD_MAX ? len : PP_GEN_HEAD_MAX;

	return memmem(frame, room, &magic_be, sizeof(magic_be));
}

static bool is_as_sent(const struct payload *pay, uint64_t seed)
{
	const uint8_t *at = pay->bytes + PP_GEN_SEQ_BYTES;
	uint32_t left = pay->len - PP_GEN_SEQ_BYTES;
	uint64_t word = pp_gen_pattern_word(seed, pay->flow, pay->seq), pair[2];

	for (; left >= sizeof(pair); left -= sizeof(pair), at += sizeof(pair)) {
		memcpy(pair, at, sizeof(pair));
		if (pair[0] != htole64(word) || pair[1] != ~pair[0])
			return false;
		word += PP_GEN_PATTERN_STEP;
	}
	for (uint32_t i = 0; i < left; i++)
		if (at[i] != (uint8_t)(PP_GEN_TAIL + i))
			return false;
	return true;
}

// @return  False: the payload is cut off, is longer than it says, or its bytes are wrong.
static bool read_payload(const struct pp_gen_check *check,
			 const uint8_t *bytes,
			 uint32_t room,
			 uint32_t frame_len,
			 struct payload *pay)
{
	uint16_t len_be;
	uint32_t flow_be;
	uint64_t seq_be;

	if (room < PP_GEN_SEQ_BYTES)
		return false;
	memcpy(&flow_be, bytes + 4, sizeof(flow_be));
	memcpy(&seq_be, bytes + 8, sizeof(seq_be));
	memcpy(&len_be, bytes + 16, sizeof(len_be));
	*pay = (struct payload){.bytes = bytes,
				.len = ntohs(len_be),
				.flow = ntohl(flow_be),
				.seq = be64toh(seq_be)};
	if (pay->len < PP_GEN_SEQ_BYTES || pay->len > room)
		return false;
	// Network cards pad the shortest frames.
	if (pay->len < room && frame_len > ETHER_BYTES_MIN)
		return false;
	return pay->flow < PP_GEN_FLOWS_MAX && pay->seq < SEQ_MAX && is_as_sent(pay, check->seed);
}

static struct pp_gen_check_flow *get_flow(struct pp_gen_check *check, uint32_t flow)
{
	struct pp_gen_check_flow *grown;
	uint32_t count = check->flow_count > 0 ? check->flow_count : 64;

	if (flow < check->flow_count)
		return &check->flow[flow];
	while (count <= flow)
		count *= 2;
	grown = reallocarray(check->flow, count, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	memset(grown + check->flow_count, 0, (count - check->flow_count) * sizeof(*grown));
	check->flow = grown;
	check->flow_count = count;
	return &grown[flow];
}

static uint64_t *get_page(struct pp_gen_check_flow *flow, uint64_t seq)
{
	uint64_t index = seq / PAGE_SEQS, **grown;

	if (index >= flow->page_count) {
		grown = reallocarray(flow->page, index + 1, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		memset(grown + flow->page_count, 0,
		       (index + 1 - flow->page_count) * sizeof(*grown));
		flow->page = grown;
		flow->page_count = index + 1;
	}
	if (flow->page[index] == NULL)
		flow->page[index] = calloc(PAGE_SEQS / 64, sizeof(uint64_t));
	return flow->page[index];
}

static void judge_order(struct pp_gen_check *check, const struct payload *pay)
{
	struct pp_gen_check_flow *flow = get_flow(check, pay->flow);
	uint64_t *page = flow != NULL ? get_page(flow, pay->seq) : NULL, *word, bit;

	if (page == NULL) {
		check->no_memory++;
		return;
	}
	word = &page[pay->seq % PAGE_SEQS / 64];
	bit = 1ull << (pay->seq % 64);
	if (*word & bit) {
		check->duplicates++;
		return;
	}
	*word |= bit;
	flow->distinct++;
	if (pay->seq < flow->next)
		check->out_of_order++;
	else
		flow->next = pay->seq + 1;
}

void pp_gen_check_frame(struct pp_gen_check *check, const uint8_t *frame, uint32_t len)
{
	const uint8_t *bytes = find_payload(frame, len);
	struct payload pay;

	if (bytes == NULL) {
		check->other++;
		return;
	}
	check->received++;
	check->received_bytes += len;
	if ((check->size_bytes != 0 && len != check->size_bytes) ||
	    !read_payload(check, bytes, len - (uint32_t)(bytes - frame), len, &pay)) {
		check->corrupt++;
		return;
	}
	judge_order(check, &pay);
}

uint64_t pp_gen_check_flows(const struct pp_gen_check *check)
{
	uint64_t flows = 0;

	for (uint32_t i = 0; i < check->flow_count; i++)
		flows += check->flow[i].distinct > 0;
	return flows;
}

uint64_t pp_gen_check_missing(const struct pp_gen_check *check)
{
	uint64_t missing = 0;

	for (uint32_t i = 0; i < check->flow_count; i++)
		missing += check->flow[i].next - check->flow[i].distinct;
	return missing;
}
