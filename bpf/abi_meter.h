/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
// Rules with `sample` or `limit`, across the kernel/user line; abi.h has the rest.
#ifndef PP_ABI_METER_H
#define PP_ABI_METER_H

#include "abi.h"

#define PP_METERS_MAX 1024u // rules with `sample` or `limit`; a power of two
struct pp_meter {
	__u32 take_last; // as in struct pp_action
	__u32 sample; // one packet of so many; 0: all of them
	__u64 flow_below; // by flow: those whose hash is not above this; 0: not by flow
	__u64 seed; // of that hash
	__u64 rate; // copies a second, of all CPUs together; 0: no limit. Of credit, each nanosecond
	__u64 cost; // of a copy, in credit: 10^9 times the CPUs that share the rate
	__u64 credit_max;
	__u32 rule_id;
	__u32 pad[3];
};
PP_STATIC_ASSERT(sizeof(struct pp_meter) == 64, "one cache line");

// Where a CPU stands with a rule that has `sample` or `limit`; another rule begins anew.
struct pp_meter_state {
	__u32 rule_id;
	__u32 left; // packets until the block ends
	__u32 pick; // the one of the block that is copied finds so many left
	__u32 pad;
	__u64 credit; // for the limit: struct pp_meter.cost buys a copy
	__u64 time_ns; // CLOCK_MONOTONIC: the last packet that the limit saw
};

#endif
