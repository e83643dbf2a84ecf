// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_key.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <sys/random.h>

static uint8_t family_of(const struct pp_key *key)
{
	return (uint8_t)key->word;
}

static uint16_t proto_of(const struct pp_key *key)
{
	return family_of(key) == PP_FAMILY_NONE ? PP_PROTO_NOT_IP
						: (uint8_t)(key->word >> PP_KEY_PROTO_SHIFT);
}

// @param second  The destination, else the source.
static void put_addr(const struct pp_key *key, bool second, uint8_t out[16])
{
	uint32_t ip4 = htonl((uint32_t)(second ? key->addr[0] : key->addr[0] >> 32));

	if (family_of(key) == PP_FAMILY_IP4)
		memcpy(out, &ip4, sizeof(ip4));
	else if (family_of(key) == PP_FAMILY_IP6)
		memcpy(out, &key->addr[second ? 2 : 0], 16);
}

void pp_top_key_source(const struct pp_key *key, struct pp_analyser_key *out)
{
	*out = (struct pp_analyser_key){.by = PP_BY_SOURCE, .family = family_of(key)};
	put_addr(key, false, out->src);
}

void pp_top_key_destination(const struct pp_key *key, struct pp_analyser_key *out)
{
	*out = (struct pp_analyser_key){.by = PP_BY_DESTINATION, .family = family_of(key)};
	put_addr(key, true, out->dst);
}

void pp_top_key_port(const struct pp_key *key, struct pp_analyser_key *out)
{
	*out = (struct pp_analyser_key){.by = PP_BY_PORT,
					.dport = (uint16_t)(key->word >> PP_KEY_DPORT_SHIFT),
					.proto = proto_of(key)};
}

void pp_top_key_protocol(const struct pp_key *key, struct pp_analyser_key *out)
{
	*out = (struct pp_analyser_key){.by = PP_BY_PROTOCOL, .proto = proto_of(key)};
}

void pp_top_key_rule(const struct pp_meta *meta, struct pp_analyser_key *out)
{
	*out = (struct pp_analyser_key){.by = PP_BY_RULE, .rule_id = meta->rule_id};
}

void pp_top_key_turn(struct pp_analyser_key *key)
{
	uint8_t addr[16];
	uint16_t port = key->sport;

	memcpy(addr, key->src, sizeof(addr));
	memcpy(key->src, key->dst, sizeof(addr));
	memcpy(key->dst, addr, sizeof(addr));
	key->sport = key->dport;
	key->dport = port;
}

bool pp_top_key_flow(const struct pp_key *key, struct pp_analyser_key *out)
{
	int order;

	*out = (struct pp_analyser_key){.by = PP_BY_FLOW,
					.family = family_of(key),
					.proto = proto_of(key),
					.sport = (uint16_t)(key->word >> PP_KEY_SPORT_SHIFT),
					.dport = (uint16_t)(key->word >> PP_KEY_DPORT_SHIFT)};
	put_addr(key, false, out->src);
	put_addr(key, true, out->dst);
	order = memcmp(out->src, out->dst, sizeof(out->src));
	if (order < 0 || (order == 0 && out->sport <= out->dport))
		return false;
	pp_top_key_turn(out);
	return true;
}

void pp_top_seed_init(struct pp_top_seed *seed)
{
	if (getrandom(seed, sizeof(*seed), GRND_NONBLOCK) == (ssize_t)sizeof(*seed))
		return;
	for (size_t i = 0; i < sizeof(seed->word) / sizeof(seed->word[0]); i++)
		seed->word[i] = ((uint64_t)(uintptr_t)seed + i) * 0x9e3779b97f4a7c15ull;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t pp_top_hash(const struct pp_top_seed *seed, const struct pp_analyser_key *key)
{
	uint64_t word[6], h = 0;

	memcpy(word, key, sizeof(word));
	for (int i = 0; i < 6; i += 2)
		h = fold(h ^ word[i] ^ seed->word[i], word[i + 1] ^ seed->word[i + 1] ^ h << 32);
	return fold(h ^ seed->word[1], seed->word[0] | 1);
}
