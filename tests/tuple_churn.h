// SPDX-License-Identifier: MIT OR Apache-2.0
// A rule set that engine `tuple` keeps up with: random additions and deletions, each followed by all
// that must hold.
//
// Threads    one struct tuple_churn a thread.
// Cost       tests only.
// Ownership  init() and fini().
#pragma once

#include "engine_rules.h"

#define TUPLE_CHURN_SLOTS 1024u

struct tuple_churn {
	struct rule_gen gen;
	struct engine_mix mix;
	struct pp_engine_rule rule[TUPLE_CHURN_SLOTS]; // in force, by rank
	uint32_t count;
	uint32_t target; // about how many rules are in force
	struct pp_engine_shape shape;
	void *state;
	void *body;
	void *shown; // what was touched is copied here: the program's view
	uint32_t compiled; // times
	uint32_t refused; // changes that were taken back: -E2BIG
	uint32_t again; // changes that had to be compiled
	uint32_t reloaded; // compilations that needed another shape
	uint32_t steps;
};

void tuple_churn_init(struct tuple_churn *churn,
		      uint64_t seed,
		      const struct engine_mix *mix,
		      uint32_t target);
void tuple_churn_fini(struct tuple_churn *churn);

// Change some rules, check the invariants, compare some lookups.
//
// @return  NULL, or what does not hold.
const char *tuple_churn_step(struct tuple_churn *churn, uint32_t lookups);
