/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// The verdict cache: what the engine said of this very key under this very image. A hit is exact: the
// whole key is compared, and the image's serial. Of each CPU its own, so nothing is shared.
//
// It switches itself off where it does not pay: after PP_CACHE_TRIAL misses it looks whether there
// were as many hits, and if not, it lets packets pass by for a while and tries again. A flood of
// random sources costs a miss for one packet in PP_CACHE_BYPASS / PP_CACHE_TRIAL then.
#pragma once

#include "abi.h"
#include "load.bpf.h"
#include "maps.bpf.h"

#define PP_CACHE_TRIAL 1024
#define PP_CACHE_BYPASS 32768

static __always_inline struct pp_cache_head *pp_cache_of(__u64 cpu)
{
	return pp_value_of(pp_cache) + cpu * pp_load.cache.cpu_bytes;
}

// This packet was not looked up.
static __always_inline void pp_cache_pass_by(struct pp_cache_head *cache)
{
	cache->bypass_left--;
	cache->bypassed++;
}

static __always_inline void pp_cache_missed(struct pp_cache_head *cache)
{
	__u64 misses = ++cache->misses;

	if (misses - cache->trial_misses < PP_CACHE_TRIAL)
		return;
	if (cache->hits - cache->trial_hits < PP_CACHE_TRIAL)
		cache->bypass_left = PP_CACHE_BYPASS;
	cache->trial_misses = misses;
	cache->trial_hits = cache->hits;
}

static __always_inline struct pp_cache_ip4 *
pp_cache_at_ip4(struct pp_cache_head *cache, const struct pp_key *key, __u64 word)
{
	__u64 hash = (key->addr[0] + (word ^ word >> 29)) * pp_load.cache.seed;
	struct pp_cache_ip4 *entry = (void *)(cache + 1);

	return entry + ((hash ^ hash >> 15) >> 32 & pp_load.cache.ip4_mask);
}

static __always_inline struct pp_cache_ip6 *
pp_cache_at_ip6(struct pp_cache_head *cache, const struct pp_key *key, __u64 word)
{
	__u64 hash = (key->addr[0] + (word ^ word >> 29)) * pp_load.cache.seed;
	struct pp_cache_ip6 *entry = (void *)cache + pp_load.cache.ip6_at;

	hash = ((hash ^ hash >> 31) + key->addr[1] + key->addr[2]) * pp_load.cache.seed;
	hash = ((hash ^ hash >> 31) + key->addr[3]) * pp_load.cache.seed;
	return entry + ((hash ^ hash >> 15) >> 32 & pp_load.cache.ip6_mask);
}

// The slot that an entry holds for a key, if it is for that key and image.
static __always_inline int pp_cache_hit_ip4(const struct pp_cache_ip4 *entry,
					    const struct pp_key *key,
					    __u64 word,
					    __u64 serial)
{
	return ((entry->addr ^ key->addr[0]) | (entry->word ^ word) | (entry->serial ^ serial)) ==
	       0;
}

static __always_inline int pp_cache_hit_ip6(const struct pp_cache_ip6 *entry,
					    const struct pp_key *key,
					    __u64 word,
					    __u64 serial)
{
	return ((entry->addr[0] ^ key->addr[0]) | (entry->addr[1] ^ key->addr[1]) |
		(entry->addr[2] ^ key->addr[2]) | (entry->addr[3] ^ key->addr[3]) |
		(entry->word ^ word) | (entry->serial ^ serial)) == 0;
}

static __always_inline void pp_cache_put_ip4(
	struct pp_cache_ip4 *entry, const struct pp_key *key, __u64 word, __u64 serial, __u32 slot)
{
	entry->addr = key->addr[0];
	entry->word = word;
	entry->serial = serial;
	entry->slot = slot;
}

static __always_inline void pp_cache_put_ip6(
	struct pp_cache_ip6 *entry, const struct pp_key *key, __u64 word, __u64 serial, __u32 slot)
{
	entry->addr[0] = key->addr[0];
	entry->addr[1] = key->addr[1];
	entry->addr[2] = key->addr[2];
	entry->addr[3] = key->addr[3];
	entry->word = word;
	entry->serial = serial;
	entry->slot = slot;
}

// @param word  key->word as a number that the verifier knows nothing of: what it knows differs from one
//              kind of packet to the next, and it would walk all that follows for each kind.
// @param slot  Set when it is found.
// @return      Whether the cache knows the key.
static __always_inline int pp_cache_find(struct pp_cache_head *cache,
					 const struct pp_key *key,
					 __u64 word,
					 __u64 serial,
					 __u32 *slot)
{
	if ((__u8)key->word == PP_FAMILY_IP4) {
		const struct pp_cache_ip4 *entry = pp_cache_at_ip4(cache, key, word);

		if (!pp_cache_hit_ip4(entry, key, word, serial))
			return 0;
		*slot = entry->slot;
	} else if ((__u8)key->word == PP_FAMILY_IP6) {
		const struct pp_cache_ip6 *entry = pp_cache_at_ip6(cache, key, word);

		if (!pp_cache_hit_ip6(entry, key, word, serial))
			return 0;
		*slot = entry->slot;
	} else {
		return 0;
	}
	cache->hits++;
	return 1;
}

// The cache did not know a key; now it does. What is not IP is not worth an entry.
static __always_inline void pp_cache_put(
	struct pp_cache_head *cache, const struct pp_key *key, __u64 word, __u64 serial, __u32 slot)
{
	if ((__u8)key->word == PP_FAMILY_IP4)
		pp_cache_put_ip4(pp_cache_at_ip4(cache, key, word), key, word, serial, slot);
	else if ((__u8)key->word == PP_FAMILY_IP6)
		pp_cache_put_ip6(pp_cache_at_ip6(cache, key, word), key, word, serial, slot);
	else
		return;
	pp_cache_missed(cache);
}
