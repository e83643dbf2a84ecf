// SPDX-License-Identifier: MIT OR Apache-2.0
// What the files of the measuring frame share. See bench.h.
#pragma once

#include "bench.h"

#define PP_BENCH_CPUS_MAX 256u

// What one CPU said at a moment.
struct pp_bench_cpu {
	uint64_t steal; // ticks
	uint64_t total;
	uint64_t khz; // 0: there is no cpufreq
};

struct pp_bench_watch {
	struct pp_bench_cpu before[PP_BENCH_CPUS_MAX];
	uint64_t steal, total; // ticks between all begins and ends, of the CPUs in use
	double drift; // greatest part by which a frequency changed
	uint32_t drift_cpu;
};

struct pp_bench_run {
	json_t *document;
	const struct pp_bench_options *options;
	struct pp_bench_watch watch;
	uint64_t began_ns; // of the round
	uint64_t measured_ns; // of all rounds
	bool checked;
};

// Frequencies and steal time, before and after a round; and what came out, as warnings.
void pp_bench_watch_begin(struct pp_bench_run *run);
void pp_bench_watch_end(struct pp_bench_run *run);
void pp_bench_watch_report(struct pp_bench_run *run);

// Warn of CPUs that are shared, of governors, of generic XDP, of offloads.
void pp_bench_check(struct pp_bench_run *run);

// Read the first line of a file, without its newline.
//
// @return  Whether there was one that is not empty.
bool pp_bench_read_line(const char *path, char *buf, size_t size);

// Tell results with samples, distributions and claims apart.
bool pp_bench_has_samples(const json_t *result);
bool pp_bench_has_histogram(const json_t *result);
bool pp_bench_has_claim(const json_t *result);

// Members of a document that may be missing in a file: "" and 0 then.
const char *pp_bench_text(const json_t *object, const char *key);
double pp_bench_number(const json_t *object, const char *key);
