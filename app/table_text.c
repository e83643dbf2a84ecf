// SPDX-License-Identifier: MIT OR Apache-2.0
#include "table_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *pp_table_number(int64_t value, char buf[PP_TABLE_NUMBER_BYTES])
{
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char digits[PP_TABLE_NUMBER_BYTES];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, magnitude);
	char *to = buf;

	if (value < 0)
		*to++ = '-';
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}
