// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cache.h"

#include <sys/random.h>

#include "map.h"

#define IP4_ENTRIES 16384u
#define IP6_ENTRIES 8192u
// A map has at least one byte, and a program that never looks at it all the same.
#define NO_CACHE_BYTES 8u

void pp_cache_clear(struct pp_cache *cache)
{
	*cache = (struct pp_cache){.fd = -1};
}

// Somebody who knew where flows lie could let them drive each other out.
static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 0x9e3779b97f4a7c15ull;
	return seed | 1;
}

static void set_layout(struct pp_cache *cache)
{
	struct pp_cache_layout *layout = &cache->layout;

	layout->ip4_mask = IP4_ENTRIES - 1;
	layout->ip6_at = sizeof(struct pp_cache_head) + IP4_ENTRIES * sizeof(struct pp_cache_ip4);
	layout->ip6_mask = IP6_ENTRIES - 1;
	layout->cpu_bytes = layout->ip6_at + IP6_ENTRIES * sizeof(struct pp_cache_ip6);
	layout->seed = random_seed();
}

int pp_cache_open(struct pp_cache *cache, uint32_t cpu_count, bool on, struct pp_error *err)
{
	int ret;

	pp_cache_clear(cache);
	cache->cpu_count = cpu_count;
	if (!on)
		return pp_map_create_value(&cache->fd, "pp_cache", NO_CACHE_BYTES, err);
	set_layout(cache);
	if (cpu_count * cache->layout.cpu_bytes >= PP_MAP_BYTES_MAX)
		cache->layout.cpu_bytes = 0;
	if (cache->layout.cpu_bytes == 0)
		return pp_map_create_value(&cache->fd, "pp_cache", NO_CACHE_BYTES, err);
	ret = pp_map_create_value(&cache->fd, "pp_cache", cpu_count * cache->layout.cpu_bytes, err);
	ret = ret
		      ?: pp_map_memory(&cache->bytes, cache->fd,
				       cpu_count * cache->layout.cpu_bytes, false, err);
	if (ret < 0)
		pp_cache_close(cache);
	return ret;
}

void pp_cache_close(struct pp_cache *cache)
{
	pp_map_unmap(cache->bytes, cache->cpu_count * cache->layout.cpu_bytes);
	pp_map_close(&cache->fd);
	pp_cache_clear(cache);
}

void pp_cache_stats(const struct pp_cache *cache, struct pp_cache_stats *out)
{
	if (cache->bytes == NULL)
		return;
	out->on = true;
	for (uint32_t cpu = 0; cpu < cache->cpu_count; cpu++) {
		const struct pp_cache_head *head =
			(const void *)(cache->bytes + cpu * cache->layout.cpu_bytes);

		out->hits += __atomic_load_n(&head->hits, __ATOMIC_RELAXED);
		out->misses += __atomic_load_n(&head->misses, __ATOMIC_RELAXED);
		out->bypassed += __atomic_load_n(&head->bypassed, __ATOMIC_RELAXED);
	}
}
