// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"
#include "bench_catch.h"
#include "bench_figures.h"
#include "bench_flood.h"
#include "bench_packets_options.h"
#include "bench_plane.h"
#include "bench_plane_json.h"
#include "cmd_bench.h"

#define STEPS 8 // of the search: to 1/256 of the flood's rate
#define COPY_RING_BYTES (32u << 20) // a worker may lose its CPU for a moment and lose no copy
#define TAKE_DEFAULT 64u

enum action { DROP, PASS, COPY, ROUTE, REFLECT, FORWARD };
#define ACTION_WORDS "drop pass copy route reflect forward"
enum then { THEN_DROP, THEN_PASS };

struct throughput_options {
	struct pp_bench_options bench;
	struct pp_bench_packets packets;
	struct pp_bench_list rates; // count 0: flood
	struct pp_bench_cpus cpus;
	uint64_t for_ns;
	uint32_t rounds;
	uint8_t action; // enum action
	uint8_t then; // enum then
	uint32_t take;
	uint8_t idle; // enum pp_idle_mode
	double loss;
	bool no_search;
	const char *rules;
	const char *iface; // where packets are judged; NULL: a laboratory
	const char *source; // where they are sent
	const char *out; // where they are forwarded to
	const char *arrival; // where they come out then
};

struct session {
	const struct throughput_options *o;
	struct pp_bench_run *run;
	struct pp_bench_lab lab;
	struct pp_plane *plane;
	struct pp_bench_catch *catch; // NULL: nothing is sent on
	json_t *counts;
};

static const char *source_iface(const struct session *s)
{
	return s->o->iface != NULL ? s->o->source : PP_BENCH_LAB_SRC_IFACE;
}

static const char *out_iface(const struct session *s)
{
	if (s->o->action != FORWARD)
		return NULL;
	return s->o->iface != NULL ? s->o->out : PP_BENCH_LAB_OUT_IFACE;
}

// Where what was sent on arrives; NULL: nothing is.
static const char *arrival_iface(const struct session *s)
{
	if (s->o->action == REFLECT)
		return source_iface(s);
	if (s->o->action != FORWARD)
		return NULL;
	return s->o->iface != NULL ? s->o->arrival : PP_BENCH_LAB_END_IFACE;
}

static const char *judged_iface(const struct session *s)
{
	return s->o->iface != NULL ? s->o->iface : PP_BENCH_LAB_RX_IFACE;
}

// The ledger's column of what came where it should.
static enum pp_ledger_column delivered_in(enum action action)
{
	static const enum pp_ledger_column column[] = {
		[DROP] = PP_LEDGER_DROPPED,	 [PASS] = PP_LEDGER_PASSED,
		[COPY] = PP_LEDGER_RING_READ,	 [ROUTE] = PP_LEDGER_SINK,
		[REFLECT] = PP_LEDGER_REFLECTED, [FORWARD] = PP_LEDGER_FORWARDED};

	return column[action];
}

static void last_rule(const struct throughput_options *o, char *buf, size_t room)
{
	static const char *const rule[] = {[DROP] = "drop any",
					   [PASS] = "pass any",
					   [ROUTE] = "route any to sink",
					   [REFLECT] = "route any to mirror",
					   [FORWARD] = "route any to wire"};

	if (o->action == COPY)
		snprintf(buf, room, "copy take %u to counter%s any", o->take,
			 o->then == THEN_DROP ? " then drop" : "");
	else
		snprintf(buf, room, "%s", rule[o->action]);
}

static double ratio(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

static void add_counts(struct session *s,
		       const struct pp_bench_flood *flood,
		       const struct pp_bench_figures *f,
		       uint64_t rate_pps)
{
	const uint64_t *v = flood->ledger.v;
	json_t *counts =
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:b}", "rate_pps",
			  (json_int_t)rate_pps, "sent", (json_int_t)flood->sent, "driver_dropped",
			  (json_int_t)flood->driver_dropped, "seen", (json_int_t)v[PP_LEDGER_SEEN],
			  "delivered", (json_int_t)v[delivered_in(s->o->action)], "returned",
			  (json_int_t)f->returned, "seconds", (double)flood->elapsed_ns / 1e9,
			  "balanced", flood->balanced);

	json_array_append_new(s->counts, counts);
}

static void
work_out(const struct session *s, const struct pp_bench_flood *flood, struct pp_bench_figures *f)
{
	const uint64_t *v = flood->ledger.v;
	uint64_t delivered = v[delivered_in(s->o->action)];
	uint64_t worked = v[PP_LEDGER_XSK_RX] + v[PP_LEDGER_RING_READ];
	double us = (double)flood->elapsed_ns / 1000;

	// What was put in line to be sent is not there yet.
	if (s->catch != NULL && f->returned < delivered)
		delivered = f->returned;
	f->sent_mpps = us > 0 ? (double)flood->sent / us : 0;
	f->delivered_mpps = us > 0 ? (double)delivered / us : 0;
	f->lost = 1 - ratio(delivered, flood->sent);
	f->ring_lost = ratio(v[PP_LEDGER_COPY_RING_FULL],
			     v[PP_LEDGER_COPIED] + v[PP_LEDGER_COPY_RING_FULL]);
	f->cycles = ratio(flood->busy_cycles, worked);
	f->batch = ratio(worked, flood->bursts);
}

// @param rate_pps  0: flood.
static int run_once(struct session *s,
		    uint32_t size_bytes,
		    uint64_t rate_pps,
		    struct pp_bench_figures *f,
		    struct pp_error *err)
{
	struct pp_bench_flood_params params = {.lab = &s->lab,
					       .packets = &s->o->packets,
					       .plane = s->plane,
					       .iface = source_iface(s),
					       .size_bytes = size_bytes,
					       .rate_pps = rate_pps,
					       .for_ns = s->o->for_ns,
					       .cpu = s->o->cpus.source};
	uint64_t before = s->catch != NULL ? pp_bench_catch_pkts(s->catch) : 0;
	struct pp_bench_flood flood;
	int ret = pp_bench_begin(s->run, err);

	if (ret == 0)
		ret = pp_bench_flood_run(&params, &flood, err);
	pp_bench_end(s->run);
	if (ret < 0)
		return ret;
	*f = (struct pp_bench_figures){0};
	if (s->catch != NULL)
		f->returned = pp_bench_catch_pkts(s->catch) - before;
	work_out(s, &flood, f);
	add_counts(s, &flood, f, rate_pps);
	return flood.stopped ? pp_error_set(err, -EINTR, 0, 0, "stopped") : 0;
}

// The highest rate that loses no more than asked for, between nothing and the flood.
static int search(struct session *s,
		  uint32_t size_bytes,
		  const struct pp_bench_figures *flood,
		  double *best_mpps,
		  struct pp_error *err)
{
	double lo = 0, hi = flood->sent_mpps;
	struct pp_bench_figures f;
	int ret;

	*best_mpps = flood->lost <= s->o->loss ? flood->delivered_mpps : 0;
	for (int i = 0; i < STEPS && flood->lost > s->o->loss; i++) {
		double mid = (lo + hi) / 2;

		ret = run_once(s, size_bytes, (uint64_t)(mid * 1e6) ?: 1, &f, err);
		if (ret < 0)
			return ret;
		if (f.lost <= s->o->loss) {
			lo = mid;
			*best_mpps = f.delivered_mpps;
		} else {
			hi = mid;
		}
	}
	return 0;
}

static int measure(struct session *s, uint32_t size, struct pp_error *err)
{
	const struct throughput_options *o = s->o;
	struct pp_bench_figures f[PP_BENCH_FIGURES_MAX];
	double best[PP_BENCH_FIGURES_MAX];
	char what[64], name[96];
	bool searching = !o->no_search && o->rates.count == 0;
	uint32_t named;
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < o->rounds; i++) {
		ret = run_once(s, size, o->rates.count > 0 ? o->rates.value[0] : 0, &f[i], err);
		if (ret == 0 && searching)
			ret = search(s, size, &f[i], &best[i], err);
	}
	if (ret < 0)
		return ret;
	named = o->packets.sizes.count == 1 ? 0 : size;
	pp_bench_figures_add(s->run, named, f, o->rounds, o->action == COPY,
			     o->action != DROP && o->action != PASS);
	if (searching) {
		snprintf(what, sizeof(what), "rate that loses at most %g%%", o->loss * 100);
		pp_bench_figures_name(named, what, name, sizeof(name));
		pp_bench_add_samples(s->run, name, "Mpps", PP_BENCH_HIGHER, best, o->rounds);
	}
	return 0;
}

static int open_all(struct session *s, struct pp_error *err)
{
	const struct throughput_options *o = s->o;
	char last[96];
	struct pp_bench_plane_params params = {.iface = judged_iface(s),
					       .out = out_iface(s),
					       .rules = o->rules,
					       .last = last,
					       .worker_cpu = o->cpus.worker,
					       .idle = o->idle,
					       .mode = PP_XDP_NATIVE,
					       .copy_ring_bytes = COPY_RING_BYTES};
	int ret = 0;

	last_rule(o, last, sizeof(last));
	if (o->iface == NULL)
		ret = pp_bench_lab_open(&s->lab, err);
	if (ret == 0 && o->iface == NULL && o->action == FORWARD)
		ret = pp_bench_lab_add_pair(&s->lab, err);
	if (ret == 0)
		ret = pp_bench_lab_enter(&s->lab, PP_BENCH_SRC, err);
	if (ret == 0 && arrival_iface(s) != NULL)
		ret = pp_bench_catch_open(&s->catch, arrival_iface(s), false, err);
	if (ret == 0)
		ret = pp_bench_lab_enter(&s->lab, PP_BENCH_RX, err);
	if (ret == 0)
		ret = pp_bench_plane_open(&s->plane, &params, err);
	return ret;
}

static int describe(struct session *s, struct pp_error *err)
{
	const struct throughput_options *o = s->o;
	char last[96];
	int ret;

	last_rule(o, last, sizeof(last));
	pp_bench_set_text(s->run, "rule", last);
	pp_bench_set_integer(s->run, "flows", o->packets.flows);
	pp_bench_set_integer(s->run, "rounds", o->rounds);
	pp_bench_set_integer(s->run, "for_ns", (int64_t)o->for_ns);
	pp_bench_set_integer(s->run, "copy_ring_bytes", COPY_RING_BYTES);
	pp_bench_set_integer(s->run, "rate_pps",
			     o->rates.count > 0 ? (int64_t)o->rates.value[0] : 0);
	pp_bench_describe_plane(s->run, s->plane, o->rules);
	pp_bench_use_cpu(s->run, "source", o->cpus.source);
	pp_bench_use_cpu(s->run, "worker", o->cpus.worker);
	ret = pp_bench_use_interface_in(s->run, s->lab.fd[PP_BENCH_RX], judged_iface(s), "native",
					err);
	if (ret == 0 && o->action == FORWARD)
		ret = pp_bench_use_interface_in(s->run, s->lab.fd[PP_BENCH_RX], out_iface(s),
						"native", err);
	if (ret < 0)
		return ret;
	return pp_bench_use_interface_in(s->run, s->lab.fd[PP_BENCH_SRC], source_iface(s), NULL,
					 err);
}

static int run_session(struct session *s, struct pp_error *err)
{
	const struct pp_bench_list *sizes = &s->o->packets.sizes;
	int ret;

	s->lab = (struct pp_bench_lab){.fd = {-1, -1, -1}};
	setpriority(PRIO_PROCESS, 0, -10); // not less: ksoftirqd, at 0, sends for us
	ret = open_all(s, err);
	if (ret == 0)
		ret = describe(s, err);
	for (uint32_t i = 0; ret == 0 && i < sizes->count; i++)
		ret = measure(s, (uint32_t)sizes->value[i], err);
	if (ret == 0) {
		pp_bench_put(s->run, "counts", json_incref(s->counts));
		pp_bench_put_ledger(s->run, s->plane);
	}
	pp_plane_close(s->plane);
	pp_bench_catch_close(s->catch);
	pp_bench_lab_enter(&s->lab, PP_BENCH_HOME, NULL);
	pp_bench_lab_close(&s->lab);
	return ret;
}

static bool wants_two_more(const struct throughput_options *o)
{
	return o->action == FORWARD && o->iface != NULL;
}

static int run_throughput(const struct pp_command *command, int argc, char **argv)
{
	struct throughput_options o = {
		.for_ns = 1000000000, .rounds = 1, .take = TAKE_DEFAULT, .loss = 0.001};
	struct session session = {.o = &o};
	struct pp_error err;
	int ret, status;

	pp_bench_packets_init(&o.packets);
	pp_bench_cpus_init(&o.cpus);
	status = pp_command_parse(command, argc, argv, &o, NULL);
	if (status != PP_PARSED)
		return status;
	if (pp_bench_packets_check(&o.packets, &err) < 0)
		return pp_command_usage(argv[0], "%s", err.text);
	if ((o.iface == NULL) != (o.source == NULL))
		return pp_command_usage(argv[0], "--interface and --source go together");
	if (!wants_two_more(&o) && (o.out != NULL || o.arrival != NULL))
		return pp_command_usage(argv[0],
					"--out and --arrival are for forward with --interface");
	if (wants_two_more(&o) && (o.out == NULL || o.arrival == NULL))
		return pp_command_usage(argv[0],
					"forward with --interface needs --out and --arrival");
	if (o.rates.count > 1)
		return pp_command_usage(argv[0], "--rate: expected one rate");
	ret = pp_bench_run_create(&session.run, "throughput", &o.bench, argc, argv, &err);
	session.counts = json_array();
	if (ret == 0)
		ret = run_session(&session, &err);
	json_decref(session.counts);
	return pp_bench_conclude(session.run, argv[0], ret, &err);
}

static const struct pp_option options[] = {
	{.name = "action",
	 .letter = 'a',
	 .arg = "ACTION",
	 .required = true,
	 .help = "what becomes of every packet: drop, pass (to the kernel), copy, route (to a "
		 "sink), reflect, forward (out by another interface)",
	 .complete = PP_COMPLETE_WORDS,
	 .words = ACTION_WORDS,
	 .read = pp_bench_read_word,
	 .offset = offsetof(struct throughput_options, action)},
	{.name = "take",
	 .arg = "N",
	 .help = "with copy: bytes of each packet (default 64)",
	 .read = pp_bench_read_take,
	 .offset = offsetof(struct throughput_options, take)},
	{.name = "then",
	 .arg = "VERDICT",
	 .help = "with copy: drop (default), pass",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "drop pass",
	 .read = pp_bench_read_word,
	 .offset = offsetof(struct throughput_options, then)},
	{.name = "rules",
	 .arg = "FILE",
	 .help = "rules in front of the one that takes every packet, as in rules.files",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct throughput_options, rules)},
	{.name = "for",
	 .letter = 'f',
	 .arg = "TIME",
	 .help = "of each run (default 1s)",
	 .read = pp_option_duration,
	 .offset = offsetof(struct throughput_options, for_ns)},
	{.name = "rounds",
	 .arg = "N",
	 .help = "floods of each size, each with its search (default 1)",
	 .read = pp_bench_read_rounds,
	 .offset = offsetof(struct throughput_options, rounds)},
	{.name = "loss",
	 .arg = "PART",
	 .help = "that the highest rate may lose: 0.001 or 0.1% (default)",
	 .read = pp_bench_read_fraction,
	 .offset = offsetof(struct throughput_options, loss)},
	{.name = "no-search",
	 .help = "flood only",
	 .read = pp_option_flag,
	 .offset = offsetof(struct throughput_options, no_search)},
	{.name = "rate",
	 .letter = 'r',
	 .arg = "PPS",
	 .help = "send at this rate, in place of flood and search",
	 .read = pp_bench_read_rates,
	 .offset = offsetof(struct throughput_options, rates)},
	{.name = "cpus",
	 .arg = "SOURCE,WORKER",
	 .help = "where they are pinned (default: the first and the last CPU)",
	 .read = pp_bench_read_cpus,
	 .offset = offsetof(struct throughput_options, cpus)},
	{.name = "idle",
	 .arg = "MODE",
	 .help = "of the worker: busy (default), adaptive, interrupt",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "busy adaptive interrupt",
	 .read = pp_bench_read_word,
	 .offset = offsetof(struct throughput_options, idle)},
	{.name = "interface",
	 .letter = 'i',
	 .arg = "IF",
	 .heading = "In place of the laboratory",
	 .help = "where packets are judged; needs --source",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_option_text,
	 .offset = offsetof(struct throughput_options, iface)},
	{.name = "source",
	 .arg = "IF",
	 .help = "where they are sent, by live XDP frames: the veth's other end, or a port that "
		 "is wired to it",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_option_text,
	 .offset = offsetof(struct throughput_options, source)},
	{.name = "out",
	 .arg = "IF",
	 .help = "with forward: where they go out",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_option_text,
	 .offset = offsetof(struct throughput_options, out)},
	{.name = "arrival",
	 .arg = "IF",
	 .help = "with forward: where they arrive then, the other end of --out",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_option_text,
	 .offset = offsetof(struct throughput_options, arrival)},
	{.name = "dst-mac",
	 .arg = "MAC",
	 .help = "default: that of a veth's other end, else what the neighbour table has for --dst",
	 .read = pp_bench_read_mac,
	 .offset = offsetof(struct throughput_options, packets.dst_mac)},
	PP_BENCH_PACKETS_OPTIONS(struct throughput_options, packets),
	PP_BENCH_OPTIONS(struct throughput_options, bench),
	{0}};

const struct pp_command pp_command_bench_throughput = {
	.name = "throughput",
	.summary = "packets per second, and what is lost",
	.synopsis = "--action ACTION [OPTION...]\n"
		    "--action ACTION --interface IF --source IF [OPTION...]",
	.description =
		"Send packets as fast as one CPU can (live XDP frames), and count with the ledger "
		"what became of every one. Then search for the highest rate that loses no more "
		"than --loss, by halving.\n"
		"\n"
		"On a veth pair the source's CPU runs the XDP program too: a slow program makes a "
		"slow source, so the delivered rate says more than the loss. The veth's own queue "
		"is part of what can lose packets.\n"
		"\n"
		"The figure of the worker is what its loops took by the time stamp counter, idle "
		"loops left out, and the batch how many packets each of them found. With reflect, a "
		"packet is delivered when it is back at the source, with forward when it has come "
		"out of a second veth pair. A laboratory as with 'bench rtt' is used unless "
		"interfaces are named.",
	.options = options,
	.exit_status = "0 measured, 1 it failed or was refused, 2 usage",
	.examples = "push-packet bench throughput --action route --rules rules.txt --rounds 5\n"
		    "push-packet bench throughput --action copy --take 64 --then pass --no-search",
	.run = run_throughput,
};
