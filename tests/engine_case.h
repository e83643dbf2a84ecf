// SPDX-License-Identifier: MIT OR Apache-2.0
// An engine with its lookup built for user space, compiled and emitted as the plane
// does it, so that any engine can be compared with the naive one.
//
// Threads    one thread.
// Cost       tests only.
// Ownership  engine_case_close() frees what engine_case_open() made; rules are borrowed for the call.
#pragma once

#include <stdbool.h>

#include <push-packet/engine.h>
#include <push-packet/rule.h>

// What a lookup did.
struct engine_work {
	uint32_t probes; // of hash tables
	uint32_t checks; // of rules
};

// What is compared: an ops table with its lookup.
struct engine_lookup {
	const struct pp_engine_ops *ops;
	// The kernel half, as user-space code.
	//
	// @param sets  Low half: sets that hold the source; high half: the destination.
	// @param work  Is added to, by engines that count; may be NULL.
	// @return      A slot, PP_SLOT_DEFAULT.
	uint32_t (*match)(const void *body,
			  const struct pp_engine_shape *shape,
			  const struct pp_key *key,
			  uint64_t sets,
			  struct engine_work *work);
	bool counts; // work
};

struct engine_case {
	const struct engine_lookup *lookup;
	void *state;
	struct pp_engine_shape shape;
	uint8_t *body;
	uint8_t *shadow; // the body as a reader has it who copies what was touched
	struct engine_range *range; // touched by the last change
	uint32_t range_count, range_room;
};

struct engine_range {
	uint64_t offset_bytes;
	uint64_t bytes;
};

extern const struct engine_lookup engine_linear_lookup;
extern const struct engine_lookup engine_tuple_lookup;

// A rule as engines see it. Interfaces are those of rule_gen.h; a set named sN is number N.
//
// @param rule  As pp_rule_parse() leaves it.
void engine_rule_make(const struct pp_rule *rule,
		      uint32_t slot,
		      uint32_t rank,
		      struct pp_engine_rule *out);

// Compile rules, by rank, and emit them.
//
// @return  0; what compile() returned, with err set.
int engine_case_open(struct engine_case *c,
		     const struct engine_lookup *lookup,
		     const struct pp_engine_rule *rule,
		     uint32_t count,
		     struct pp_error *err);
void engine_case_close(struct engine_case *c);

// @return  The slot.
uint32_t engine_case_match(const struct engine_case *c, const struct pp_key *key, uint64_t sets);

// Change rules in place and check that all that was changed was touched.
//
// @return  0; -EAGAIN: the case is to be closed; -EPROTO: a byte was changed and not touched.
int engine_case_change(struct engine_case *c,
		       const struct pp_engine_rule *del,
		       uint32_t del_count,
		       const struct pp_engine_rule *add,
		       uint32_t add_count);
