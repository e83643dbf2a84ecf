// SPDX-License-Identifier: MIT OR Apache-2.0
// Meters: what the XDP program is told of rules with `sample` or `limit` (bpf/meter.bpf.h).
//
// A rule keeps its meter as long as it stays, so that a change of other rules leaves its place in a
// block of packets, its credit and its share as they are.
//
// Threads    control thread.
// Cost       control path; O(PP_METERS_MAX) a call.
// Ownership  plain values.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi_meter.h>
#include <push-packet/error.h>
#include <push-packet/rule.h>

struct pp_meters {
	uint32_t owner[PP_METERS_MAX]; // rule id; 0: free
	uint32_t share[PP_METERS_MAX]; // CPUs that the limit is divided by
	uint32_t count; // not free
};

static inline bool pp_meters_wanted(const struct pp_rule *rule)
{
	return rule->sample != 0 || rule->limit_per_s != 0;
}

// The meter of a rule; if it has none, a free one.
//
// @param index  Set on success.
// @return       0; -ENOSPC, with err set.
int pp_meters_take(struct pp_meters *meters,
		   uint32_t rule_id,
		   uint32_t *index,
		   struct pp_error *err);

// The rule has gone. Programs may still read its meter.
void pp_meters_release(struct pp_meters *meters, uint32_t rule_id);

// Release those of all rules that keep() is false for.
void pp_meters_sweep(struct pp_meters *meters,
		     bool (*keep)(const void *arg, uint32_t rule_id),
		     const void *arg);

// What the program is to know.
//
// @param take_last  As struct pp_action has it.
// @param share      CPUs that the limit is divided by, at least 1.
void pp_meters_fill(struct pp_meter *out,
		    const struct pp_rule *rule,
		    uint32_t rule_id,
		    uint16_t take_last,
		    uint32_t share);

// The part of it that depends on the share.
void pp_meters_fill_share(struct pp_meter *meter, uint32_t share);
