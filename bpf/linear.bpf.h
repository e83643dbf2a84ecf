/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Engine `linear`, kernel half: scan the family's list, first match wins.
#pragma once

#include "abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

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
							   __u64 most, const struct pp_key *key,   \
							   __u64 sets)                             \
	{                                                                                          \
		__u64 count = image->name##_count, word = key->word;                               \
                                                                                                   \
		for (__u64 i = 0; i < count && i < most; i += PP_LINEAR_STEP) {                    \
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

// @param most  Entries of a list, a multiple of PP_LINEAR_STEP: a constant that the verifier knows, and
//              walks so many.
// @param sets  Those that hold the packet's addresses, as in pp_linear_ip4.sets.
// @return      The slot of the first rule that matches, PP_SLOT_DEFAULT if none does.
static __always_inline __u32 pp_linear_match(const struct pp_linear_image *image,
					     __u64 most,
					     const struct pp_key *key,
					     __u64 sets)
{
	switch ((__u8)key->word) {
	case PP_FAMILY_IP4:
		return pp_linear_scan_ip4(image, most, key, sets);
	case PP_FAMILY_IP6:
		return pp_linear_scan_ip6(image, most, key, sets);
	default:
		return pp_linear_scan_other(image, most, key, 0);
	}
}
