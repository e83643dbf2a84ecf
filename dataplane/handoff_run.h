// SPDX-License-Identifier: MIT OR Apache-2.0
// The frames of a batch, in four bytes each instead of eight: how far they are from the first one.
// Frames of one UMEM nearly always are within 2 GiB. DPDK does the same to what goes through its
// rings since 24.07 (rte_ptr_compress, "Pointer Compression Library" of its programmer's guide).
//
// SSE2, which every x86-64 CPU has.
//
// Threads    any: no state.
// Cost       some 2 instructions for a frame.
// Ownership  caller's storage.
#pragma once

#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

// What a frame's distance is added to: the middle of the range is the first frame.
static inline uint64_t pp_handoff_origin(uint64_t first)
{
	return first - (1ull << 31);
}

// Write distances from the origin.
//
// @param to     Room for n of 4 bytes. What is there is of no use when they did not fit.
// @param first  Address that they are within 2 GiB of.
// @return       Whether all of them are.
static inline bool
pp_handoff_pack(uint8_t *to, const uint8_t *const data[], uint32_t n, uint64_t first)
{
	uint64_t origin = pp_handoff_origin(first), beyond = 0;
	__m128i origins = _mm_set1_epi64x((long long)origin), all = _mm_setzero_si128();
	uint32_t i = 0;

#pragma GCC unroll 4
	for (; n - i >= 4; i += 4) {
		const __m128i *in = (const __m128i *)(const void *)&data[i];
		__m128i a = _mm_sub_epi64(_mm_loadu_si128(in), origins);
		__m128i b = _mm_sub_epi64(_mm_loadu_si128(in + 1), origins);
		__m128 low = _mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), 0x88);

		all = _mm_or_si128(all, _mm_or_si128(a, b));
		_mm_storeu_si128((__m128i *)(void *)(to + 4 * i), _mm_castps_si128(low));
	}
	for (; i < n; i++) {
		uint64_t distance = (uint64_t)(uintptr_t)data[i] - origin;

		beyond |= distance;
		__builtin_memcpy(to + 4 * i, &distance, 4);
	}
	all = _mm_or_si128(all, _mm_unpackhi_epi64(all, all));
	return ((beyond | (uint64_t)_mm_cvtsi128_si64(all)) >> 32) == 0;
}

// The other way.
static inline void
pp_handoff_unpack(const uint8_t *from, const uint8_t *data[], uint32_t n, uint64_t first)
{
	uint64_t origin = pp_handoff_origin(first);
	__m128i origins = _mm_set1_epi64x((long long)origin), zero = _mm_setzero_si128();
	uint32_t i = 0, distance;

#pragma GCC unroll 4
	for (; n - i >= 4; i += 4) {
		__m128i four = _mm_loadu_si128((const __m128i *)(const void *)(from + 4 * i));
		__m128i *out = (__m128i *)(void *)&data[i];

		_mm_storeu_si128(out, _mm_add_epi64(origins, _mm_unpacklo_epi32(four, zero)));
		_mm_storeu_si128(out + 1, _mm_add_epi64(origins, _mm_unpackhi_epi32(four, zero)));
	}
	for (; i < n; i++) {
		__builtin_memcpy(&distance, from + 4 * i, 4);
		data[i] = (const uint8_t *)(uintptr_t)(origin + distance);
	}
}
