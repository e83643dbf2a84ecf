// SPDX-License-Identifier: MIT OR Apache-2.0
// Checksums of packets: the ones' complement sum of IP, and the CRC32c of SCTP.
//
// Threads    any.
// Cost       linear in the bytes.
// Ownership  nothing is kept.
#pragma once

#include <stdint.h>

// Add up 16-bit words as they stand in memory, an odd last byte with a zero after it.
//
// @return  At most 2^32 - 1 for up to 65,536 bytes; fold with pp_gen_sum_fold().
uint32_t pp_gen_sum(const uint8_t *bytes, uint32_t n);

// Fold a sum into the 16 bits that stand in a header, complemented, as they stand in memory.
static inline uint16_t pp_gen_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

// Start of a running CRC32c; pass the result through pp_gen_crc32c() and complement it.
#define PP_GEN_CRC32C_START 0xffffffffu

uint32_t pp_gen_crc32c(uint32_t crc, const uint8_t *bytes, uint32_t n);
