// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/plane.h>

static const struct {
	const char *name;
	bool analyser;
} kinds[] = {
	[PP_CONSUMER_COUNT] = {"count", true},	       [PP_CONSUMER_SINK] = {"sink", false},
	[PP_CONSUMER_REFLECT] = {"reflect", false},    [PP_CONSUMER_NULL] = {"null", true},
	[PP_CONSUMER_HISTOGRAM] = {"histogram", true}, [PP_CONSUMER_FLOWS] = {"flows", true},
	[PP_CONSUMER_FORWARD] = {"forward", false},    [PP_CONSUMER_PROGRAM] = {"program", false},
	[PP_CONSUMER_CAPTURE] = {"capture", true},     [PP_CONSUMER_PLUGIN] = {"plugin", true},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == PP_CONSUMER_KINDS, "every kind has a name");

const char *pp_consumer_kind_name(uint8_t kind)
{
	return kind < PP_CONSUMER_KINDS ? kinds[kind].name : "?";
}

bool pp_consumer_is_analyser(uint8_t kind)
{
	return kind < PP_CONSUMER_KINDS && kinds[kind].analyser;
}
