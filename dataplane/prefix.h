// SPDX-License-Identifier: MIT OR Apache-2.0
// Reading one address or CIDR out of a longer text; see push-packet/set.h for the public half.
//
// Threads    any; nothing is shared.
// Cost       control path; nothing is allocated.
// Ownership  caller's storage.
#pragma once

#include <push-packet/rule.h>

enum pp_prefix_fault {
	PP_PREFIX_GOOD,
	PP_PREFIX_NO_ADDRESS,
	PP_PREFIX_BAD_LENGTH, // after the '/'; out->family is set
	PP_PREFIX_HOST_BITS, // set beyond the prefix; out is the prefix without them
};

// @param text  len bytes, not terminated.
// @param out   Set when good.
enum pp_prefix_fault pp_prefix_read(const char *text, size_t len, struct pp_prefix *out);

// Say what is wrong, at column 1 of line 1.
//
// @param shown  The text, fit for a message.
// @param out    As pp_prefix_read() left it.
// @return       -EINVAL.
int pp_prefix_error(enum pp_prefix_fault fault,
		    const char *shown,
		    const struct pp_prefix *out,
		    struct pp_error *err);

// @return  Whether bits beyond the prefix were set.
bool pp_prefix_clear_host_bits(struct pp_prefix *prefix);

// @return  32 or 128.
static inline uint32_t pp_prefix_bits_max(uint8_t family)
{
	return family == PP_FAMILY_IP4 ? 32 : 128;
}
