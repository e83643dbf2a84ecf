// SPDX-License-Identifier: MIT OR Apache-2.0
// The frame that all measurements share: what the machine is, what was set, what came out, and how
// it is told: as a table, as JSON, as .hgrm files, as charts.
//
// How a subcommand is added: a file app/cmd_bench_NAME.c with a struct pp_command
// pp_command_bench_NAME, its line in the list in cmd_bench.c (and in meson.build). Its options
// struct has a struct pp_bench_options as member, its table of options PP_BENCH_OPTIONS(struct,
// member) at the end. Its run() does:
//
//   pp_bench_run_create(&run, "NAME", &o.bench, argc, argv, &err);
//   pp_bench_set_integer(run, "rate_pps", o.rate_pps);          // all that makes runs differ
//   pp_bench_use_cpu(run, "source", 0);                         // who runs where
//   pp_bench_use_interface(run, "veth0", "native");             // with the mode in force
//   if (pp_bench_begin(run, &err)) ...                          // refuses under --strict
//   ...                                                         // measure
//   pp_bench_end(run);
//   pp_bench_add_histogram(run, "round trip", "ns", PP_BENCH_LOWER, histogram);
//   pp_bench_add_samples(run, "delivered", "Mpps", PP_BENCH_HIGHER, mpps, rounds);
//   pp_bench_add_claim(run, "route beside rxdrop", ours, peer, 11, 1.0, false);
//   return pp_bench_conclude(run, argv[0], status, &err);       // prints, writes, frees
//
// The document (--json) is one object: tool, version, command, kind, began (RFC 3339), seconds,
// machine, interfaces, cpus_used, settings, warnings, results; a subcommand may add members of its own.
// A result has name, unit, better, and either samples with median, lo, hi or histogram with count,
// min, mean, max, percentiles and buckets ([highest value, count] each). A claim has target,
// at_most, ratios, ratio {median, lo, hi} and verdict.
//
// Threads    main thread, before and after what is measured, never meanwhile.
// Cost       control path: reads /proc and /sys.
// Ownership  a run owns its document; what is added is copied, but for json_t, which are stolen.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <push-packet/error.h>
#include <push-packet/histogram.h>

#include "option.h"

struct pp_bench_run;

struct pp_bench_options {
	bool json;
	const char *json_file; // NULL: standard output, instead of the table
	const char *hgrm; // prefix of .hgrm files; NULL: none
	const char *chart; // prefix of charts; NULL: none
	bool strict;
};

enum pp_bench_better {
	PP_BENCH_LOWER,
	PP_BENCH_HIGHER,
};

// @param kind  What is measured, the subcommand's name: runs of one kind can be compared.
// @return      0; -ENOMEM with err set. options are borrowed.
int pp_bench_run_create(struct pp_bench_run **out,
			const char *kind,
			const struct pp_bench_options *options,
			int argc,
			char **argv,
			struct pp_error *err);

// Free a run that does not finish. NULL is allowed.
void pp_bench_run_destroy(struct pp_bench_run *run);

// Note a setting: a rate, a size, the rings. Runs with other settings are compared with a warning.
void pp_bench_set_integer(struct pp_bench_run *run, const char *key, int64_t value);
void pp_bench_set_text(struct pp_bench_run *run, const char *key, const char *value);

// Put a member of the subcommand's own into the document. value is stolen.
void pp_bench_put(struct pp_bench_run *run, const char *key, json_t *value);

// A member's object or array, borrowed.
json_t *pp_bench_get(const struct pp_bench_run *run, const char *key);

// Say that something of the measurement runs on a CPU, which is then checked for company.
//
// @param role  "source", "worker", "analyser".
void pp_bench_use_cpu(struct pp_bench_run *run, const char *role, uint32_t cpu);

// Record an interface: driver, channels, MTU, offloads, mode.
//
// @param mode  In force: "native", "skb", "zero-copy"; NULL: does not apply.
// @return      0; -ENODEV with err set: there is no such interface.
int pp_bench_use_interface(struct pp_bench_run *run,
			   const char *name,
			   const char *mode,
			   struct pp_error *err);

// The same of an interface in another network namespace.
//
// @param netns_fd  Of /proc/PID/ns/net or /run/netns/NAME; -1: this one.
int pp_bench_use_interface_in(struct pp_bench_run *run,
			      int netns_fd,
			      const char *name,
			      const char *mode,
			      struct pp_error *err);

// Note that the machine, or the set-up, may make the figures lie. Printed, and part of the document;
// under --strict begin() or finish() fails.
void pp_bench_warn(struct pp_bench_run *run, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

// Check what can be checked before (shared CPUs, modes, offloads, governors) and start the clocks.
// The checks are made once, the first time.
//
// @return  0; -EPERM with err set: --strict, and there is a warning.
int pp_bench_begin(struct pp_bench_run *run, struct pp_error *err);

// Check what can be checked after (steal time, frequencies) and stop the clocks. begin() and end()
// may be called again for each round: the time between is what counts.
void pp_bench_end(struct pp_bench_run *run);

// Add a result of single figures, one a round.
//
// @param unit    "ns", "Mpps", "ms": what it is called in table and chart.
// @param sample  1 to PP_BENCH_SAMPLES_MAX of them.
void pp_bench_add_samples(struct pp_bench_run *run,
			  const char *name,
			  const char *unit,
			  enum pp_bench_better better,
			  const double sample[],
			  uint32_t count);

// Add a result that is a distribution.
void pp_bench_add_histogram(struct pp_bench_run *run,
			    const char *name,
			    const char *unit,
			    enum pp_bench_better better,
			    const struct pp_histogram *histogram);

// Add a claim about paired figures: ours / peer reaches target (bench_stats.h).
//
// @param count    Pairs, 1 to PP_BENCH_SAMPLES_MAX.
// @param at_most  The ratio is to be at most target; else at least.
void pp_bench_add_claim(struct pp_bench_run *run,
			const char *name,
			const double ours[],
			const double peer[],
			uint32_t count,
			double target,
			bool at_most);

// Print the table, or the document; write the files that were asked for; free the run.
//
// @param command  argv[0], for complaints.
// @return         enum pp_exit: PP_EXIT_FAILED when a file could not be written, or under --strict
//                 with a warning.
int pp_bench_finish(struct pp_bench_run *run, const char *command);

// How a subcommand ends: finish, or say what failed and free the run.
//
// @param run     NULL where it could not be created.
// @param status  0: finish; else err says what failed.
// @return        enum pp_exit.
int pp_bench_conclude(struct pp_bench_run *run,
		      const char *command,
		      int status,
		      const struct pp_error *err);

// For a run's document, of a file or of this process: print it for people.
void pp_bench_print(const json_t *document, FILE *out);

// Write the .hgrm files PREFIX-RESULT.hgrm (HdrHistogram's percentile text) of a document.
//
// @return  0; -errno with err set.
int pp_bench_write_hgrm(const json_t *document, const char *prefix, struct pp_error *err);

// Write PREFIX.gnuplot, and have gnuplot draw from it PREFIX.svg and PREFIX.png, with a number where
// results of several units need a chart each.
//
// @return  0; -ENOENT with err set: gnuplot is not installed, the script was written; -errno.
int pp_bench_write_chart(const json_t *document, const char *prefix, struct pp_error *err);

// Describe this machine: kernel, CPU, governor, virtualisation, mitigations, load.
json_t *pp_bench_machine(void);

int pp_bench_read_json(const struct pp_option *option,
		       const char *text,
		       void *values,
		       struct pp_error *err);

#define PP_BENCH_OPTIONS(type, member)                                                             \
	{.name = "json",                                                                           \
	 .letter = 'j',                                                                            \
	 .arg = "=FILE",                                                                           \
	 .optional = true,                                                                         \
	 .heading = "output",                                                                      \
	 .help = "for programs: one JSON document instead of the table, or into FILE beside it",   \
	 .complete = PP_COMPLETE_FILE,                                                             \
	 .read = pp_bench_read_json,                                                               \
	 .offset = offsetof(type, member)},                                                        \
		{.name = "hgrm",                                                                   \
		 .arg = "PREFIX",                                                                  \
		 .help = "write each distribution to PREFIX-NAME.hgrm (HdrHistogram percentiles)", \
		 .complete = PP_COMPLETE_FILE,                                                     \
		 .read = pp_option_text,                                                           \
		 .offset = offsetof(type, member.hgrm)},                                           \
		{.name = "chart",                                                                  \
		 .arg = "PREFIX",                                                                  \
		 .help = "draw PREFIX.svg and PREFIX.png, with gnuplot from PREFIX.gnuplot",       \
		 .complete = PP_COMPLETE_FILE,                                                     \
		 .read = pp_option_text,                                                           \
		 .offset = offsetof(type, member.chart)},                                          \
	{                                                                                          \
		.name = "strict",                                                                  \
		.help = "refuse to measure, or fail, where the machine would make figures lie "    \
			"(else they are warnings)",                                                \
		.read = pp_option_flag, .offset = offsetof(type, member.strict)                    \
	}
#define PP_BENCH_SYNOPSIS "[--json[=FILE]] [--hgrm PREFIX] [--chart PREFIX]"
