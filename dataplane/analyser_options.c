// SPDX-License-Identifier: MIT OR Apache-2.0
#include "analyser_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"

int pp_options_read(const struct pp_option_reader readers[],
		    const char *kind,
		    const struct pp_analyser_option option[],
		    uint32_t count,
		    void *out,
		    uint32_t *at,
		    struct pp_error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct pp_option_reader *reader = readers;
		int ret;

		*at = i;
		while (reader->key != NULL && strcmp(reader->key, option[i].key) != 0)
			reader++;
		if (reader->key == NULL)
			return pp_error_set(err, -EINVAL, 0, 0, "kind %s has no '%.40s'", kind,
					    option[i].key);
		ret = reader->read(option[i].value, out, err);
		if (ret < 0)
			return ret;
	}
	*at = count;
	return 0;
}

int pp_options_duration(
	const char *value, uint64_t min_ns, uint64_t max_ns, uint64_t *out_ns, struct pp_error *err)
{
	char lo[PP_DURATION_TEXT_BYTES], hi[PP_DURATION_TEXT_BYTES];
	uint64_t ns;

	pp_duration_format(min_ns, lo);
	pp_duration_format(max_ns, hi);
	if (!pp_duration_parse(value, strlen(value), &ns) || ns < min_ns || ns > max_ns)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "'%.40s' is no time from %s to %s, such as 10s", value, lo, hi);
	*out_ns = ns;
	return 0;
}

int pp_options_slots(
	const char *value, uint32_t min, uint32_t max, uint32_t *out, struct pp_error *err)
{
	char *end = NULL;
	unsigned long n = isdigit((unsigned char)*value) ? strtoul(value, &end, 10) : 0;

	if (end == NULL || *end != '\0' || n < min || n > max || (n & (n - 1)) != 0)
		return pp_error_set(err, -EINVAL, 0, 0, "'%.40s' is no power of two from %u to %u",
				    value, min, max);
	*out = (uint32_t)n;
	return 0;
}
