// SPDX-License-Identifier: MIT OR Apache-2.0
// An engine's kernel half, run over keys by BPF_PROG_TEST_RUN without any packet. Needs root.
//
// Threads    one thread.
// Cost       tests only; a run has some 20 ms of its own, whatever it does.
// Ownership  classify_run_close() frees everything; a process that dies leaves nothing.
#pragma once

#include "classify.h"
#include "engine_case.h"

struct bpf_object;

// An engine that can be measured.
struct classify_engine {
	const struct engine_lookup *lookup;
	const void *(*object)(size_t *bytes); // with the programs of classify.bpf.h
};

enum classify_program {
	CLASSIFY_EMPTY_ALL, // what reads the keys and does no more
	CLASSIFY_MATCH_ALL,
	CLASSIFY_EMPTY_EACH, // the same, with time and result of each key
	CLASSIFY_MATCH_EACH,
	CLASSIFY_PROGRAMS,
};

struct classify_run {
	struct bpf_object *object;
	int prog_fd[CLASSIFY_PROGRAMS];
	uint32_t insns[CLASSIFY_PROGRAMS]; // that the verifier walked
	double load_ms; // of all programs
	struct classify_trace *trace; // keys: the caller's to fill
};

// @return  0; -errno, with err set and nothing left open.
int classify_run_open(struct classify_run *run,
		      const struct classify_engine *engine,
		      const struct engine_case *c,
		      struct pp_error *err);
void classify_run_close(struct classify_run *run);

// Run a program over the keys, from the first one.
//
// @param shift    Each key 2^shift times.
// @param repeat   Packets.
// @param ns       Set to the time for a packet.
// @return         0; -errno.
int classify_run_all(struct classify_run *run,
		     enum classify_program program,
		     uint32_t shift,
		     uint32_t repeat,
		     double *ns);

// What each of the first keys costs when it is used 2^shift times in a row.
//
// @param program  CLASSIFY_*_EACH.
// @param ns       count of them, at most CLASSIFY_KEYS - 1.
// @return         0; -errno.
int classify_run_each(struct classify_run *run,
		      enum classify_program program,
		      uint32_t shift,
		      uint32_t count,
		      double *ns);
