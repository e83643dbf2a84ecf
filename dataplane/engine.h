// SPDX-License-Identifier: MIT OR Apache-2.0
// Engines, user-space half: an ordered rule set compiled to a position-independent image.
//
// Threads    control thread.
// Cost       control path; build() writes the image in place and allocates nothing.
// Ownership  engines are static; the image is the caller's memory.
#pragma once

#include <stdint.h>

#include <push-packet/plane.h>

// What names in rules stand for.
struct pp_bindings {
	const struct pp_iface_config *iface;
	uint32_t iface_count;
	const struct pp_consumer_config *consumer;
	uint32_t consumer_count;
	// The one sink that every routed packet goes to: it reads no metadata, so packets carry
	// none. NULL: packets are told apart by their metadata. Workers must have the same, and no
	// packet of the other kind may be on its way.
	const struct pp_consumer_config *sole_sink;
};

struct pp_engine {
	const char *name;
	uint32_t image_bytes;
	uint32_t rules_max;
	// Fill a zeroed image. The table of sets is not the engine's: what publishes puts head.addr
	// and the area behind the image in.
	//
	// @return  0; -EINVAL: a name in a rule stands for nothing; -ENOSPC: more than rules_max
	//          rules. rule_id says which rule.
	int (*build)(void *image,
		     const struct pp_ruleset *rules,
		     const struct pp_bindings *bindings,
		     uint32_t *rule_id,
		     struct pp_error *err);
};

extern const struct pp_engine pp_engine_linear;

// @param name  "linear", or "auto": the best there is, for now the same.
// @return      The engine; NULL: no such engine.
const struct pp_engine *pp_engine_find(const char *name);

// Whether the names in a rule stand for something.
//
// @return  0; -EINVAL: err says which does not.
int pp_engine_check_rule(const struct pp_ruleset_entry *entry,
			 const struct pp_bindings *bindings,
			 struct pp_error *err);

// Fill the part that every engine's image begins with: generation and actions by slot.
//
// @return  As build().
int pp_engine_fill_head(struct pp_image_head *head,
			const struct pp_ruleset *rules,
			const struct pp_bindings *bindings,
			uint32_t *rule_id,
			struct pp_error *err);

// Index of an interface by name; -1: not configured.
int pp_bindings_iface(const struct pp_bindings *bindings, const char *name);

// The one sink that every route rule names.
//
// @return  Borrowed; NULL: there are several consumers, or one that is no sink.
const struct pp_consumer_config *pp_bindings_sole_sink(const struct pp_bindings *bindings,
						       const struct pp_ruleset *rules);

// Index of the consumer a rule's copy or route goes to.
//
// @param name   "": the first one that takes such packets.
// @param route  For a routed packet; else for a copied one.
// @return       The index; PP_CONSUMER_NONE: none is configured and none was named;
//               -EINVAL: err says why name cannot be it.
int pp_bindings_consumer(const struct pp_bindings *bindings,
			 const char *name,
			 bool route,
			 struct pp_error *err);
