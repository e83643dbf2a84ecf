// SPDX-License-Identifier: MIT OR Apache-2.0
#include "methods.h"

json_t *pp_method_ttl(uint64_t expires_ns, uint64_t now_ns)
{
	uint64_t left_ns = expires_ns > now_ns ? expires_ns - now_ns : 0;

	return expires_ns ? json_integer((json_int_t)((left_ns + 999999) / 1000000)) : json_null();
}

const char *pp_method_origin(enum pp_origin origin)
{
	return origin == PP_ORIGIN_CONFIG ? "config" : "command";
}
