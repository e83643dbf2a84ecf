/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Address to sets: the lookup half of dataplane/addr_table.c, for the program and for user space.
//
// The first 16 bits of an address index ranges, a binary search finds the one that holds it, and its
// class says which sets. All offsets are masked, so that no table can lead outside of the area;
// an area of zeros says "no set". What a search leaves behind is one unknown number whichever way
// it went, so that the verifier walks what follows once.
#pragma once

#include "abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define PP_ADDR_STEPS4 16 // a /16 has at most 65,536 ranges
#define PP_ADDR_STEPS6 25 // the area holds fewer than 2^25 range ends

struct pp_addr_area {
	const void *base;
	__u32 mask; // bytes - 1
};

static __always_inline __u32 pp_addr_u32(const struct pp_addr_area *area, __u32 at, __u32 index)
{
	__u64 offset = (at + index * (__u32)sizeof(__u32)) & area->mask;

	return *(const __u32 *)(area->base + offset);
}

static __always_inline __u64 pp_addr_u64(const struct pp_addr_area *area, __u32 at, __u32 index)
{
	__u64 offset = (at + index * (__u32)sizeof(__u64)) & area->mask;

	return *(const __u64 *)(area->base + offset);
}

// Index of the last range in [first, end) that does not begin behind key; the first one never does.
// Which half goes on is computed and not branched on: no processor guesses it for random addresses.
static __always_inline __u32
pp_addr_search4(const struct pp_addr_area *area, __u32 at, __u32 first, __u32 end, __u32 key)
{
	__u32 count = end - first;

	for (int i = 0; i < PP_ADDR_STEPS4 && count > 1; i++) {
		__u32 half = count / 2;
		__s64 behind = (__s64)key - (pp_addr_u32(area, at, first + half) >> 16);

		asm volatile("" : "+r"(behind));
		first += half & ~(__u32)(behind >> 63);
		count -= half;
	}
	return first;
}

static __always_inline __u32
pp_addr_search6(const struct pp_addr_area *area, __u32 at, __u32 first, __u32 end, __u64 key)
{
	__u32 count = end - first;

	for (int i = 0; i < PP_ADDR_STEPS6 && count > 1; i++) {
		__u32 half = count / 2;
		__u64 begin = pp_addr_u64(area, at, first + half);
		__s64 borrow = (~key & begin) | (~(key ^ begin) & (key - begin)); // in its sign

		asm volatile("" : "+r"(borrow));
		first += half & ~(__u32)(borrow >> 63);
		count -= half;
	}
	return first;
}

// @param addr  Host order.
// @return      Bit i: in set i.
static __always_inline __u32 pp_addr_find_ip4(const struct pp_addr_head *head,
					      const void *base,
					      __u32 mask,
					      __u32 addr)
{
	const struct pp_addr_area area = {.base = base, .mask = mask};
	__u32 index = addr >> 16 & head->ip4_index_mask;
	__u32 first = pp_addr_u32(&area, head->ip4_first_at, index);
	__u32 end = pp_addr_u32(&area, head->ip4_first_at, index + 1);
	__u32 at = pp_addr_search4(&area, head->ip4_range_at, first, end, addr & 0xffff);

	return pp_addr_u32(&area, head->mask_at,
			   pp_addr_u32(&area, head->ip4_range_at, at) & 0xffff);
}

// @param high, low  Halves of the address, host order.
static __always_inline __u32 pp_addr_find_ip6(
	const struct pp_addr_head *head, const void *base, __u32 mask, __u64 high, __u64 low)
{
	const struct pp_addr_area area = {.base = base, .mask = mask};
	__u32 index = (__u32)(high >> 48) & head->ip6_index_mask;
	__u32 first = pp_addr_u32(&area, head->ip6_first_at, index);
	__u32 end = pp_addr_u32(&area, head->ip6_first_at, index + 1);
	__u32 at = pp_addr_search6(&area, head->ip6_high_at, first, end, high);
	__u32 value = pp_addr_u32(&area, head->ip6_value_at, at);

	if (value & PP_ADDR_SPLIT) {
		value &= ~PP_ADDR_SPLIT;
		first = pp_addr_u32(&area, head->split_first_at, value);
		end = pp_addr_u32(&area, head->split_first_at, value + 1);
		at = pp_addr_search6(&area, head->low_at, first, end, low);
		value = pp_addr_u32(&area, head->low_class_at, at);
	}
	return pp_addr_u32(&area, head->mask_at, value);
}
