// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"
#include "bench_lab.h"
#include "bench_plane.h"
#include "bench_plane_json.h"
#include "bench_rtt.h"
#include "bench_rtt_options.h"
#include "bench_thread.h"
#include "cmd_bench.h"

#define DRAIN_NS 1000000000u // at most: it ends with the last reply
#define STAGES_SIZE 128u // the default with --stages
#define PEER "the reflector behind the interface"

// Everything that one invocation holds.
struct session {
	const struct pp_bench_rtt_options *o;
	struct pp_bench_run *run;
	struct pp_bench_lab lab;
	struct pp_plane *plane; // NULL: somebody else reflects
	struct pp_bench_rtt rtt;
	struct pp_bench_arrivals arrivals; // with receive_times
	uint64_t times[PP_BENCH_CLOCKS]; // of replies, by clock
	struct pp_histogram *sum; // of all rounds of a cell
	json_t *counts;
};

// One size at one rate; the thread that measures it fills in the rest.
struct cell {
	struct session *session;
	uint32_t size_bytes;
	uint64_t rate_pps;
	double p50_ns[1000];
	double p99_ns[1000];
	double lost[1000];
	uint64_t sent, received, unsent, duplicates, strays, passed;
	uint64_t elapsed_ns;
	const char *no_driver_times;
	bool zerocopy;
	struct pp_error err;
	int ret;
};

static void measure_rounds(struct cell *cell, struct pp_bench_client *client)
{
	struct session *s = cell->session;
	struct pp_bench_rtt *rtt = &s->rtt;
	struct pp_bench_rtt_params params = {.rate_pps = cell->rate_pps,
					     .warmup_ns = s->o->warmup_ns,
					     .for_ns = s->o->for_ns,
					     .drain_ns = DRAIN_NS,
					     .stages = s->o->stages};

	// Packets are numbered by the client, from 0 for each.
	rtt->next = 0;
	for (uint32_t i = 0; i < s->o->rounds; i++) {
		pp_histogram_clear(rtt->total);
		pp_bench_rtt_run(rtt, client, &params);
		pp_histogram_merge(s->sum, rtt->total);
		cell->p50_ns[i] = (double)pp_histogram_percentile(rtt->total, 500000);
		cell->p99_ns[i] = (double)pp_histogram_percentile(rtt->total, 990000);
		cell->lost[i] = rtt->sent > 0 ? 1 - (double)rtt->received / (double)rtt->sent : 1;
		cell->sent += rtt->sent;
		cell->received += rtt->received;
		cell->unsent += rtt->unsent;
		cell->duplicates += rtt->duplicates;
		cell->strays += rtt->strays;
		cell->elapsed_ns += rtt->elapsed_ns;
	}
	cell->passed = pp_bench_client_passed(client);
	cell->zerocopy = pp_bench_client_zerocopy(client);
	cell->no_driver_times = pp_bench_client_no_driver_times(client);
}

static const char *client_iface(const struct session *s)
{
	return s->o->iface != NULL ? s->o->iface : PP_BENCH_LAB_SRC_IFACE;
}

// The thread that sends and receives.
static void *measure_cell(void *arg)
{
	struct cell *cell = arg;
	const struct pp_bench_rtt_options *o = cell->session->o;
	struct pp_bench_client_params params = {.iface = client_iface(cell->session),
						.queue = o->queue,
						.skb = o->mode,
						.stages = o->stages,
						.driver_times = o->receive_times};
	struct pp_bench_client *client;
	struct pp_gen_plan plan;
	struct pp_gen_link link;

	cell->ret = pp_bench_thread_place(&cell->session->lab, PP_BENCH_SRC, o->cpus.source,
					  &cell->err);
	if (cell->ret == 0)
		cell->ret = pp_bench_packets_plan(&plan, &link, &o->packets, params.iface,
						  cell->size_bytes, PP_BENCH_CLIENT_SIZE_MAX,
						  &cell->err);
	if (cell->ret < 0)
		return NULL;
	params.plan = &plan;
	cell->ret = pp_bench_client_open(&client, &params, &cell->err);
	if (cell->ret == 0) {
		measure_rounds(cell, client);
		pp_bench_client_close(client);
	}
	pp_gen_plan_fini(&plan);
	return NULL;
}

// What a result is called; the cell is named where there are several.
static const char *name_of(const struct cell *cell, const char *what, char *buf, size_t room)
{
	const struct pp_bench_rtt_options *o = cell->session->o;

	if (o->packets.sizes.count == 1 && o->rates.count == 1)
		snprintf(buf, room, "%s", what);
	else
		snprintf(buf, room, "%s, %u B, %" PRIu64 " pps", what, cell->size_bytes,
			 cell->rate_pps);
	return buf;
}

static void add_counts(struct cell *cell)
{
	json_t *counts = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "size",
		(json_int_t)cell->size_bytes, "rate_pps", (json_int_t)cell->rate_pps, "sent",
		(json_int_t)cell->sent, "received", (json_int_t)cell->received, "lost",
		(json_int_t)(cell->sent - cell->received), "unsent", (json_int_t)cell->unsent,
		"duplicates", (json_int_t)cell->duplicates, "strays", (json_int_t)cell->strays,
		"passed", (json_int_t)cell->passed, "sent_pps",
		cell->elapsed_ns > 0 ? (double)cell->sent * 1e9 / (double)cell->elapsed_ns : 0.0);

	json_array_append_new(cell->session->counts, counts);
}

// By each clock that replies have times of.
static void add_arrivals(struct cell *cell)
{
	struct session *s = cell->session;
	const struct pp_bench_arrivals *arrivals = &s->arrivals;
	char name[96], spacing[48];

	for (int i = 0; i < PP_BENCH_CLOCKS; i++) {
		s->times[i] += arrivals->count[i];
		if (arrivals->count[i] == 0)
			continue;
		snprintf(spacing, sizeof(spacing), "spacing off, by %s",
			 pp_bench_arrivals_clock_name(i));
		pp_bench_add_histogram(s->run, name_of(cell, spacing, name, sizeof(name)), "ns",
				       PP_BENCH_LOWER, arrivals->spacing[i]);
	}
}

static void add_results(struct cell *cell)
{
	struct session *s = cell->session;
	uint32_t rounds = s->o->rounds;
	char name[96], stage[32];

	pp_bench_add_histogram(s->run, name_of(cell, "round trip", name, sizeof(name)), "ns",
			       PP_BENCH_LOWER, s->sum);
	for (int i = 0; s->o->stages && i < PP_BENCH_STAGES; i++) {
		snprintf(stage, sizeof(stage), "stage %d %s", i + 1, pp_bench_rtt_stage_name(i));
		pp_bench_add_histogram(s->run, name_of(cell, stage, name, sizeof(name)), "ns",
				       PP_BENCH_LOWER, s->rtt.stage[i]);
	}
	if (s->o->receive_times)
		add_arrivals(cell);
	if (rounds > 1) {
		pp_bench_add_samples(s->run, name_of(cell, "p50 of rounds", name, sizeof(name)),
				     "ns", PP_BENCH_LOWER, cell->p50_ns, rounds);
		pp_bench_add_samples(s->run, name_of(cell, "p99 of rounds", name, sizeof(name)),
				     "ns", PP_BENCH_LOWER, cell->p99_ns, rounds);
	}
	pp_bench_add_samples(s->run, name_of(cell, "lost", name, sizeof(name)), "of sent",
			     PP_BENCH_LOWER, cell->lost, rounds);
	add_counts(cell);
}

static void warn_of(const struct cell *cell)
{
	struct pp_bench_run *run = cell->session->run;
	double asked = (double)cell->rate_pps, got;

	if (cell->received == 0)
		pp_bench_warn(run, "nothing came back at %" PRIu64 " pps: is there a reflector?",
			      cell->rate_pps);
	if (cell->unsent > 0)
		pp_bench_warn(run, "%" PRIu64 " packets were not taken by the interface",
			      cell->unsent);
	got = cell->elapsed_ns > 0 ? (double)cell->sent * 1e9 / (double)cell->elapsed_ns : 0;
	if (got < 0.99 * asked)
		pp_bench_warn(run,
			      "the client sent %.0f pps and not %.0f: latencies hold its own delay",
			      got, asked);
	if (cell->session->o->receive_times && cell->received > 0 &&
	    cell->session->arrivals.count[PP_BENCH_CLOCK_DRIVER] < cell->received)
		pp_bench_warn(run, "not every reply has a time of the driver: %s",
			      cell->no_driver_times ?: "it gave none");
	if (cell->strays + cell->duplicates > 0)
		pp_bench_warn(run, "%" PRIu64 " replies came twice or too late to be told apart",
			      cell->strays + cell->duplicates);
}

static int measure(struct session *s, uint32_t size_bytes, uint64_t rate_pps, struct pp_error *err)
{
	static struct cell cell; // too large for the stack
	int ret;

	cell = (struct cell){.session = s, .size_bytes = size_bytes, .rate_pps = rate_pps};
	pp_histogram_clear(s->sum);
	pp_bench_rtt_clear(&s->rtt);
	if (s->o->receive_times)
		pp_bench_arrivals_clear(&s->arrivals);
	ret = pp_bench_begin(s->run, err);
	if (ret == 0)
		ret = pp_bench_thread_run(measure_cell, &cell, err);
	pp_bench_end(s->run);
	if (ret == 0 && cell.ret < 0) {
		*err = cell.err;
		ret = cell.ret;
	}
	if (ret < 0)
		return ret;
	add_results(&cell);
	warn_of(&cell);
	return 0;
}

static int measure_all(struct session *s, struct pp_error *err)
{
	const struct pp_bench_list *sizes = &s->o->packets.sizes, *rates = &s->o->rates;
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < sizes->count; i++)
		for (uint32_t j = 0; ret == 0 && j < rates->count; j++)
			ret = measure(s, (uint32_t)sizes->value[i], rates->value[j], err);
	return ret;
}

// Two namespaces with our own reflector on the far side.
static int open_lab(struct session *s, struct pp_error *err)
{
	const struct pp_bench_rtt_options *o = s->o;
	struct pp_bench_plane_params params = {.iface = PP_BENCH_LAB_RX_IFACE,
					       .rules = o->rules,
					       .last = "route any to mirror",
					       .worker_cpu = o->cpus.worker,
					       .idle = o->idle,
					       .mode = o->mode ? PP_XDP_SKB : PP_XDP_NATIVE,
					       .stamp = o->stages};
	int ret = pp_bench_lab_open(&s->lab, err);

	if (ret == 0)
		ret = pp_bench_lab_enter(&s->lab, PP_BENCH_RX, err);
	if (ret == 0)
		ret = pp_bench_plane_open(&s->plane, &params, err);
	return ret;
}

static int describe(struct session *s, struct pp_error *err)
{
	const struct pp_bench_rtt_options *o = s->o;
	const char *mode = o->mode ? "skb" : "native";
	int ret;

	pp_bench_set_text(s->run, "reflector", s->plane != NULL ? "push-packet" : PEER);
	pp_bench_set_text(s->run, "clock", "CLOCK_MONOTONIC of this machine, in software");
	pp_bench_set_integer(s->run, "flows", o->packets.flows);
	pp_bench_set_integer(s->run, "rounds", o->rounds);
	pp_bench_set_integer(s->run, "for_ns", (int64_t)o->for_ns);
	pp_bench_set_integer(s->run, "warm_up_ns", (int64_t)o->warmup_ns);
	pp_bench_set_integer(s->run, "ring_slots", PP_BENCH_CLIENT_SLOTS);
	pp_bench_use_cpu(s->run, "client", o->cpus.source);
	ret = pp_bench_use_interface_in(s->run, s->lab.fd[PP_BENCH_SRC], client_iface(s), mode,
					err);
	if (s->plane == NULL || ret < 0)
		return ret;
	pp_bench_describe_plane(s->run, s->plane, o->rules);
	pp_bench_use_cpu(s->run, "worker", o->cpus.worker);
	return pp_bench_use_interface_in(s->run, s->lab.fd[PP_BENCH_RX], PP_BENCH_LAB_RX_IFACE,
					 mode, err);
}

static void put_receive_times(struct session *s)
{
	if (s->o->receive_times)
		pp_bench_put(s->run, "receive_timestamps",
			     json_pack("{s:I, s:I}", "driver",
				       (json_int_t)s->times[PP_BENCH_CLOCK_DRIVER], "xdp_entry",
				       (json_int_t)s->times[PP_BENCH_CLOCK_ENTRY]));
}

static int run_session(struct session *s, struct pp_error *err)
{
	int ret = 0;

	s->lab = (struct pp_bench_lab){.fd = {-1, -1, -1}};
	setpriority(PRIO_PROCESS, 0, -10); // not less: ksoftirqd, at 0, sends for us
	if (s->o->iface == NULL)
		ret = open_lab(s, err);
	if (ret == 0)
		ret = pp_bench_rtt_init(&s->rtt, s->o->stages, err);
	if (ret == 0 && s->o->receive_times) {
		s->rtt.arrivals = &s->arrivals;
		if (pp_bench_arrivals_init(&s->arrivals) < 0)
			ret = pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	}
	if (ret == 0 && pp_histogram_create(&s->sum, 3) < 0)
		ret = pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	if (ret == 0)
		ret = describe(s, err);
	if (ret == 0)
		ret = measure_all(s, err);
	if (ret == 0)
		pp_bench_put(s->run, "counts", json_incref(s->counts));
	if (ret == 0)
		put_receive_times(s);
	if (ret == 0 && s->plane != NULL)
		pp_bench_put_ledger(s->run, s->plane);
	pp_plane_close(s->plane);
	pp_bench_lab_enter(&s->lab, PP_BENCH_HOME, NULL);
	pp_bench_lab_close(&s->lab);
	pp_histogram_destroy(s->sum);
	pp_bench_arrivals_fini(&s->arrivals);
	pp_bench_rtt_fini(&s->rtt);
	return ret;
}

static int check_options(struct pp_bench_rtt_options *o, struct pp_error *err)
{
	struct pp_bench_list *sizes = &o->packets.sizes;

	if (o->iface != NULL && (o->rules != NULL || o->stages))
		return pp_error_set(err, -EINVAL, 0, 0,
				    "--interface: somebody else reflects, expected no --%s",
				    o->stages ? "stages" : "rules");
	if (sizes->count == 0)
		*sizes = (struct pp_bench_list){1, {o->stages ? STAGES_SIZE : PP_GEN_SIZE_DEFAULT}};
	for (uint32_t i = 0; o->stages && i < sizes->count; i++)
		if (sizes->value[i] < STAGES_SIZE)
			return pp_error_set(
				err, -EINVAL, 0, 0,
				"--stages: expected --size %u or more, to hold the times",
				STAGES_SIZE);
	return pp_bench_packets_check(&o->packets, err);
}

static int run_rtt(const struct pp_command *command, int argc, char **argv)
{
	struct pp_bench_rtt_options o = {
		.rates = {1, {10000}}, .for_ns = 2000000000, .warmup_ns = 200000000, .rounds = 1};
	struct session session = {.o = &o};
	struct pp_error err;
	int ret, status;

	pp_bench_packets_init(&o.packets);
	o.packets.sizes.count = 0;
	o.packets.numbered = true;
	pp_bench_cpus_init(&o.cpus);
	status = pp_command_parse(command, argc, argv, &o, NULL);
	if (status != PP_PARSED)
		return status;
	ret = check_options(&o, &err);
	if (ret < 0)
		return pp_command_usage(argv[0], "%s", err.text);
	ret = pp_bench_run_create(&session.run, "rtt", &o.bench, argc, argv, &err);
	session.counts = json_array();
	if (ret == 0)
		ret = run_session(&session, &err);
	json_decref(session.counts);
	return pp_bench_conclude(session.run, argv[0], ret, &err);
}

const struct pp_command pp_command_bench_rtt = {
	.name = "rtt",
	.summary = "round trips through a reflector",
	.synopsis = "[OPTION...]\n--interface IF [--dst ADDRESS] [--dst-mac MAC] [OPTION...]",
	.description =
		"Send packets at an even rate through an AF_XDP socket, take them when they come "
		"back, and say how long each was away. Time counts from when a packet was due, not "
		"from when it was sent: what is late because of one before it is late. Packets "
		"that do not come back are counted, and are in no percentile.\n"
		"\n"
		"Without --interface it makes a laboratory that nobody else sees: two network "
		"namespaces, a veth pair, push-packet as the reflector on one CPU and the client "
		"on another. With --interface it measures whoever sends packets back: xdpsock "
		"l2fwd, testpmd macswap, a UDP echo, another machine.\n"
		"\n"
		"--stages splits a round trip: wait (from when it was due until the kernel is "
		"asked to send), out (until the reflector's XDP program), receive (until its "
		"worker has it), work (until it is in line to be sent), back (until our XDP "
		"program), take (until the client has it). All are readings of one clock, "
		"CLOCK_MONOTONIC; each costs some 20 ns, which the whole then has more.\n"
		"\n"
		"--receive-times asks the driver when it received each reply (XDP metadata, Linux "
		"6.3 and later), and says of how many it knew; of the others the time at the entry "
		"of our XDP program stands in, by CLOCK_MONOTONIC. A driver's clock is mostly the "
		"one of its hardware, which runs on its own: nothing is subtracted from one that "
		"is of the other. The table has how far the stretch from one reply to the next "
		"is off the stretch between the moments when their packets were due.",
	.options = pp_bench_rtt_options,
	.exit_status = "0 measured, 1 it failed or was refused, 2 usage",
	.examples = "push-packet bench rtt --rules rules.txt --rate 10k,100k --rounds 5\n"
		    "push-packet bench rtt --stages --rate 100k --chart stages\n"
		    "push-packet bench rtt --interface eth1 --dst 192.0.2.9 --dst-mac "
		    "02:00:00:00:00:09 --json=run.json",
	.run = run_rtt,
};
