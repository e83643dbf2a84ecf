// SPDX-License-Identifier: MIT OR Apache-2.0
// The rules that `push-packet top` makes: copies for its analyser of what the switches say.
//
// They stand behind all others (prio 1,000,000) and do to a packet what the default action does, so
// they change nothing but that packets are seen. Their names begin with `top-`. They go when top ends;
// where it cannot take them away, they expire.
//
// Threads    main thread.
// Cost       one transaction a change.
// Ownership  the daemon has the rules.
#pragma once

#include "ctl_client.h"
#include "top_model.h"

#define PP_TOP_RULES_MAX 6 // three protocols of two families

struct pp_top_rules {
	uint64_t id[PP_TOP_RULES_MAX]; // in the daemon
	uint32_t count;
	uint64_t ttl_ns;
	uint64_t refresh_ns; // CLOCK_MONOTONIC: when they must be made anew
	bool drop; // the default action
};

// The texts of the rules that the switches want.
//
// @return  How many, 0 to PP_TOP_RULES_MAX.
uint32_t pp_top_rules_texts(const struct pp_top_model *model,
			    bool drop,
			    char text[PP_TOP_RULES_MAX][PP_TOP_RULE_BYTES]);

// Exchange the rules in the daemon for those that the switches want, in one transaction.
//
// @param ask_default  Find out what the default action is now.
// @return             0; as pp_ctl_client_call().
int pp_top_rules_sync(struct pp_top_rules *rules,
		      struct pp_ctl_client *client,
		      const struct pp_top_model *model,
		      bool ask_default,
		      struct pp_error *err);

// Take them away.
int pp_top_rules_clear(struct pp_top_rules *rules,
		       struct pp_ctl_client *client,
		       struct pp_error *err);
