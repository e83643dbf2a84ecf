// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stddef.h>
#include <stdint.h>

static _Thread_local struct {
	uint32_t probes;
	uint32_t checks;
} counted;

#define PP_TUPLE_PROBED() counted.probes++
#define PP_TUPLE_CHECKED() counted.checks++
#include "tuple.bpf.h"

#include "engine_tuple_lookup.h"

uint32_t pp_tuple_lookup(const void *body,
			 const struct pp_tuple_config *config,
			 const struct pp_key *key,
			 uint64_t sets,
			 struct pp_tuple_work *work)
{
	uint32_t slot;

	counted.probes = counted.checks = 0;
	slot = pp_tuple_match(body, config, key, sets);
	if (work != NULL) {
		work->probes += counted.probes;
		work->checks += counted.checks;
	}
	return slot;
}

uint32_t pp_tuple_lookup_bucket(const struct pp_tuple_head *head,
				int ip6,
				uint32_t table,
				uint32_t bucket_mask,
				uint64_t word,
				const uint64_t addr[4],
				uint8_t *tag)
{
	const struct pp_tuple_key key = {.word = word,
					 .addr = {addr[0], addr[1], addr[2], addr[3]}};
	const __u64 *mul = head->numbers[ip6].mul;
	uint64_t hash = ip6 ? pp_tuple_hash6(&head->table6[table], mul, &key)
			    : pp_tuple_hash4(&head->table4[table], mul, &key);

	*tag = (uint8_t)pp_tuple_tag_of(hash);
	return (uint32_t)pp_tuple_bucket_of(hash, bucket_mask);
}

uint32_t pp_tuple_lookup_cell(const struct pp_tuple_numbers *numbers,
			      uint32_t level,
			      uint32_t cell_shift,
			      uint64_t addr)
{
	return (uint32_t)pp_tuple_cell_of(numbers, level, cell_shift, addr);
}
