// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stddef.h>
#include <stdint.h>

#include "engine_tuple_lookup.h"

static _Thread_local struct pp_tuple_work counted;

#define PP_TUPLE_PROBED() counted.probes++
#define PP_TUPLE_CHECKED() counted.checks++
#define PP_TUPLE_READ(at) counted.read == NULL ? (void)0 : counted.read(counted.arg, at)
#include "tuple.bpf.h"

uint32_t pp_tuple_lookup(const void *body,
			 const struct pp_tuple_config *config,
			 const struct pp_key *key,
			 uint64_t sets,
			 struct pp_tuple_work *work)
{
	uint32_t slot;

	counted = (struct pp_tuple_work){0};
	if (work != NULL) {
		counted.read = work->read;
		counted.arg = work->arg;
	}
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

	*tag = (uint8_t)(ip6 ? pp_tuple_tag_of(hash) : hash >> PP_TUPLE_TAG_SHIFT);
	return (uint32_t)pp_tuple_bucket_of(hash, bucket_mask);
}

uint32_t pp_tuple_lookup_cell(const struct pp_tuple_numbers *numbers,
			      uint32_t level,
			      uint32_t cell_shift,
			      uint64_t addr)
{
	return (uint32_t)pp_tuple_cell_of(numbers, level, cell_shift, addr);
}
