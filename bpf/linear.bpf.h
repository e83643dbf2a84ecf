/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Engine `linear`, kernel half: scan the family's list, first match wins.
#pragma once

#include <bpf/bpf_endian.h>

#include "abi.h"
#include "addr_table.bpf.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

// Where the area for sets is. bytes is a constant that the verifier knows; 0: there is none.
struct pp_linear_area {
	const void *base;
	__u32 bytes;
};

// A rule is refused in three steps, most by the first: the word, the addresses, the ports. Each step
// is one branch, whatever it compares: the verifier keeps at most 8,192 pending ones, eight for
// each rule.
static __always_inline int pp_linear_word_hit(const struct pp_linear_word *rule, __u64 word)
{
	return (word & rule->mask) == rule->value;
}

// The sign of each difference says which port lies outside. A packet without ports has 0 for both,
// and a rule that asks for ports has refused it by its word.
static __always_inline int pp_linear_ports_hit(const struct pp_linear_ports *rule,
					       const struct pp_key *key)
{
	__u64 word = key->word;
	__s64 sport, dport;

	// Few rules get here: the ports are not worth a register all the way.
	asm volatile("" : "+r"(word));
	sport = word >> PP_KEY_SPORT_SHIFT;
	dport = word >> PP_KEY_DPORT_SHIFT & 0xffff;
	return ((sport - rule->sport_lo) | (rule->sport_hi - sport) | (dport - rule->dport_lo) |
		(rule->dport_hi - dport)) >= 0;
}

static __always_inline int
pp_linear_ip4_hit(const struct pp_linear_ip4 *rule, const struct pp_key *key, __u64 sets)
{
	return (((key->addr[0] & rule->addr_mask) ^ rule->addr_value) | (rule->sets & ~sets)) ==
		       0 &&
	       pp_linear_ports_hit(&rule->ports, key);
}

static __always_inline int
pp_linear_ip6_hit(const struct pp_linear_ip6 *rule, const struct pp_key *key, __u64 sets)
{
	return (((key->addr[0] & rule->addr_mask[0]) ^ rule->addr_value[0]) |
		((key->addr[1] & rule->addr_mask[1]) ^ rule->addr_value[1]) |
		((key->addr[2] & rule->addr_mask[2]) ^ rule->addr_value[2]) |
		((key->addr[3] & rule->addr_mask[3]) ^ rule->addr_value[3]) |
		(rule->sets & ~sets)) == 0 &&
	       pp_linear_ports_hit(&rule->ports, key);
}

static __always_inline int
pp_linear_other_hit(const struct pp_linear_other *rule, const struct pp_key *key, __u64 sets)
{
	(void)rule;
	(void)key;
	(void)sets;
	return 1;
}

// The three scans differ in the type of the entry only. The count is a multiple of PP_LINEAR_STEP.
#define PP_LINEAR_TRY(name, i)                                                                     \
	if (pp_linear_word_hit(&image->name##_word[i], word) &&                                    \
	    pp_linear_##name##_hit(&image->name[i], key, sets))                                    \
		return image->name[i].slot;
#define PP_LINEAR_SCAN(name)                                                                       \
	static __always_inline __u32 pp_linear_scan_##name(const struct pp_linear_image *image,    \
							   const struct pp_key *key, __u64 sets)   \
	{                                                                                          \
		__u64 count = image->name##_count, word = key->word;                               \
                                                                                                   \
		for (__u64 i = 0; i < count && i < PP_LINEAR_RULES_MAX; i += PP_LINEAR_STEP) {     \
			PP_LINEAR_TRY(name, i)                                                     \
			PP_LINEAR_TRY(name, i + 1)                                                 \
			PP_LINEAR_TRY(name, i + 2)                                                 \
			PP_LINEAR_TRY(name, i + 3)                                                 \
		}                                                                                  \
		return PP_SLOT_DEFAULT;                                                            \
	}
_Static_assert(PP_LINEAR_STEP == 4, "unrolled by hand");
PP_LINEAR_SCAN(ip4)
PP_LINEAR_SCAN(ip6)
PP_LINEAR_SCAN(other)

// Which sets hold the packet's addresses: source sets in the low half, destination sets in the high
// one, as in pp_linear_ip4.sets. Only what some rule asks for is looked up. Without sets the answer
// is a zero that the verifier does not know to be one: it walks the rules once, not once for
// each way to get there.
static __always_inline __u64 pp_linear_sets_ip4(const struct pp_image_head *head,
						const struct pp_linear_area *area,
						const struct pp_key *key)
{
	__u64 sets = head->zero;

	if (area->bytes == 0)
		return sets;
	if (head->set_uses & PP_SETS_SRC)
		sets = pp_addr_find_ip4(&head->addr, area->base, area->bytes - 1,
					key->addr[0] >> 32);
	if (head->set_uses & PP_SETS_DST)
		sets |= (__u64)pp_addr_find_ip4(&head->addr, area->base, area->bytes - 1,
						(__u32)key->addr[0])
			<< PP_SETS_DST_SHIFT;
	return sets;
}

static __always_inline __u64 pp_linear_sets_ip6(const struct pp_image_head *head,
						const struct pp_linear_area *area,
						const struct pp_key *key)
{
	__u64 sets = head->zero;

	if (area->bytes == 0)
		return sets;
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

// @param area  For sets.
// @return      The slot of the first rule that matches, PP_SLOT_DEFAULT if none does.
static __always_inline __u32 pp_match(const struct pp_linear_image *image,
				      const struct pp_linear_area *area,
				      const struct pp_key *key)
{
	switch ((__u8)key->word) {
	case PP_FAMILY_IP4:
		return pp_linear_scan_ip4(image, key, pp_linear_sets_ip4(&image->head, area, key));
	case PP_FAMILY_IP6:
		return pp_linear_scan_ip6(image, key, pp_linear_sets_ip6(&image->head, area, key));
	default:
		return pp_linear_scan_other(image, key, 0);
	}
}
