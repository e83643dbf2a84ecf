// SPDX-License-Identifier: MIT OR Apache-2.0
#include "analysers.h"

#include <stddef.h>

#include <push-packet/plane.h>

#include "record.h"

static const struct pp_analyser_ops *const built_in[PP_CONSUMER_KINDS] = {
	[PP_CONSUMER_COUNT] = &pp_count_ops,	     [PP_CONSUMER_NULL] = &pp_null_ops,
	[PP_CONSUMER_HISTOGRAM] = &pp_histogram_ops, [PP_CONSUMER_FLOWS] = &pp_flows_ops,
	[PP_CONSUMER_CAPTURE] = &pp_record_ops,
};

const struct pp_analyser_ops *pp_analysers_find(uint8_t kind)
{
	return kind < PP_CONSUMER_KINDS ? built_in[kind] : NULL;
}
