// SPDX-License-Identifier: MIT OR Apache-2.0
#include "option.h"

#include <errno.h>

#include "units.h"

static void *field(const struct pp_option *option, void *values)
{
	return (char *)values + option->offset;
}

int pp_option_flag(const struct pp_option *option,
		   const char *text,
		   void *values,
		   struct pp_error *err)
{
	(void)text;
	(void)err;
	*(bool *)field(option, values) = true;
	return 0;
}

int pp_option_text(const struct pp_option *option,
		   const char *text,
		   void *values,
		   struct pp_error *err)
{
	(void)err;
	*(const char **)field(option, values) = text;
	return 0;
}

int pp_option_duration(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err)
{
	uint64_t ns;

	if (pp_units_parse_duration(text, &ns) || !ns)
		return pp_error_set(err, -EINVAL, 0, 0, "expected a time such as 500ms, 60s, 10m");
	*(uint64_t *)field(option, values) = ns;
	return 0;
}
