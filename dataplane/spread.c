// SPDX-License-Identifier: MIT OR Apache-2.0
#include "spread.h"

#include "parse.h"

#define PORTS_MASK (0xffffffffull << PP_KEY_DPORT_SHIFT)
#define KEEP_MASK 0xffffull // family and protocol

// The finalizer of MurmurHash3.
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

// Of one end. Two ends are added, so that their order does not matter.
static uint64_t end_hash(uint64_t high, uint64_t low, uint64_t port)
{
	return mix(mix(mix(high) + low) + port);
}

static uint64_t ends_hash(const struct pp_key *key, uint64_t sport, uint64_t dport)
{
	if ((uint8_t)key->word == PP_FAMILY_IP4)
		return end_hash(0, key->addr[0] >> 32, sport) +
		       end_hash(0, (uint32_t)key->addr[0], dport);
	return end_hash(key->addr[0], key->addr[1], sport) +
	       end_hash(key->addr[2], key->addr[3], dport);
}

uint32_t
pp_spread_hash(uint8_t spread, uint32_t kind, const struct pp_meta *meta, const uint8_t *data)
{
	uint64_t sport = 0, dport = 0, keep;
	struct pp_key key = {0};

	pp_parse_captured(kind, meta->iface, data, meta->cap_bytes, meta->len_bytes, &key);
	if ((uint8_t)key.word == PP_FAMILY_NONE)
		return (uint32_t)(mix(meta->iface) >> 32);
	keep = key.word & KEEP_MASK;
	if (spread == PP_SPREAD_HOSTS)
		keep = 0;
	else if (key.word & PORTS_MASK) {
		sport = key.word >> PP_KEY_SPORT_SHIFT;
		dport = (uint16_t)(key.word >> PP_KEY_DPORT_SHIFT);
	}
	return (uint32_t)(mix(ends_hash(&key, sport, dport) + keep) >> 32);
}
