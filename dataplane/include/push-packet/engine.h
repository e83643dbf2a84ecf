// SPDX-License-Identifier: MIT OR Apache-2.0
// Engines: an ordered rule set compiled to an image that the XDP program reads.
//
// An engine has two halves. The kernel half is a BPF object that supplies pp_match(): packet key to
// rule slot. The user-space half is a struct pp_engine_ops: it compiles rules to the engine's part
// of the image, its body. The rest of the image (actions by slot, sets of addresses) is not the
// engine's. A slot that pp_match() gives is masked to those that the program knows; one that no rule
// has passes the packet, or does what the rule did that had it last.
//
// The body is written in ordinary memory and copied to where the program reads: there are two such
// places, the one in force is never written, and what is copied is what was touched.
//
// Threads    every call is the control thread's.
// Cost       control path.
// Ownership  ops are static. compile() makes a state, destroy() frees it. Rules are borrowed for the
//            call.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

__BEGIN_DECLS

#define PP_ENGINE_ABI 2u

// Which frames a rule can match.
#define PP_FRAMES_IP4 1u
#define PP_FRAMES_IP6 2u
#define PP_FRAMES_OTHER 4u // neither IPv4 nor IPv6; such a rule has no condition but iface

// A rule as engines see it: names are looked up, conditions that are not there match everything.
struct pp_engine_rule {
	uint32_t slot; // what pp_match() answers for it; unique, 1 to PP_SLOTS_MAX - 1
	uint32_t rank; // lower is first; unique, below 2^31; stays while the rule stays
	uint32_t rule_id; // for messages
	uint8_t frames; // PP_FRAMES_*
	uint8_t src_bits; // prefix lengths; 0: any address. Not 0: frames is IP4 or IP6, not both
	uint8_t dst_bits;
	uint8_t needs_ports; // 1: packets without ports (pp_key, PP_KEY_PORTS) do not match
	int16_t proto; // -1: any
	int16_t iface; // index in the configuration; -1: any
	uint16_t sport_lo; // host order, inclusive; 0 to 65535 without condition
	uint16_t sport_hi;
	uint16_t dport_lo;
	uint16_t dport_hi;
	uint8_t src[16]; // network order; IPv4 in the first four; host bits are 0
	uint8_t dst[16];
	uint32_t src_sets; // bit i: the source lies in set i; all of them must hold
	uint32_t dst_sets;
	// enum pp_direction: packets of the other one (pp_key, PP_KEY_OUT) do not match. Every rule has
	// one, and all are in one image: an engine that does not look at it gets packets wrong.
	uint8_t direction;
	uint8_t pad[3];
};

// What a loaded program knows of its images. Another shape needs another load (some 100 ms), so an
// engine leaves room to grow.
#define PP_ENGINE_CONFIG_WORDS 16
struct pp_engine_shape {
	uint64_t body_bytes; // a multiple of 64; 0: no shape
	uint64_t config[PP_ENGINE_CONFIG_WORDS]; // constants for the program: pp_load.engine
};

// Where an engine says which bytes of the body it changed.
struct pp_engine_touch {
	void (*touch)(void *arg, uint64_t offset_bytes, uint64_t bytes);
	void *arg;
};

struct pp_engine_stats {
	uint32_t tables; // of all families
	uint32_t steps_max; // that any packet can take: probes and checks of rules, proven
	uint64_t used_bytes; // of the body
};

// A lookup costs more than the 10 ns of a hit in the verdict cache.
#define PP_ENGINE_CACHE 1u

struct pp_engine_ops {
	uint32_t abi; // PP_ENGINE_ABI
	uint32_t flags; // PP_ENGINE_*
	const char *name; // as in the BPF object
	uint32_t rules_max; // 0: compile() decides
	// Compile rules.
	//
	// @param state    Set on success; for destroy().
	// @param rule     count of them by rank.
	// @param shape    In: of the loaded program, or body_bytes 0. Out: the same where it has room
	//                 for the rules, else what they need.
	// @param err      Never NULL. For the operator, who sees it with the place of the rule.
	// @param rule_id  Set to the rule at fault on failure, or to 0.
	// @return         0; -E2BIG: the rules cannot be bounded, err names them; -ENOSPC; -ENOMEM.
	int (*compile)(void **state,
		       const struct pp_engine_rule *rule,
		       uint32_t count,
		       struct pp_engine_shape *shape,
		       uint32_t *rule_id,
		       struct pp_error *err);
	void (*destroy)(void *state);
	// Write the whole body.
	//
	// @param body  shape.body_bytes of zeros, aligned to 64.
	void (*emit)(void *state, void *body);
	// Change some rules in a body that emit() wrote. May be NULL: every change is compiled.
	//
	// @param del  Rules as they were given before; they are taken out first.
	// @return     0; -EAGAIN: compile again; state and body are unusable then.
	int (*change)(void *state,
		      void *body,
		      const struct pp_engine_rule *del,
		      uint32_t del_count,
		      const struct pp_engine_rule *add,
		      uint32_t add_count,
		      const struct pp_engine_touch *touch);
	void (*stats)(const void *state, struct pp_engine_stats *out);
};

__END_DECLS
