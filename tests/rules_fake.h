// SPDX-License-Identifier: MIT OR Apache-2.0
// The rules service of a daemon without a dataplane: what is put in force is kept, and counted.
//
// Threads    the test's.
// Cost       -
// Ownership  caller's storage.
#pragma once

#include "methods.h"
#include "rules_service.h"

struct rules_fake {
	struct pp_rules_service service;
	struct pp_rpc_service rpc;
	struct pp_rpc_peer peer; // may write
	struct pp_ruleset *rules; // in force
	uint32_t applied;
	int fail_with; // what the next applications return; 0: they succeed
};

// One interface pp0, analyser "counter", sink "sink"; no rules.
//
// @param methods  What may be called.
void rules_fake_init(struct rules_fake *fake, const struct pp_rpc_method *const *methods);
void rules_fake_fini(struct rules_fake *fake);

// Put in force what is pending, and let the reply know.
void rules_fake_commit(struct rules_fake *fake, struct pp_rpc_reply *reply);
