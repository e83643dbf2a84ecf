// SPDX-License-Identifier: MIT OR Apache-2.0
// Images: what a rule set is compiled to, where programs read it.
//
// One BPF array of one element holds a selector and two halves. The half that the selector names is
// in force and is not written; the next rules are written to the other one, and one store exchanges
// them, for every interface at once (where programs have to be loaded again it is interface after
// interface): a program reads the selector once for each packet, so it sees
// the old rules or the new ones and never a mix. Before a half is written again the caller waits for
// programs that may still read it (grace.h).
//
// What a half must hold stands in ordinary memory, the shadow, with a note of the lines that each
// half has not got yet: a change of one rule writes some lines and not the image.
//
// Threads    control thread.
// Cost       publish(): of what changed. open(): of everything, and memory for two halves.
// Ownership  open() and close(); a loaded program holds the array, not the shadow.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "engine.h"
#include "image_sets.h"
#include "meters.h"

struct pp_images {
	int fd; // -1: not open
	uint8_t *element; // mapped
	size_t element_bytes;
	struct pp_image_layout layout;
	struct pp_engine_shape shape;
	const struct pp_engine *engine;
	void *state; // the engine's; NULL: to be compiled
	struct pp_ruleset *rules; // that state and shadow hold; NULL: to be compiled
	struct pp_set_names names; // of sets, as state has them
	struct pp_meters meters; // of rules with `sample` or `limit`
	bool sole; // packets to a sole consumer carry no metadata
	uint64_t compiled; // how many times; changes that needed no compiling beside it
	uint64_t changed;
	uint8_t *shadow; // head, actions, body: layout.sets_at bytes
	uint64_t *missing[2]; // by half: a bit for each line of the shadow
	uint64_t sets_serial[2]; // by half: the table of sets that it has
	uint32_t in_force; // half
	uint64_t serial; // of the image in force
	struct pp_cache cache; // of the programs that read these images
	struct pp_engine_stats stats;
};

void pp_images_clear(struct pp_images *images);

// Make images for rules and put these in force in them. No program reads them yet.
//
// @param set_bytes  Of the area for sets, at least: 0, or a power of two.
// @param cpu_count  For the cache, a power of two; 0: no cache.
// @param rule_id    Set to the rule that err is about, or to 0.
// @return           0; -EINVAL: a name in a rule stands for nothing; what the engine's compile()
//                   says; -errno. Undone on failure.
int pp_images_open(struct pp_images *images,
		   const struct pp_engine *engine,
		   const struct pp_ruleset *rules,
		   const struct pp_image_sets *sets,
		   uint32_t set_bytes,
		   uint32_t cpu_count,
		   const struct pp_bindings *bindings,
		   uint32_t *rule_id,
		   struct pp_error *err);
void pp_images_close(struct pp_images *images);

// Put rules in force. The half that was in force may be read until programs were waited for.
//
// @return  0; -ENOBUFS: they do not fit into these images, others must be opened; as open().
int pp_images_publish(struct pp_images *images,
		      const struct pp_ruleset *rules,
		      const struct pp_image_sets *sets,
		      const struct pp_bindings *bindings,
		      uint32_t *rule_id,
		      struct pp_error *err);

// Divide the limits of rules by the CPUs that see packets of theirs now, in place.
//
// @param cpus  How many CPUs see packets at a meter that belongs to a rule; 0: nobody knows, or none.
void pp_images_share(struct pp_images *images,
		     uint32_t (*cpus)(void *arg, uint32_t meter, uint32_t rule_id),
		     void *arg);
// Whether programs that read these images tell dumps of each packet (bpf/dump.bpf.h). From when on is
// not known before programs were waited for.
void pp_images_set_dumping(struct pp_images *images, bool dumping);

// Slots that a program must know for these rules: a power of two.
uint64_t pp_images_slots(const struct pp_ruleset *rules);
