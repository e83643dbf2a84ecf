// SPDX-License-Identifier: MIT OR Apache-2.0
// Rule sets of any size that look like real ones: access lists, firewalls, IP chains. Lengths of
// prefixes, kinds of port conditions and protocols are mixed as in the sets that ClassBench made
// from those (tests/ruleset_profile.c has the measured mixes); prefixes nest and come back. The
// same options give the same rules on every machine.
//
// Threads    any; nothing is shared.
// Cost       tests only: some 100 ns a rule, 4 bytes a rule on the heap while it runs.
// Ownership  caller's storage.
#pragma once

#include <push-packet/rule.h>

#define RULESET_RULES_MAX 131000u

enum ruleset_kind {
	RULESET_ACL, // most rules name hosts on both sides and a destination port
	RULESET_FW, // one side is most often (nearly) everybody
	RULESET_IPC, // all lengths, ports on either side
	RULESET_DENSE, // 8 addresses, 4 ports: everything overlaps everything
	RULESET_KINDS,
};

struct ruleset_options {
	enum ruleset_kind kind;
	uint8_t family; // enum pp_family; PP_FAMILY_NONE: half the rules IPv4, half IPv6
	uint32_t count; // 1 to RULESET_RULES_MAX
	uint64_t seed;
};

// Make rules that pp_rule_parse() could have read, no two of them with the same conditions. The
// more specific ones come first, most of the time.
//
// @param out  options.count rules.
// @return     0; -EINVAL; -ENOMEM; -ENOSPC: there are not so many different ones.
int ruleset_gen(const struct ruleset_options *options, struct pp_rule *out);

// @return  enum ruleset_kind; -EINVAL: no such name. The names: acl, fw, ipc, dense.
int ruleset_kind_find(const char *name);
const char *ruleset_kind_name(enum ruleset_kind kind);

// Put rules as `gen:KIND[:ip4|:ip6|:both]:COUNT:SEED` asks for them into options; ip4 when no
// family is named.
//
// @return  0; -EINVAL.
int ruleset_options_parse(const char *text, struct ruleset_options *out);
