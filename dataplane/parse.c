// SPDX-License-Identifier: MIT OR Apache-2.0
#include "linear.bpf.h"
#include "parse.bpf.h"
#include "sets.bpf.h"

#include "parse.h"

int pp_parse_packet(
	uint32_t kind, uint32_t iface, const uint8_t *data, uint32_t bytes, struct pp_key *key)
{
	return pp_parse(data, data + bytes, kind, iface, key);
}

int pp_parse_captured(uint32_t kind,
		      uint32_t iface,
		      const uint8_t *data,
		      uint32_t cap_bytes,
		      uint32_t len_bytes,
		      struct pp_key *key)
{
	return pp_parse_any(data, data + cap_bytes, kind, iface, len_bytes > UINT16_MAX, key);
}

uint32_t pp_parse_linear_match(const struct pp_linear_image *image,
			       const struct pp_image_head *head,
			       const uint8_t *sets,
			       uint32_t set_bytes,
			       const struct pp_key *key)
{
	const struct pp_sets_area area = {.base = sets, .bytes = set_bytes};

	return pp_linear_match(image, PP_LINEAR_RULES_MAX, key, pp_sets_of(head, &area, key));
}
