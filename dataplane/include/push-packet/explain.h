// SPDX-License-Identifier: MIT OR Apache-2.0
// What the rules do with a packet, asked of the very XDP or tc program: loaded as for an interface, put on
// none, and run by BPF_PROG_TEST_RUN, a packet at a time.
//
// There is no copy ring and no AF_XDP socket: a copy goes nowhere and a routed packet passes. What
// is told is what the rule says, and held against what the program did and counted.
//
// Threads    one at a time.
// Cost       opening loads the program: some 100 ms. A packet costs a system call: some microseconds.
// Ownership  pp_explain_close() frees all; nothing stays in the kernel.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/plane.h>

__BEGIN_DECLS

// The kernel's test run takes no packet that is shorter.
#define PP_EXPLAIN_BYTES_MIN 14u

#define PP_EXPLAIN_NO_IFACE (-1)

struct pp_explain_config {
	// What names in rules stand for. Interfaces need not exist.
	const struct pp_iface_config *iface;
	uint32_t iface_count; // 0 to PP_IFACES_MAX
	const struct pp_consumer_config *consumer;
	uint32_t consumer_count;
	const char *engine; // as pp_plane_config.engine
	struct pp_engine_own own; // as pp_plane_config.own; stays until close
	int32_t in; // packets come in by this one; PP_EXPLAIN_NO_IFACE: by one that no rule names
	uint8_t frame_kind; // enum pp_frame_kind
	uint8_t direction; // enum pp_direction: OUT asks the tc program what it does with what is sent
	// As of the plane: which consumers rules may name, and whether they may copy and route at all.
	uint8_t copy; // enum pp_copy_mode
	uint8_t route; // enum pp_route_mode
};

struct pp_explain;

struct pp_explanation {
	// As the program's parser leaves it in user space. Of a packet that is not parsed: what stood
	// before the place where it ends, else 0.
	struct pp_key key;
	uint32_t unparsed; // why it was not: PP_LEDGER_UNPARSED_*; 0: it was
	// Borrowed. NULL: not parsed; the default action; or what is sent and matches no rule, and passes.
	const struct pp_ruleset_entry *rule;
	uint8_t verdict; // enum pp_verdict, after the copy if there is one
	bool copy;
	// Under PP_EXPLAIN_BYTES_MIN, or of what is sent cut off within the IP header: judged by the
	// parser in user space; where that has nothing against it, by the program with zeros behind the
	// packet, which the parser does not read.
	bool too_short;
};

// Load the program and put rules in force.
//
// @param config  Borrowed for the call.
// @param rules   Copied.
// @param rule_id As pp_engine.build(): the rule that err is about, else 0; may be NULL.
// @return        0; -EPERM: err names the missing capabilities; -EINVAL: a name in a rule stands
//                for nothing; -errno of the kernel.
int pp_explain_open(struct pp_explain **out,
		    const struct pp_explain_config *config,
		    const struct pp_ruleset *rules,
		    uint32_t *rule_id,
		    struct pp_error *err);
// NULL is allowed.
void pp_explain_close(struct pp_explain *explain);

// Ask about a packet.
//
// @param out  Set on success; its rule lives as long as explain. On -EMSGSIZE key alone is set.
// @return     0; -EMSGSIZE: too long for the kernel's test run; -EPROTO: the program and its
//             counters contradict the rules, a bug in push-packet; -errno of the test run.
int pp_explain_packet(struct pp_explain *explain,
		      const uint8_t *data,
		      uint32_t bytes,
		      struct pp_explanation *out,
		      struct pp_error *err);

// What the parser found in a packet, as conditions of a rule: what could be written to match it.
// Whether it is a later fragment is no condition: PP_KEY_LATER_FRAG in the key.
//
// @param on   The interface; "": none.
// @param out  A rule that passes such packets. Of a packet that is not parsed proto is -1.
void pp_explain_rule_for(const struct pp_explanation *explanation,
			 const char *on,
			 struct pp_rule *out);

__END_DECLS
