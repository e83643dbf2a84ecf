// SPDX-License-Identifier: MIT OR Apache-2.0
// What a packet is counted under.
//
// Threads    any.
// Cost       nothing is allocated.
#pragma once

#include <string.h>

#include <push-packet/analyser.h>

// @param key  As the parser left it, with key->word 0 before.
void pp_top_key_source(const struct pp_key *key, struct pp_analyser_key *out);
void pp_top_key_destination(const struct pp_key *key, struct pp_analyser_key *out);
void pp_top_key_port(const struct pp_key *key, struct pp_analyser_key *out);
void pp_top_key_protocol(const struct pp_key *key, struct pp_analyser_key *out);
void pp_top_key_rule(const struct pp_meta *meta, struct pp_analyser_key *out);

// The same key for both directions of a flow: the lower end first.
//
// @param out  PP_BY_FLOW.
// @return     Whether the packet goes from the second end to the first.
bool pp_top_key_flow(const struct pp_key *key, struct pp_analyser_key *out);

// Exchange the ends of a flow.
void pp_top_key_turn(struct pp_analyser_key *key);

struct pp_top_seed {
	uint64_t word[6];
};
_Static_assert(sizeof(struct pp_analyser_key) == sizeof(struct pp_top_seed), "a word a word");

// Random, so that nobody can aim at a place in a table.
void pp_top_seed_init(struct pp_top_seed *seed);
uint64_t pp_top_hash(const struct pp_top_seed *seed, const struct pp_analyser_key *key);

static inline bool pp_top_key_equal(const struct pp_analyser_key *a,
				    const struct pp_analyser_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
