// SPDX-License-Identifier: MIT OR Apache-2.0
// The rules of a running daemon, and how they change: many requests, one transaction.
//
//   in force --first change--> pending: a copy that requests change one after the other
//   request: a trial copy of what is pending; good: it is pending now, bad: nobody saw it
//   commit: what is pending is put in force in one step, or all of it is thrown away
//
// Each request is checked by itself (names, protected sets), so that none can spoil the commit of
// the others.
//
// Threads    control thread.
// Cost       control path; a request looks at what it changes, whatever there is besides.
// Ownership  caller's storage; the service owns the configuration, and rules until they are in
//            force.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include <push-packet/plane.h>
#include <push-packet/ruleset.h>

#include "config.h"
#include "jsonrpc.h"

// Things to tell subscribers, each a bit.
enum pp_rules_event {
	PP_EVENT_RULES = 1 << 0,
	PP_EVENT_SETS = 1 << 1,
	PP_EVENT_EXPIRED = 1 << 2,
	PP_EVENT_RELOAD = 1 << 3,
	PP_EVENT_INTERFACE = 1 << 4,
	PP_EVENT_ALL = (1 << 5) - 1,
};

// A rule set on its way, with what goes with it.
struct pp_rules_change {
	struct pp_ruleset *rules; // NULL: there is no change
	struct pp_config *config; // of a reload; NULL: the configuration stays
	bool engine; // config has another engine, or another verdict-cache: apply() is to take it
	json_t *reloaded; // what a reload changed, an array; NULL: there was none
	json_t *conflicts; // sentences about protected sets, as keys of an object
	uint32_t expired_rules;
	size_t expired_entries;
};

struct pp_rules_service {
	const struct pp_plane *plane; // for counters; NULL: nothing was counted
	struct pp_plane *dump_plane; // the same, for dumps; NULL: there can be none
	uint64_t start_ns; // CLOCK_MONOTONIC
	const char *config_path;
	struct pp_config *config; // in force
	const struct pp_ruleset *rules; // in force
	json_t *conflicts; // of rules

	// Puts rules in force as pp_plane_apply() does: takes them over on success. What goes with
	// them is in pending.
	int (*apply)(void *arg, struct pp_ruleset *rules, struct pp_error *err);
	void *arg;

	struct pp_rules_change pending;
	struct pp_rules_change trial; // of the request that is being served
	json_t *news; // what was put in force since the last pp_rules_service_take_news()
	uint32_t last_id; // ids above are new
};

// @param config  Taken over.
// @param rules   In force. Borrowed, until the first commit.
void pp_rules_service_init(struct pp_rules_service *service,
			   struct pp_config *config,
			   const struct pp_ruleset *rules,
			   int (*apply)(void *arg, struct pp_ruleset *rules, struct pp_error *err),
			   void *arg);
void pp_rules_service_fini(struct pp_rules_service *service);

// struct pp_rpc_service's transact() and commit(); arg is the service. The method finds what to
// change in trial.
json_t *pp_rules_service_transact(void *arg,
				  const struct pp_rpc_call *call,
				  bool *pending,
				  struct pp_rpc_error *err);
int pp_rules_service_commit(void *arg, uint32_t *generation, struct pp_rpc_error *err);

// Find out whether a rule would be accepted, and change nothing.
//
// @param warnings  An array; strings are appended.
// @return          As pp_rules_check(), pp_ruleset_add().
int pp_rules_service_try(struct pp_rules_service *service,
			 const struct pp_rule *rule,
			 const char *ssh,
			 json_t *warnings,
			 struct pp_rpc_error *err);

// Make it pending that what has expired by now_ns goes.
//
// @return  Whether something did: commit is to be called.
bool pp_rules_service_expire(struct pp_rules_service *service, uint64_t now_ns);

// @return  An array of {"event":...} objects, oldest first; the caller's. NULL: nothing is new.
json_t *pp_rules_service_take_news(struct pp_rules_service *service);

// @return  The bit of an event, enum pp_rules_event; 0: there is none of that name.
uint32_t pp_rules_event_bit(const char *name);
// The names of events, an array; the caller's.
json_t *pp_rules_event_names(uint32_t events);

uint64_t pp_rules_service_uptime_s(const struct pp_rules_service *service);

// CLOCK_BOOTTIME, what expiry is measured by.
uint64_t pp_rules_now_ns(void);
