// SPDX-License-Identifier: MIT OR Apache-2.0
// What an engine's classification alone costs: its kernel half, run over keys by BPF_PROG_TEST_RUN
// without any packet, beside a program that reads the same keys and asks no engine.
//
// Threads    one thread.
// Cost       opening compiles the rules and loads four programs: some 100 ms. A run has some 20 ms of
//            its own, whatever it does. Needs the privileges of loading XDP programs.
// Ownership  pp_classify_close() frees everything; a process that dies leaves nothing.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/engine.h>
#include <push-packet/rule.h>
#include <push-packet/trace.h>

__BEGIN_DECLS

#define PP_CLASSIFY_KEYS_MAX 65536u // a power of two

enum pp_classify_program {
	PP_CLASSIFY_EMPTY_ALL, // what reads the keys and does no more
	PP_CLASSIFY_MATCH_ALL,
	PP_CLASSIFY_EMPTY_EACH, // the same, with time and result of each key
	PP_CLASSIFY_MATCH_EACH,
	PP_CLASSIFY_PROGRAMS,
};

struct pp_classify;

struct pp_classify_info {
	const char *engine; // that was picked
	uint32_t rules;
	uint64_t image_bytes; // of the engine's part of the image
	struct pp_engine_stats stats;
	double compile_ms, emit_ms; // from rules to image
	double load_ms; // of the programs
	uint32_t insns; // that the verifier walked for one
};

// Compile rules, and load what measures them.
//
// @param engine  As in the configuration: "auto", "linear", "tuple".
// @param rule    In match order. Interfaces that rules name are numbered as they come.
// @return        0; -EINVAL: there is no such engine, or a rule names a set or the 65th interface;
//                what compiling returns; -errno of the kernel; with err set.
int pp_classify_open(struct pp_classify **out,
		     const char *engine,
		     const struct pp_rule *rule,
		     uint32_t count,
		     struct pp_error *err);
// NULL is allowed.
void pp_classify_close(struct pp_classify *classify);

// Borrowed.
const struct pp_classify_info *pp_classify_info(const struct pp_classify *classify);

// Set the headers that are classified in turn, from the first one on.
//
// @param count  1 to PP_CLASSIFY_KEYS_MAX; the last ones are filled up with the first ones.
void pp_classify_put(struct pp_classify *classify,
		     const struct pp_trace_header *header,
		     uint32_t count);

// Compare answers with the rules, one by one. The program must have run over the headers with
// PP_CLASSIFY_MATCH_EACH.
//
// @param limit    Of comparisons with a rule: as many headers are checked as it allows.
// @param checked  Set to the headers that were checked, at least one.
// @return         0; -EPROTO: a wrong answer, with err set.
int pp_classify_check(const struct pp_classify *classify,
		      uint32_t count,
		      uint64_t limit,
		      uint32_t *checked,
		      struct pp_error *err);

// What the last run of PP_CLASSIFY_MATCH_EACH answered for a header: 1 + the rule's index; 0: none
// matches.
uint32_t pp_classify_answer(const struct pp_classify *classify, uint32_t index);

// Run a program over the headers, from the first one.
//
// @param shift    Each header 2^shift times in a row.
// @param repeat   Packets.
// @param ns       Set to the time for a packet.
// @return         0; -errno.
int pp_classify_run(struct pp_classify *classify,
		    enum pp_classify_program program,
		    uint32_t shift,
		    uint32_t repeat,
		    double *ns);

// What the whole trace costs a packet, over the empty program: a round of each in turn.
//
// @param runs    Rounds.
// @param repeat  Packets a round.
// @param empty   Set to runs values, nanoseconds; may be NULL.
// @param cost    Set to runs values: what matching took more than the empty program.
// @return        0; -errno.
int pp_classify_measure(struct pp_classify *classify,
			uint32_t runs,
			uint32_t repeat,
			double empty[],
			double cost[]);

// What each of the first headers costs over the empty program when it comes 256 times in a row, so
// that caches and branches know it: the least of some rounds.
//
// @param cost  count of them, nanoseconds, in the headers' order.
// @param count 1 to PP_CLASSIFY_KEYS_MAX - 1.
// @return      0; -errno; -ENOMEM.
int pp_classify_measure_each(struct pp_classify *classify, uint32_t count, double cost[]);

__END_DECLS
