// SPDX-License-Identifier: MIT OR Apache-2.0
#include "duration.h"

#include <stdio.h>
#include <string.h>

#include "rule_word.h"

#define MS 1000000ull
#define DAYS_MAX 3650ull

static const struct unit {
	const char *word;
	uint64_t ns;
} units[] = {
	{"d", 86400000 * MS}, {"h", 3600000 * MS}, {"m", 60000 * MS}, {"s", 1000 * MS}, {"ms", MS}};
#define UNITS (sizeof(units) / sizeof(units[0]))

bool pp_duration_parse(const char *text, size_t len, uint64_t *ns)
{
	size_t digits = 0;
	uint32_t number;

	while (digits < len && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	if (!pp_rule_word_number(text, digits, UINT32_MAX, &number) || number == 0)
		return false;
	for (size_t i = 0; i < UNITS; i++) {
		uint64_t most = DAYS_MAX * units[0].ns / units[i].ns;

		if (strlen(units[i].word) != len - digits ||
		    memcmp(units[i].word, text + digits, len - digits) != 0)
			continue;
		if (number > most)
			return false;
		*ns = number * units[i].ns;
		return true;
	}
	return false;
}

void pp_duration_format(uint64_t ns, char *buf)
{
	size_t i = 0;

	ns -= ns % MS;
	while (i + 1 < UNITS && (ns % units[i].ns != 0 || ns == 0))
		i++;
	snprintf(buf, PP_DURATION_TEXT_BYTES, "%llu%s", (unsigned long long)(ns / units[i].ns),
		 units[i].word);
}
