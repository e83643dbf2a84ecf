// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_sum.h"

#include <string.h>

#define CRC32C_POLY 0x82f63b78u

uint32_t pp_gen_sum(const uint8_t *bytes, uint32_t n)
{
	uint32_t sum = 0;
	uint16_t word;

	for (; n >= sizeof(word); n -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum += word;
	}
	if (n > 0) {
		word = 0;
		memcpy(&word, bytes, 1);
		sum += word;
	}
	return sum;
}

uint32_t pp_gen_crc32c(uint32_t crc, const uint8_t *bytes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLY : 0);
	}
	return crc;
}
