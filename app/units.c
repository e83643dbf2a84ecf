// SPDX-License-Identifier: MIT OR Apache-2.0
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *word;
	uint64_t factor;
};

static const struct unit duration_unit[] = {
	{"ns", 1},	    {"us", 1000},	  {"ms", 1000000}, {"s", 1000000000},
	{"m", 60000000000}, {"h", 3600000000000}, {NULL, 0},
};

static const struct unit count_unit[] = {
	{"", 1}, {"k", 1000}, {"K", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0},
};

static const struct unit rate_unit[] = {
	{"", 1},    {"k", 1000},    {"K", 1000},       {"M", 1000000},	     {"G", 1000000000},
	{"pps", 1}, {"kpps", 1000}, {"Mpps", 1000000}, {"Gpps", 1000000000}, {NULL, 0},
};

// strtoull() takes blanks and signs; we do not.
static int parse_digits(const char *text, int base, uint64_t *out, const char **rest)
{
	unsigned long long value;
	char *end;

	if (base == 16 ? !isxdigit((unsigned char)*text) : !isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, base);
	if (errno != 0)
		return -errno;
	*out = value;
	*rest = end;
	return 0;
}

static int parse_scaled(const char *text, const struct unit *unit, uint64_t *out)
{
	const char *rest;
	uint64_t value;
	int err;

	err = parse_digits(text, 10, &value, &rest);
	if (err < 0)
		return err;
	for (; unit->word != NULL; unit++) {
		if (strcmp(rest, unit->word) != 0)
			continue;
		if (__builtin_mul_overflow(value, unit->factor, &value))
			return -ERANGE;
		*out = value;
		return 0;
	}
	return -EINVAL;
}

int pp_units_parse_duration(const char *text, uint64_t *out_ns)
{
	if (strcmp(text, "0") == 0) {
		*out_ns = 0;
		return 0;
	}
	return parse_scaled(text, duration_unit, out_ns);
}

int pp_units_parse_count(const char *text, uint64_t *out)
{
	return parse_scaled(text, count_unit, out);
}

int pp_units_parse_rate(const char *text, uint64_t *out_pps)
{
	return parse_scaled(text, rate_unit, out_pps);
}

int pp_units_parse_number(const char *text, uint64_t lo, uint64_t hi, uint64_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *rest;
	uint64_t value;
	int err;

	err = hex ? parse_digits(text + 2, 16, &value, &rest)
		  : parse_digits(text, 10, &value, &rest);
	if (err < 0)
		return err;
	if (*rest != '\0')
		return -EINVAL;
	if (value < lo || value > hi)
		return -ERANGE;
	*out = value;
	return 0;
}
