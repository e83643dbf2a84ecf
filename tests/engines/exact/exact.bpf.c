/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Engine `exact`, kernel half.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "exact.h"

#define PP_ENGINE_NAME EXACT_NAME
#include <push-packet/bpf/abi.h>
#include <push-packet/bpf/load.bpf.h>

static __always_inline __u32 pp_match(const void *body, const struct pp_key *key, __u64 sets)
{
	const struct exact_body *table = body;
	__u64 word = key->word & EXACT_WORD_MASK, addr[2] = {0, 0};
	__u32 at;

	(void)sets;
	if ((__u8)word == PP_FAMILY_IP4) {
		addr[0] = (__u32)key->addr[0];
	} else {
		addr[0] = key->addr[2];
		addr[1] = key->addr[3];
	}
	at = exact_hash(addr, word, pp_load.config[EXACT_CONFIG_SEED]);
	for (int i = 0; i < EXACT_PROBES; i++) {
		const struct exact_entry *entry = &table->entry[(at + i) & (EXACT_BUCKETS - 1)];

		if (entry->slot == 0)
			break;
		if (entry->word == word && entry->addr[0] == addr[0] && entry->addr[1] == addr[1])
			return entry->slot;
	}
	return PP_SLOT_DEFAULT;
}

#include <push-packet/bpf/tap.bpf.h>
