// SPDX-License-Identifier: MIT OR Apache-2.0
// The verdict cache of loaded programs (bpf/cache.bpf.h): its memory and what it counts.
//
// Threads    open, close: control thread; stats: any.
// Cost       1 MiB for each CPU that can ever be there, if there is a cache.
// Ownership  the map lives as long as this or a loaded program holds it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>
#include <push-packet/plane.h>

struct pp_cache {
	int fd;
	const uint8_t *bytes; // by CPU; NULL: there is no cache
	struct pp_cache_layout layout;
	uint32_t cpu_count;
};

void pp_cache_clear(struct pp_cache *cache);

// @param on  Whether there is a cache; without one programs do not ask for it.
// @return    0; -errno, with err set. Undone on failure.
int pp_cache_open(struct pp_cache *cache, uint32_t cpu_count, bool on, struct pp_error *err);
void pp_cache_close(struct pp_cache *cache);

// Add what it counted to out. Nothing is there: nothing is added.
void pp_cache_stats(const struct pp_cache *cache, struct pp_cache_stats *out);
