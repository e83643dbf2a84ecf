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

// @return  Whether this packet is to be looked up.
static __always_inline int pp_cache_pays(struct pp_cache_head *cache)
{
	if (cache->bypass_left == 0)
		return 1;
	cache->bypass_left--;
	cache->bypassed++;
	return 0;
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

static __always_inline struct pp_cache_ip4 *pp_cache_at_ip4(struct pp_cache_head *cache,
							    const struct pp_key *key)
{
	__u64 hash = (key->addr[0] + (key->word ^ key->word >> 29)) * pp_load.cache.seed;
	struct pp_cache_ip4 *entry = (void *)(cache + 1);

	return entry + ((hash ^ hash >> 15) >> 32 & pp_load.cache.ip4_mask);
}

static __always_inline struct pp_cache_ip6 *pp_cache_at_ip6(struct pp_cache_head *cache,
							    const struct pp_key *key)
{
	__u64 hash = (key->addr[0] + (key->word ^ key->word >> 29)) * pp_load.cache.seed;
	struct pp_cache_ip6 *entry = (void *)cache + pp_load.cache.ip6_at;

	hash = ((hash ^ hash >> 31) + key->addr[1] + key->addr[2]) * pp_load.cache.seed;
	hash = ((hash ^ hash >> 31) + key->addr[3]) * pp_load.cache.seed;
	return entry + ((hash ^ hash >> 15) >> 32 & pp_load.cache.ip6_mask);
}

// The slot that an entry holds for a key, if it is for that key and image.
static __always_inline int
pp_cache_hit_ip4(const struct pp_cache_ip4 *entry, const struct pp_key *key, __u64 serial)
{
	return ((entry->addr ^ key->addr[0]) | (entry->word ^ key->word) |
		(entry->serial ^ serial)) == 0;
}

static __always_inline int
pp_cache_hit_ip6(const struct pp_cache_ip6 *entry, const struct pp_key *key, __u64 serial)
{
	return ((entry->addr[0] ^ key->addr[0]) | (entry->addr[1] ^ key->addr[1]) |
		(entry->addr[2] ^ key->addr[2]) | (entry->addr[3] ^ key->addr[3]) |
		(entry->word ^ key->word) | (entry->serial ^ serial)) == 0;
}

static __always_inline void
pp_cache_put_ip4(struct pp_cache_ip4 *entry, const struct pp_key *key, __u64 serial, __u32 slot)
{
	entry->addr = key->addr[0];
	entry->word = key->word;
	entry->serial = serial;
	entry->slot = slot;
}

static __always_inline void
pp_cache_put_ip6(struct pp_cache_ip6 *entry, const struct pp_key *key, __u64 serial, __u32 slot)
{
	entry->addr[0] = key->addr[0];
	entry->addr[1] = key->addr[1];
	entry->addr[2] = key->addr[2];
	entry->addr[3] = key->addr[3];
	entry->word = key->word;
	entry->serial = serial;
	entry->slot = slot;
}
