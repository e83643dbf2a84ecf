// SPDX-License-Identifier: MIT OR Apache-2.0
#include "addr_table.bpf.h"

#include "addr_table.h"

uint32_t pp_addr_table_ip4(const struct pp_addr_head *head,
			   const uint8_t *area,
			   uint32_t area_bytes,
			   uint32_t addr)
{
	return pp_addr_find_ip4(head, area, area_bytes - 1, addr);
}

static uint64_t half(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

uint32_t pp_addr_table_ip6(const struct pp_addr_head *head,
			   const uint8_t *area,
			   uint32_t area_bytes,
			   const uint8_t addr[16])
{
	return pp_addr_find_ip6(head, area, area_bytes - 1, half(addr), half(addr + 8));
}
