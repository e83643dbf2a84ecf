// SPDX-License-Identifier: MIT OR Apache-2.0
// The rules that packets of a capture are held against, from wherever they come, and what names in
// them stand for.
//
// Threads    main thread.
// Cost       control path; a running daemon is asked for its rules and the sets they name.
// Ownership  pp_explain_rules_fini() frees, also after a failure.
#pragma once

#include <stdint.h>

#include <push-packet/plane.h>

#include "ctl_options.h"

struct pp_explain_rules {
	struct pp_ruleset *rules;
	uint32_t *id; // as the daemon has it, by our id; NULL: the same
	uint32_t iface_count;
	struct pp_iface_config iface[PP_IFACES_MAX];
	bool ifaces_known; // these are all there are; else rules name these
	uint32_t consumer_count;
	struct pp_consumer_config consumer[PP_CONSUMERS_MAX];
	char engine[PP_NAME_BYTES];
	struct pp_engine_own own;
	int32_t in; // index of the interface that packets come in by; PP_EXPLAIN_NO_IFACE
	const char *in_name; // borrowed; "": none
	uint8_t direction; // enum pp_direction: OUT: packets go out by it
};

void pp_explain_rules_init(struct pp_explain_rules *rules);
void pp_explain_rules_fini(struct pp_explain_rules *rules);

// Take the rules of a configuration, of a rule file, of one rule, of the running daemon. Complain
// when that fails.
//
// @return  enum pp_exit.
int pp_explain_rules_from_config(struct pp_explain_rules *rules, const char *path);
int pp_explain_rules_from_file(struct pp_explain_rules *rules, const char *path);
int pp_explain_rules_from_text(struct pp_explain_rules *rules, const char *text);
int pp_explain_rules_from_daemon(struct pp_explain_rules *rules,
				 const struct pp_ctl_options *ctl,
				 const char *command);

// Say which interface packets come in by.
//
// @param name  Borrowed; NULL: the first one, where it is known which there are.
// @return      enum pp_exit.
int pp_explain_rules_enter(struct pp_explain_rules *rules, const char *name);

// Give names in rules something to stand for: an interface, and a consumer that takes everything.
//
// @return  enum pp_exit.
int pp_explain_rules_bind(struct pp_explain_rules *rules);

// Add an interface unless it is there.
//
// @return  0; -ENOSPC.
int pp_explain_rules_add_iface(struct pp_explain_rules *rules, const char *name);

// @return  A rule's id where it comes from.
uint32_t pp_explain_rules_id(const struct pp_explain_rules *rules, uint32_t id);
