// SPDX-License-Identifier: MIT OR Apache-2.0
#include "nearest.h"

#include <string.h>

#define WORD_MAX 40

static uint32_t min3(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

uint32_t pp_nearest_distance(const char *a, const char *b)
{
	size_t alen = strlen(a), blen = strlen(b);
	uint32_t row[WORD_MAX + 1], diagonal, above;

	if (alen > WORD_MAX || blen > WORD_MAX)
		return UINT32_MAX;
	for (size_t j = 0; j <= blen; j++)
		row[j] = (uint32_t)j;
	for (size_t i = 1; i <= alen; i++) {
		diagonal = row[0];
		row[0] = (uint32_t)i;
		for (size_t j = 1; j <= blen; j++) {
			above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	// Of a short word, two changes leave nothing.
	if (row[blen] >= blen)
		return UINT32_MAX;
	return row[blen];
}
