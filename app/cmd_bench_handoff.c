// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <push-packet/handoff_measure.h>

#include "bench.h"
#include "bench_peer.h"
#include "bench_stats.h"
#include "cmd_bench.h"
#include "units.h"

#define TARGET 1.5
#define PEERS 3u
#define MODES 2u

static const char *const peer_name[PEERS] = {"ck", "rte", "pointers"};
static const char *const peer_library[PEERS] = {"ck_ring", "rte_ring", "rte_ring of pointers"};
static const char *const peer_package[PEERS] = {"libck-dev", "dpdk-dev", "dpdk-dev"};
static const char *const mode_name[MODES] = {"one way", "ping-pong"};
static const char *const mode_word[MODES] = {"one-way", "ping-pong"};

struct handoff_options {
	struct pp_bench_options bench;
	struct pp_handoff_job job;
	uint64_t rounds_packets; // of ping-pong
	uint32_t pairs;
	bool peer[PEERS];
	bool cpus;
	const char *peer_dir;
};

// Millions of packets (one way) or thousands of rounds (ping-pong) a second, by round.
struct handoff_rates {
	double ours[MODES][PP_BENCH_SAMPLES_MAX];
	double peer[PEERS][MODES][PP_BENCH_SAMPLES_MAX];
};

static void peer_path(const struct handoff_options *o, uint32_t peer, char *buf, size_t size)
{
	char self[512];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (o->peer_dir) {
		snprintf(buf, size, "%s/handoff_peer_%s", o->peer_dir, peer_name[peer]);
		return;
	}
	self[len < 0 ? 0 : len] = '\0';
	slash = strrchr(self, '/');
	snprintf(buf, size, "%.*s/../tests/bench/handoff_peer_%s", slash ? (int)(slash - self) : 0,
		 self, peer_name[peer]);
}

static struct pp_handoff_job job_of(const struct handoff_options *o, uint32_t mode)
{
	struct pp_handoff_job job = o->job;

	job.ping_pong = mode == 1;
	if (job.ping_pong)
		job.packets = o->rounds_packets;
	return job;
}

static double rate(uint32_t mode, double ns)
{
	return mode == 1 ? 1e6 / ns : 1e3 / ns;
}

static int run_peer(const struct handoff_options *o,
		    uint32_t peer,
		    uint32_t mode,
		    double *out_rate,
		    struct pp_error *err)
{
	struct pp_handoff_job job = job_of(o, mode);
	char path[600], cpus[32], batch[16], frames[16], slots[16], packets[32], word[16];
	char *argv[] = {path, cpus, batch, frames, slots, packets, word, NULL};
	double ns;
	int ret;

	peer_path(o, peer, path, sizeof(path));
	snprintf(cpus, sizeof(cpus), "%u,%u", job.cpu[0], job.cpu[1]);
	snprintf(batch, sizeof(batch), "%u", job.batch);
	snprintf(frames, sizeof(frames), "%u", job.frames);
	snprintf(slots, sizeof(slots), "%u", job.slots);
	snprintf(packets, sizeof(packets), "%llu", (unsigned long long)job.packets);
	snprintf(word, sizeof(word), "%s", mode_word[mode]);
	ret = pp_bench_peer_run(argv, &ns, err);
	if (ret == -ENOENT)
		return pp_error_set(err, ret, 0, 0,
				    "there is no %s: 'ninja -C build tests/bench/handoff_peer_%s' "
				    "makes it where %s is installed; or name the folder by "
				    "--peer-dir",
				    path, peer_name[peer], peer_package[peer]);
	if (!ret)
		*out_rate = rate(mode, ns);
	return ret;
}

static int run_pair(const struct handoff_options *o,
		    uint32_t pair,
		    struct pp_histogram *rounds,
		    struct handoff_rates *rates,
		    struct pp_error *err)
{
	double ns;
	int ret;

	for (uint32_t mode = 0; mode < MODES; mode++) {
		struct pp_handoff_job job = job_of(o, mode);

		ret = pp_handoff_measure(&job, rounds, &ns, err);
		if (ret)
			return ret;
		rates->ours[mode][pair] = rate(mode, ns);
		for (uint32_t peer = 0; peer < PEERS; peer++) {
			ret = !o->peer[peer] ? 0
					     : run_peer(o, peer, mode,
							&rates->peer[peer][mode][pair], err);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static void add_results(struct pp_bench_run *run,
			const struct handoff_options *o,
			const struct pp_histogram *rounds,
			const struct handoff_rates *rates)
{
	static const char *const unit[MODES] = {"Mpps", "k rounds/s"};
	char name[64];

	for (uint32_t mode = 0; mode < MODES; mode++) {
		pp_bench_add_samples(run, mode_name[mode], unit[mode], PP_BENCH_HIGHER,
				     rates->ours[mode], o->pairs);
		for (uint32_t peer = 0; peer < PEERS; peer++) {
			if (!o->peer[peer])
				continue;
			snprintf(name, sizeof(name), "%s, %s", mode_name[mode], peer_library[peer]);
			pp_bench_add_samples(run, name, unit[mode], PP_BENCH_HIGHER,
					     rates->peer[peer][mode], o->pairs);
			snprintf(name, sizeof(name), "%s beside %s", mode_name[mode],
				 peer_library[peer]);
			pp_bench_add_claim(run, name, rates->ours[mode], rates->peer[peer][mode],
					   o->pairs, TARGET, false);
		}
	}
	pp_bench_add_histogram(run, "ping-pong round", "ns", PP_BENCH_LOWER, rounds);
}

static int measure(struct pp_bench_run *run, const struct handoff_options *o, struct pp_error *err)
{
	struct handoff_rates *rates = calloc(1, sizeof(*rates));
	struct pp_histogram *rounds = NULL;
	int ret = rates ? pp_histogram_create(&rounds, 3) : -ENOMEM;

	if (ret)
		pp_error_set(err, ret, 0, 0, "out of memory");
	ret = ret ?: pp_bench_begin(run, err);
	for (uint32_t pair = 0; !ret && pair < o->pairs; pair++)
		ret = run_pair(o, pair, rounds, rates, err);
	if (!ret) {
		pp_bench_end(run);
		add_results(run, o, rounds, rates);
	}
	pp_histogram_destroy(rounds);
	free(rates);
	return ret;
}

static void note_settings(struct pp_bench_run *run, const struct handoff_options *o)
{
	pp_bench_use_cpu(run, "worker", o->job.cpu[0]);
	pp_bench_use_cpu(run, "analyser", o->job.cpu[1]);
	pp_bench_set_integer(run, "batch", o->job.batch);
	pp_bench_set_integer(run, "frames", o->job.frames);
	pp_bench_set_integer(run, "slots", o->job.slots);
	pp_bench_set_integer(run, "packets", (int64_t)o->job.packets);
	pp_bench_set_integer(run, "pairs", o->pairs);
}

// The last two CPUs that this process may use.
static void pick_cpus(struct handoff_options *o)
{
	uint32_t found = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return;
	for (uint32_t cpu = CPU_SETSIZE; cpu-- > 0 && found < 2;) {
		if (CPU_ISSET(cpu, &set))
			o->job.cpu[found++] = cpu;
	}
	if (found == 1)
		o->job.cpu[1] = o->job.cpu[0];
}

static int run_handoff(const struct pp_command *command, int argc, char **argv)
{
	struct handoff_options o = {
		.job = {.batch = 64, .frames = 4096, .slots = 131072, .packets = 8000000},
		.pairs = PP_BENCH_PAIRS_MIN};
	struct pp_bench_run *run = NULL;
	struct pp_error err;
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	if (status != PP_PARSED)
		return status;
	if (!o.cpus)
		pick_cpus(&o);
	if (o.job.frames < o.job.batch)
		return pp_command_usage(argv[0], "--frames must be at least --batch");
	if (o.job.slots <= o.job.batch)
		return pp_command_usage(argv[0], "--slots must be more than --batch");
	// A round waits for the other side twice: as many would take many times as long.
	o.rounds_packets = o.job.packets / 16 + o.job.batch;
	status = pp_bench_run_create(&run, "handoff", &o.bench, argc, argv, &err);
	if (!status) {
		note_settings(run, &o);
		status = measure(run, &o, &err);
	}
	return pp_bench_conclude(run, argv[0], status, &err);
}

enum number {
	NUMBER_BATCH,
	NUMBER_FRAMES,
	NUMBER_SLOTS,
	NUMBER_PACKETS,
	NUMBER_PAIRS,
};

static int
read_number(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	static const uint64_t lo[] = {1, 64, 256, 1000, 1};
	static const uint64_t hi[] = {PP_HANDOFF_BATCH_MAX, PP_HANDOFF_FRAMES_MAX, 1u << 26,
				      1000000000, 1000};
	struct handoff_options *o = values;
	uint64_t n;

	if (pp_units_parse_count(text, &n) || n < lo[option->id] || n > hi[option->id] ||
	    (option->id == NUMBER_SLOTS && (n & (n - 1))))
		return pp_error_set(err, -EINVAL, 0, 0, "expected %s%llu to %llu",
				    option->id == NUMBER_SLOTS ? "a power of two, " : "",
				    (unsigned long long)lo[option->id],
				    (unsigned long long)hi[option->id]);
	if (option->id == NUMBER_PACKETS)
		o->job.packets = n;
	else
		*(uint32_t *)((char *)values + option->offset) = (uint32_t)n;
	return 0;
}

static int
read_peer(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct handoff_options *o = values;
	bool all = !strcmp(text, "all");

	(void)option;
	if (!strcmp(text, "none")) {
		memset(o->peer, 0, sizeof(o->peer));
		return 0;
	}
	for (uint32_t i = 0; i < PEERS; i++) {
		if (!all && strcmp(text, peer_name[i]) != 0)
			continue;
		o->peer[i] = true;
		if (!all)
			return 0;
	}
	return all ? 0
		   : pp_error_set(err, -EINVAL, 0, 0, "expected ck, rte, pointers, all or none");
}

static int
read_cpus(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct handoff_options *o = values;
	cpu_set_t set;
	int len = 0;

	(void)option;
	if (sscanf(text, "%4u,%4u%n", &o->job.cpu[0], &o->job.cpu[1], &len) != 2 || text[len])
		return pp_error_set(err, -EINVAL, 0, 0, "expected two CPUs, such as 0,1");
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (uint32_t i = 0; i < 2; i++) {
		if (o->job.cpu[i] >= CPU_SETSIZE || !CPU_ISSET(o->job.cpu[i], &set))
			return pp_error_set(err, -EINVAL, 0, 0,
					    "this machine has no CPU %u, or this process may not "
					    "use it",
					    o->job.cpu[i]);
	}
	o->cpus = true;
	return 0;
}

static const struct pp_option options[] = {
	{.name = "peer",
	 .arg = "NAME",
	 .help = "measure in turn with a peer: ck (Concurrency Kit's ck_ring), rte (DPDK's "
		 "rte_ring), pointers (rte_ring that hands over nothing but pointers), all, none "
		 "(the default)",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "ck rte pointers all none",
	 .read = read_peer},
	{.name = "peer-dir",
	 .arg = "DIR",
	 .help = "where the peers' programs are (default: beside this one in a build folder)",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct handoff_options, peer_dir)},
	{.name = "batch",
	 .arg = "N",
	 .help = "packets handed over at once, 1 to 256 (default 64)",
	 .read = read_number,
	 .id = NUMBER_BATCH,
	 .offset = offsetof(struct handoff_options, job.batch)},
	{.name = "frames",
	 .arg = "N",
	 .help = "that can be on their way, 64 to 65536 (default 4096)",
	 .read = read_number,
	 .id = NUMBER_FRAMES,
	 .offset = offsetof(struct handoff_options, job.frames)},
	{.name = "slots",
	 .arg = "N",
	 .help = "descriptors that the ring has room for, a power of two (default 131072, as "
		 "rings.handoff: 1MiB has)",
	 .read = read_number,
	 .id = NUMBER_SLOTS,
	 .offset = offsetof(struct handoff_options, job.slots)},
	{.name = "packets",
	 .arg = "N",
	 .help = "of a run (default 8M; ping-pong: a sixteenth)",
	 .read = read_number,
	 .id = NUMBER_PACKETS},
	{.name = "pairs",
	 .arg = "N",
	 .help = "runs of each (default 11, fewer decide nothing)",
	 .read = read_number,
	 .id = NUMBER_PAIRS,
	 .offset = offsetof(struct handoff_options, pairs)},
	{.name = "cpus",
	 .arg = "A,B",
	 .help = "where worker and analyser are (default: the last two)",
	 .read = read_cpus},
	PP_BENCH_OPTIONS(struct handoff_options, bench),
	{0}};

const struct pp_command pp_command_bench_handoff = {
	.name = "handoff",
	.summary = "the ring between a worker and an analysis thread, with the way back",
	.synopsis = "[--peer ck|rte|pointers|all|none] [--batch N] [--pairs N]\n"
		    "[--cpus A,B] [OPTION...]\n" PP_BENCH_SYNOPSIS,
	.description =
		"Measure what handing packets to an analysis thread costs: frame and port go there "
		"in batches, and come back. One way: as many "
		"packets as there are frames are on their way. Ping-pong: a batch there, all of it "
		"back, then the next one. Packets themselves are not looked at.\n"
		"Analysers are done with packets in order, so ours needs no ring for the way back: "
		"the worker finds the frames in the one there is. The peers have a second ring.\n"
		"Peers are programs of their own that do the same job in the same loops, in turn "
		"with ours, so that pairs can be compared; a run's figure is the median of its 21 "
		"slices, and one round of ping-pong in 16 is timed by itself. The claim is that "
		"ours is at least 1.5 times as fast.",
	.options = options,
	.exit_status = "0 measured, 1 it failed, a peer is missing, or refused, 2 usage",
	.examples = "push-packet bench handoff --peer all --chart handoff",
	.run = run_handoff,
};
