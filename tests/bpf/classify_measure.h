// SPDX-License-Identifier: MIT OR Apache-2.0
// What classification costs over a program that only reads the keys.
//
// Threads    one thread.
// Cost       tests only.
// Ownership  caller's storage.
#pragma once

#include "classify_run.h"
#include "oracle.h"
#include "trace.h"

#define CLASSIFY_RUNS_MAX 101u

struct classify_spread {
	double median, least, most;
};

// Nanoseconds a packet.
struct classify_cost {
	struct classify_spread empty;
	struct classify_spread match;
	struct classify_spread cost; // match - empty, of the same round
};

struct classify_each {
	double p50, p90, p99, most; // over headers
	double empty;
};

struct classify_worst {
	double ns; // least of several runs, over the empty program
	struct engine_work work; // of engines that count
	struct oracle_packet header;
};

// Write the headers' keys into the run.
void classify_put_keys(struct classify_run *run,
		       const struct oracle_packet *header,
		       uint32_t count);

// All keys, in rounds: the empty program, then the engine.
//
// @param repeat  Packets a round.
// @return        0; -errno.
int classify_measure_all(struct classify_run *run,
			 uint32_t runs,
			 uint32_t repeat,
			 struct classify_cost *out);

// Key by key: each of count many times in a row, so that caches and branches know it; the least of
// some rounds.
//
// @return  0; -errno; -ENOMEM.
int classify_measure_each(struct classify_run *run, uint32_t count, struct classify_each *out);

// Look for the header that costs most: exchange parts of the worst ones known for parts of others,
// and change single bits. An engine that counts its work is searched by that, any other by time.
// Writes over the keys of the run.
//
// @param header  To begin with.
// @param seed    Of the search.
// @return        0; -errno; -ENOMEM.
int classify_search(struct classify_run *run,
		    const struct engine_case *c,
		    const struct oracle_packet *header,
		    uint32_t count,
		    uint64_t seed,
		    struct classify_worst *out);
