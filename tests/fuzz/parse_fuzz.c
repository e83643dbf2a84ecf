// SPDX-License-Identifier: MIT OR Apache-2.0
// Any bytes as a packet: the XDP program's parser against the naive one, in memory of exactly the
// packet's size. The first byte says whether there is an Ethernet header.
#include "parse.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "oracle_parse.h"

#define IFACE 63u
#define TAIL_BYTES 7u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// abort() stops whatever the build says of assertions.
static void require(bool holds)
{
	if (!holds)
		abort();
}

static int parse(uint32_t kind, const uint8_t *data, uint32_t bytes, struct pp_key *key)
{
	uint8_t *exact = malloc(bytes + 1);
	int reason;

	require(exact != NULL);
	// The packet ends where the allocation does, so that one byte too far is caught.
	memcpy(exact + 1, data, bytes);
	reason = pp_parse_packet(kind, IFACE, exact + 1, bytes, key);
	free(exact);
	return reason;
}

static uint64_t load_be(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static void check_key(const struct pp_key *key, const struct oracle_packet *want)
{
	uint64_t word = want->family | (uint64_t)want->proto << PP_KEY_PROTO_SHIFT |
			(uint64_t)IFACE << PP_KEY_IFACE_SHIFT |
			(uint64_t)want->sport << PP_KEY_SPORT_SHIFT |
			(uint64_t)want->dport << PP_KEY_DPORT_SHIFT;
	uint64_t later = (uint64_t)PP_KEY_LATER_FRAG << PP_KEY_FLAGS_SHIFT;

	word |= (uint64_t)(want->has_ports ? PP_KEY_PORTS : 0) << PP_KEY_FLAGS_SHIFT;
	require((key->word & ~later) == word);
	require(!want->has_ports || (key->word & later) == 0);
	if (want->family == PP_FAMILY_IP4)
		require(key->addr[0] == (load_be(want->src, 4) << 32 | load_be(want->dst, 4)));
	if (want->family == PP_FAMILY_IP6)
		require(memcmp(&key->addr[0], want->src, 16) == 0 &&
			memcmp(&key->addr[2], want->dst, 16) == 0);
}

// What follows a packet that can be parsed, padding or the rest of it, changes nothing.
static void check_tail(uint32_t kind, const uint8_t *data, uint32_t bytes, const struct pp_key *key)
{
	uint8_t *longer = malloc(bytes + TAIL_BYTES);
	struct pp_key again;

	require(longer != NULL);
	memcpy(longer, data, bytes);
	memset(longer + bytes, 0x45, TAIL_BYTES);
	require(parse(kind, longer, bytes + TAIL_BYTES, &again) == 0);
	require(again.word == key->word);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oracle_packet want = {0};
	struct pp_key key;
	uint32_t kind, bytes;
	int reason;

	if (size < 1)
		return 0;
	kind = data[0] & 1 ? PP_FRAME_RAW_IP : PP_FRAME_ETHERNET;
	bytes = (uint32_t)size - 1;
	reason = oracle_parse(kind, data + 1, bytes, &want);
	require(parse(kind, data + 1, bytes, &key) == reason);
	if (reason == 0) {
		check_key(&key, &want);
		check_tail(kind, data + 1, bytes, &key);
	}
	return 0;
}
