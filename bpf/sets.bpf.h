/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Which sets hold the packet's addresses.
#pragma once

#include <bpf/bpf_endian.h>

#include "abi.h"
#include "addr_table.bpf.h"

// Where the area for sets is. bytes is a constant that the verifier knows; 0: there is none.
struct pp_sets_area {
	const void *base;
	__u32 bytes;
};

static __always_inline __u64 pp_sets_ip4(const struct pp_image_head *head,
					 const struct pp_sets_area *area,
					 const struct pp_key *key)
{
	__u64 sets = head->zero;

	if (head->set_uses & PP_SETS_SRC)
		sets = pp_addr_find_ip4(&head->addr, area->base, area->bytes - 1,
					key->addr[0] >> 32);
	if (head->set_uses & PP_SETS_DST)
		sets |= (__u64)pp_addr_find_ip4(&head->addr, area->base, area->bytes - 1,
						(__u32)key->addr[0])
			<< PP_SETS_DST_SHIFT;
	return sets;
}

static __always_inline __u64 pp_sets_ip6(const struct pp_image_head *head,
					 const struct pp_sets_area *area,
					 const struct pp_key *key)
{
	__u64 sets = head->zero;

	if (head->set_uses & PP_SETS_SRC)
		sets = pp_addr_find_ip6(&head->addr, area->base, area->bytes - 1,
					bpf_be64_to_cpu(key->addr[0]),
					bpf_be64_to_cpu(key->addr[1]));
	if (head->set_uses & PP_SETS_DST)
		sets |= (__u64)pp_addr_find_ip6(&head->addr, area->base, area->bytes - 1,
						bpf_be64_to_cpu(key->addr[2]),
						bpf_be64_to_cpu(key->addr[3]))
			<< PP_SETS_DST_SHIFT;
	return sets;
}

// Source sets in the low half, destination sets in the high one. Only what some rule asks for is
// looked up. Without sets the answer is a zero that the verifier does not know to be one: it walks
// the rules once, not once for each way to get there.
static __always_inline __u64 pp_sets_of(const struct pp_image_head *head,
					const struct pp_sets_area *area,
					const struct pp_key *key)
{
	if (area->bytes == 0)
		return head->zero;
	switch ((__u8)key->word) {
	case PP_FAMILY_IP4:
		return pp_sets_ip4(head, area, key);
	case PP_FAMILY_IP6:
		return pp_sets_ip6(head, area, key);
	default:
		return head->zero;
	}
}
