// SPDX-License-Identifier: MIT OR Apache-2.0
// Engines there are, and rules as they see them.
//
// Threads    control thread.
// Cost       control path.
// Ownership  engines are static.
#pragma once

#include <stdint.h>

#include <push-packet/engine.h>
#include <push-packet/engine_own.h>
#include <push-packet/plane.h>

#include "image_sets.h"

// What names in rules stand for.
struct pp_bindings {
	const struct pp_iface_config *iface;
	uint32_t iface_count;
	const struct pp_consumer_config *consumer;
	uint32_t consumer_count;
	// The one consumer that every routed packet goes to, if it reads no metadata, so that packets
	// carry none. NULL: packets are told apart by their metadata. Workers must have the same, and
	// no packet of the other kind may be on its way.
	const struct pp_consumer_config *sole;
	uint8_t copy; // enum pp_copy_mode
	uint8_t route; // enum pp_route_mode
};

struct pp_engine {
	const struct pp_engine_ops *ops;
	// The BPF object with the program, of an engine that is not built in; else NULL.
	const void *object;
	size_t object_bytes;
};

static inline struct pp_engine pp_engine_of(const struct pp_engine_own *own)
{
	return (struct pp_engine){own->ops, own->object, own->object_bytes};
}

// Whether an engine of the user's own is what it must be, as far as that can be seen without the
// kernel. None is good.
//
// @return  0; -EINVAL; -EPROTO, with err set.
int pp_engine_check(const struct pp_engine_own *own, struct pp_error *err);

// One more who unloads it.
void pp_engine_hold(const struct pp_engine_own *own);

// The BPF object with the engine's program, built in or not. Borrowed.
const void *pp_engine_object(const struct pp_engine *engine, size_t *bytes);

#define PP_ENGINE_AUTO "auto"

// @param name  "linear", ...
// @return      The engine; NULL: none has this name.
const struct pp_engine *pp_engine_find(const char *name);

// The names that pp_engine_find() knows, and "auto", for messages: "auto, linear or tuple".
const char *pp_engine_names(void);

// Pick an engine.
//
// @param name     One of the above.
// @param current  In use; NULL: none. What is picked by count does not go back and forth.
// @param count    Of rules.
// @return         The engine; NULL: none has this name.
const struct pp_engine *
pp_engine_pick(const char *name, const struct pp_engine *current, uint32_t count);

// What is left where rules cannot be bounded in tables, or a kernel takes no program with tables.
//
// @param name    As in the configuration.
// @param engine  That was refused.
// @return        NULL: it is that one, or was asked for by its name, or the other cannot hold the rules.
const struct pp_engine *
pp_engine_simpler(const char *name, const struct pp_engine *engine, uint32_t count);

// A rule as engines see it. Names in it have been checked.
void pp_engine_rule_fill(struct pp_engine_rule *out,
			 const struct pp_ruleset_entry *entry,
			 const struct pp_bindings *bindings,
			 const struct pp_used_sets *used);

// Say that an engine has no room for a rule more.
//
// @return  -ENOSPC.
int pp_engine_full(const char *name, uint32_t rules_max, struct pp_error *err);

// What a slot does.
//
// @return  0; -EINVAL: a name in the rule stands for nothing.
int pp_engine_action_fill(struct pp_action *out,
			  const struct pp_ruleset_entry *entry,
			  const struct pp_bindings *bindings,
			  struct pp_error *err);
// Whether the names in a rule stand for something.
//
// @return  0; -EINVAL: err says which does not.
int pp_engine_check_rule(const struct pp_ruleset_entry *entry,
			 const struct pp_bindings *bindings,
			 struct pp_error *err);
struct pp_action pp_engine_action_default(const struct pp_ruleset *rules);

// Index of an interface by name; -1: not configured.
int pp_bindings_iface(const struct pp_bindings *bindings, const char *name);

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
