// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <push-packet/clock.h>

#include "bench.h"
#include "bench_flood.h"
#include "bench_packets.h"
#include "bench_plane.h"
#include "bench_plane_json.h"
#include "bench_read.h"
#include "bench_thread.h"
#include "cmd_bench.h"
#include "units.h"

#define LAST_RULE "drop any"
#define RULE                                                                                       \
	"drop proto udp sport 1 dport 1 prio 1" // that comes and goes: no packet of the source's
#define SIZE_BYTES 64u
#define ROUNDS_MAX 1000u
#define EDGE_NS 50000000u // of a flood, at its begin and end, without changes: the ledger is read

struct update_options {
	struct pp_bench_options bench;
	struct pp_bench_cpus cpus;
	const char *rules;
	uint64_t changes;
	uint64_t for_ns;
	uint32_t rounds;
	bool no_flood;
};

struct session {
	const struct update_options *o;
	struct pp_bench_run *run;
	struct pp_bench_lab lab;
	struct pp_bench_packets packets;
	struct pp_plane *plane;
	struct pp_rule rule;
	uint32_t id; // of the rule that came; 0: it is not there
	struct pp_histogram *in_force, *returned;
	struct pp_histogram *in_force_flood; // while packets come
	double quiet_mpps[ROUNDS_MAX], busy_mpps[ROUNDS_MAX], part[ROUNDS_MAX], rate[ROUNDS_MAX];
};

static int edit(struct session *s, struct pp_ruleset *rules, struct pp_error *err)
{
	int ret;

	pp_ruleset_settle(rules);
	if (s->id) {
		ret = pp_ruleset_remove(rules, s->id, err);
		if (!ret)
			s->id = 0;
		return ret;
	}
	return pp_ruleset_add(rules, &s->rule, PP_ORIGIN_COMMAND, pp_clock_ns(CLOCK_BOOTTIME),
			      &s->id, err);
}

// One rule more, or it goes again: a transaction as a command's, from the copy on.
static int change(struct session *s, struct pp_histogram *in_force, struct pp_error *err)
{
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC), before_ns;
	struct pp_apply_stats stats;
	struct pp_ruleset *rules;
	int ret = pp_ruleset_copy(&rules, pp_plane_rules(s->plane));

	if (ret)
		return pp_error_set(err, ret, 0, 0, "out of memory");
	ret = edit(s, rules, err);
	before_ns = pp_clock_ns(CLOCK_MONOTONIC) - begin_ns;
	ret = ret ?: pp_plane_apply(s->plane, rules, NULL, err);
	if (ret) {
		pp_ruleset_destroy(rules);
		return ret;
	}
	pp_plane_apply_stats(s->plane, &stats);
	pp_histogram_record(in_force, before_ns + stats.publish_ns);
	if (in_force == s->in_force)
		pp_histogram_record(s->returned, pp_clock_ns(CLOCK_MONOTONIC) - begin_ns);
	return 0;
}

static int change_quietly(struct session *s, struct pp_error *err)
{
	int ret = pp_bench_begin(s->run, err);

	for (uint64_t i = 0; !ret && i < s->o->changes; i++)
		ret = change(s, s->in_force, err);
	pp_bench_end(s->run);
	return ret;
}

// The thread that changes rules while another one floods.
struct changer {
	struct session *s;
	struct pp_error err;
	uint64_t count;
	int ret;
};

static void *keep_changing(void *arg)
{
	struct changer *changer = arg;
	uint64_t end_ns = pp_clock_ns(CLOCK_MONOTONIC) + changer->s->o->for_ns - EDGE_NS;

	changer->ret = pp_bench_thread_place(&changer->s->lab, PP_BENCH_RX,
					     changer->s->o->cpus.worker, &changer->err);
	nanosleep(&(struct timespec){.tv_nsec = EDGE_NS}, NULL);
	while (!changer->ret && pp_clock_ns(CLOCK_MONOTONIC) < end_ns) {
		changer->ret = change(changer->s, changer->s->in_force_flood, &changer->err);
		changer->count++;
	}
	return NULL;
}

static int flood(struct session *s, double *mpps, struct pp_error *err)
{
	struct pp_bench_flood_params params = {.lab = &s->lab,
					       .packets = &s->packets,
					       .plane = s->plane,
					       .iface = PP_BENCH_LAB_SRC_IFACE,
					       .size_bytes = SIZE_BYTES,
					       .for_ns = s->o->for_ns,
					       .cpu = s->o->cpus.source};
	struct pp_bench_flood out;
	int ret = pp_bench_begin(s->run, err);

	ret = ret ?: pp_bench_flood_run(&params, &out, err);
	pp_bench_end(s->run);
	if (ret)
		return ret;
	if (out.stopped)
		return pp_error_set(err, -EINTR, 0, 0, "stopped");
	if (!out.balanced || !out.elapsed_ns)
		return pp_error_set(err, -EPROTO, 0, 0, "the ledger does not balance");
	*mpps = (double)out.ledger.v[PP_LEDGER_DROPPED] * 1e3 / (double)out.elapsed_ns;
	return 0;
}

// A flood alone, then one while rules change.
static int flood_pair(struct session *s, uint32_t round, struct pp_error *err)
{
	struct changer changer = {.s = s};
	int ret = flood(s, &s->quiet_mpps[round], err);
	pthread_t thread;

	if (ret)
		return ret;
	ret = -pthread_create(&thread, NULL, keep_changing, &changer);
	if (ret)
		return pp_error_set(err, ret, 0, 0, "thread: %s", strerror(-ret));
	ret = flood(s, &s->busy_mpps[round], err);
	pthread_join(thread, NULL);
	if (!ret && changer.ret) {
		*err = changer.err;
		ret = changer.ret;
	}
	s->rate[round] = (double)changer.count * 1e9 / (double)(s->o->for_ns - 2 * EDGE_NS);
	s->part[round] = s->quiet_mpps[round] > 0 ? s->busy_mpps[round] / s->quiet_mpps[round] : 0;
	return ret;
}

static int open_all(struct session *s, struct pp_error *err)
{
	struct pp_bench_plane_params params = {.iface = PP_BENCH_LAB_RX_IFACE,
					       .rules = s->o->rules,
					       .last = LAST_RULE,
					       .worker_cpu = s->o->cpus.worker,
					       .idle = PP_IDLE_ADAPTIVE,
					       .mode = PP_XDP_NATIVE};

	return pp_rule_parse(RULE, &s->rule, err)
		       ?: pp_histogram_create(&s->in_force, 3)
		       ?: pp_histogram_create(&s->returned, 3)
		       ?: pp_histogram_create(&s->in_force_flood, 3)
		       ?: pp_bench_lab_open(&s->lab, err)
		       ?: pp_bench_lab_enter(&s->lab, PP_BENCH_RX, err)
		       ?: pp_bench_plane_open(&s->plane, &params, err);
}

static int describe(struct session *s, struct pp_error *err)
{
	const struct update_options *o = s->o;

	pp_bench_set_integer(s->run, "changes", (int64_t)o->changes);
	pp_bench_set_integer(s->run, "rounds", o->no_flood ? 0 : o->rounds);
	pp_bench_set_integer(s->run, "for_ns", (int64_t)o->for_ns);
	pp_bench_describe_plane(s->run, s->plane, o->rules);
	pp_bench_use_cpu(s->run, "source", o->cpus.source);
	pp_bench_use_cpu(s->run, "control", o->cpus.worker);
	return pp_bench_use_interface_in(s->run, s->lab.fd[PP_BENCH_RX], PP_BENCH_LAB_RX_IFACE,
					 "native", err);
}

static void report(struct session *s)
{
	uint32_t n = s->o->rounds;

	pp_bench_add_histogram(s->run, "until in force", "ns", PP_BENCH_LOWER, s->in_force);
	pp_bench_add_histogram(s->run, "until the call returns", "ns", PP_BENCH_LOWER, s->returned);
	if (s->o->no_flood)
		return;
	pp_bench_add_histogram(s->run, "until in force, while packets come", "ns", PP_BENCH_LOWER,
			       s->in_force_flood);
	pp_bench_add_samples(s->run, "judged, rules stay", "Mpps", PP_BENCH_HIGHER, s->quiet_mpps,
			     n);
	pp_bench_add_samples(s->run, "judged, rules change", "Mpps", PP_BENCH_HIGHER, s->busy_mpps,
			     n);
	pp_bench_add_samples(s->run, "rules change", "part of rules stay", PP_BENCH_HIGHER, s->part,
			     n);
	pp_bench_add_samples(s->run, "changes meanwhile", "a second", PP_BENCH_HIGHER, s->rate, n);
}

static int run_session(struct session *s, struct pp_error *err)
{
	int ret;

	s->lab = (struct pp_bench_lab){.fd = {-1, -1, -1}};
	pp_bench_packets_init(&s->packets);
	err->text[0] = '\0';
	ret = open_all(s, err) ?: describe(s, err) ?: change_quietly(s, err);
	for (uint32_t i = 0; !ret && !s->o->no_flood && i < s->o->rounds; i++)
		ret = flood_pair(s, i, err);
	if (!ret)
		report(s);
	if (ret && !err->text[0])
		pp_error_set(err, ret, 0, 0, "%s", strerror(-ret));
	pp_plane_close(s->plane);
	pp_bench_lab_enter(&s->lab, PP_BENCH_HOME, NULL);
	pp_bench_lab_close(&s->lab);
	pp_histogram_destroy(s->in_force);
	pp_histogram_destroy(s->returned);
	pp_histogram_destroy(s->in_force_flood);
	return ret;
}

static int run_update(const struct pp_command *command, int argc, char **argv)
{
	static struct session session;
	struct update_options o = {.changes = 200, .for_ns = 400000000, .rounds = 11};
	struct pp_error err;
	int status;

	session.o = &o;
	pp_bench_cpus_init(&o.cpus);
	status = pp_command_parse(command, argc, argv, &o, NULL);
	if (status != PP_PARSED)
		return status;
	status = pp_bench_run_create(&session.run, "update", &o.bench, argc, argv, &err)
			 ?: run_session(&session, &err);
	return pp_bench_conclude(session.run, argv[0], status, &err);
}

static int
read_changes(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct update_options *o = values;

	(void)option;
	if (pp_units_parse_count(text, &o->changes) || !o->changes || o->changes > 1000000)
		return pp_error_set(err, -EINVAL, 0, 0, "expected 1 to 1M");
	return 0;
}

static int
read_for(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct update_options *o = values;

	(void)option;
	if (pp_units_parse_duration(text, &o->for_ns) || o->for_ns < 4 * EDGE_NS ||
	    o->for_ns > 60000000000)
		return pp_error_set(err, -EINVAL, 0, 0, "expected a time from 200ms to 60s");
	return 0;
}

static const struct pp_option options[] = {
	{.name = "rules",
	 .arg = "FILE",
	 .help = "rules that are in force meanwhile, as in rules.files (default: none but the "
		 "last)",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct update_options, rules)},
	{.name = "changes",
	 .arg = "N",
	 .help = "that are timed without packets, 1 to 1M (default 200)",
	 .read = read_changes},
	{.name = "rounds",
	 .arg = "N",
	 .help = "pairs of floods, without and with changes (default 11)",
	 .read = pp_bench_read_rounds,
	 .offset = offsetof(struct update_options, rounds)},
	{.name = "for",
	 .letter = 'f',
	 .arg = "TIME",
	 .help = "of each flood, 200ms to 60s (default 400ms)",
	 .read = read_for},
	{.name = "no-flood",
	 .help = "time changes only",
	 .read = pp_option_flag,
	 .offset = offsetof(struct update_options, no_flood)},
	{.name = "cpus",
	 .arg = "A,B",
	 .help = "of the source, and of the worker and the one who changes rules (default: first "
		 "and last)",
	 .read = pp_bench_read_cpus,
	 .offset = offsetof(struct update_options, cpus)},
	PP_BENCH_OPTIONS(struct update_options, bench),
	{0}};

const struct pp_command pp_command_bench_update = {
	.name = "update",
	.summary = "how soon a change of rules is in force, and what it costs meanwhile",
	.synopsis = "[--rules FILE] [--changes N] [--rounds N] [--no-flood]\n"
		    "[OPTION...] " PP_BENCH_SYNOPSIS,
	.description =
		"Measure changes of one rule, which comes and goes, as transactions of their own in "
		"a laboratory: a veth pair in network namespaces that nobody else sees. Until in "
		"force: from the copy of the rule set to the moment from which every packet is "
		"judged by the new one. Until the call returns: after the kernel's grace period as "
		"well, when no packet is judged by the old one any more.\n"
		"Then floods of 64-byte packets, which the last rule drops, in pairs: rules stay, "
		"rules change one transaction after another.",
	.options = options,
	.exit_status = "0 measured, 1 it failed or was refused, 2 usage",
	.examples = "push-packet bench update --rules acl10k.rules --json=update.json",
	.run = run_update,
};
