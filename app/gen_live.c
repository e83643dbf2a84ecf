// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gen.skel.h"
#include "gen_sum.h"

// One NAPI poll of the receiving side takes 64: what a batch puts into a veth's queue is out of
// it before the next batch.
#define BATCH_PKTS 64
// The kernel's counter has 32 bits and steps by whole batches.
#define RUN_PKTS_MAX 0xffff0000u
#define WATCH_NS 1000000u
#define NS_PER_S 1000000000ull
#define FRAME_BYTES_MIN 14
#define FRAME_BYTES_MAX 65536

struct pp_gen_live {
	struct pp_gen_bpf *skel;
	char name[IFNAMSIZ];
	int prog_fd;
	uint8_t *image; // first frame, for its length
	uint32_t size_bytes;
	bool paced;
	bool has_counters;
	uint64_t accepted_before;
	uint64_t refused_before;
};

static int run_live(int prog_fd, const void *frame, uint32_t size, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = size,
		    .repeat = (int)repeat, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH_PKTS);

	return bpf_prog_test_run_opts(prog_fd, &opts) < 0 ? -errno : 0;
}

static uint32_t bisect_size(int prog_fd, const uint8_t *frame)
{
	uint32_t good = FRAME_BYTES_MIN, bad = FRAME_BYTES_MAX;

	while (bad - good > 1) {
		uint32_t mid = good + (bad - good) / 2;

		if (run_live(prog_fd, frame, mid, 1) == 0)
			good = mid;
		else
			bad = mid;
	}
	return good;
}

int pp_gen_live_size_max(void)
{
	// r0 = XDP_DROP; exit
	const struct bpf_insn drop[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};
	uint8_t *frame;
	int fd, ret;

	frame = calloc(1, FRAME_BYTES_MAX);
	if (frame == NULL)
		return -ENOMEM;
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pp_gen_size", "GPL", drop, 2, NULL);
	ret = fd < 0 ? fd : run_live(fd, frame, FRAME_BYTES_MIN, 1);
	if (ret == 0)
		ret = (int)bisect_size(fd, frame);
	if (fd >= 0)
		close(fd);
	free(frame);
	return ret;
}

static void set_part(struct pp_gen_bpf *skel, uint32_t p, const struct pp_gen_part *from)
{
	typeof(skel->rodata->part[0]) *to = &skel->rodata->part[p];

	memcpy(to->head, from->head, sizeof(from->head));
	to->head_bytes = from->head_bytes;
	to->ident_offset = from->ident_offset;
	to->ident_bytes = from->ident_bytes;
	to->src_offset = from->src_offset;
	to->dst_offset = from->dst_offset;
	to->ip_check_offset = from->ip_check_offset;
	to->sport_offset = from->sport_offset;
	to->dport_offset = from->dport_offset;
	to->l4_check_offset = from->l4_check_offset;
	to->l4_pseudo = from->l4_pseudo;
	to->l4_crc32c = from->l4_crc32c;
	to->seq_offset = from->seq_offset;
	to->pattern_offset = from->pattern_offset;
	to->pattern_pairs = from->pattern_pairs;
	to->tail_offset = from->tail_offset;
	to->tail_bytes = from->tail_bytes;
	to->l4_offset = from->l4_offset;
	to->ip_sum = from->ip_sum;
	to->l4_sum = from->l4_sum;
}

static void set_plan(struct pp_gen_bpf *skel,
		     const struct pp_gen_plan *from,
		     uint32_t ifindex,
		     uint64_t rate_pps)
{
	typeof(skel->rodata->plan) *to = &skel->rodata->plan;

	_Static_assert(sizeof(skel->rodata->part[0].head) == PP_GEN_HEAD_MAX, "same head");
	for (uint32_t i = 0; i < from->part_count; i++)
		set_part(skel, i, &from->part[i]);
	to->size_bytes = from->size_bytes;
	to->part_count = from->part_count;
	to->ifindex = ifindex;
	to->seq = from->seq;
	to->zero_check_is_ones = from->zero_check_is_ones;
	to->flows = from->flows;
	to->sport_lo = from->sport_lo;
	to->dport_lo = from->dport_lo;
	to->sport_count = from->sport_count;
	to->dport_count = from->dport_count;
	to->src_count = from->src_count;
	to->dst_count = from->dst_count;
	to->seed = from->seed;
	to->src_base = from->src_base;
	to->dst_base = from->dst_base;
	to->src_host_mask = from->src_host_mask;
	to->dst_host_mask = from->dst_host_mask;
	to->period_fp = rate_pps > 0 ? (NS_PER_S << 16) / rate_pps : 0;
	for (uint32_t i = 0; i < 256; i++)
		skel->rodata->crc32c_table[i] = pp_gen_crc32c(0, (uint8_t[]){(uint8_t)i}, 1);
}

static int no_log(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int load(struct pp_gen_live *live,
		const struct pp_gen_link *link,
		const struct pp_gen_plan *plan,
		uint64_t rate_pps,
		struct pp_error *err)
{
	libbpf_print_fn_t log = libbpf_set_print(no_log);
	int ret;

	live->skel = pp_gen_bpf__open();
	if (live->skel == NULL) {
		ret = -errno;
		goto restore_log;
	}
	set_plan(live->skel, plan, link->ifindex, rate_pps);
	ret = pp_gen_bpf__load(live->skel);
	live->prog_fd = bpf_program__fd(live->skel->progs.gen);
restore_log:
	libbpf_set_print(log);
	if (ret == -EPERM)
		return pp_error_set(err, ret, 0, 0,
				    "live frames need the capabilities CAP_BPF and "
				    "CAP_NET_ADMIN");
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "cannot load the packet source: %s",
				    strerror(-ret));
	return 0;
}

int pp_gen_live_open(struct pp_gen_live **out,
		     const struct pp_gen_link *link,
		     const struct pp_gen_plan *plan,
		     uint64_t rate_pps,
		     struct pp_error *err)
{
	struct pp_gen_live *live;
	int ret;

	live = calloc(1, sizeof(*live));
	if (live == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	memcpy(live->name, link->name, sizeof(live->name));
	live->size_bytes = plan->size_bytes;
	live->image = malloc(plan->size_bytes);
	if (live->image == NULL) {
		ret = pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
		goto close_live;
	}
	memcpy(live->image, plan->image, plan->size_bytes);
	live->paced = rate_pps > 0;
	ret = load(live, link, plan, rate_pps, err);
	if (ret < 0)
		goto close_live;
	live->has_counters = pp_gen_link_xdp_xmit(live->name, &live->accepted_before,
						  &live->refused_before) == 0;
	*out = live;
	return 0;

close_live:
	pp_gen_live_close(live);
	return ret;
}

void pp_gen_live_close(struct pp_gen_live *live)
{
	if (live == NULL)
		return;
	pp_gen_bpf__destroy(live->skel);
	free(live->image);
	free(live);
}

// Frames sent so far. The program writes it while we read.
static uint64_t sent_so_far(const struct pp_gen_live *live)
{
	return *(volatile __u64 *)&live->skel->bss->cur.sent;
}

// The first frame was refused: why?
static int explain_run(struct pp_gen_live *live, int ret, struct pp_error *err)
{
	int most;

	if (ret != -EINVAL)
		return pp_error_set(err, ret, 0, 0, "live frames: %s", strerror(-ret));
	most = pp_gen_live_size_max();
	if (most < 0)
		return pp_error_set(err, ret, 0, 0,
				    "this kernel has no live frames (5.18 and later have): use "
				    "--via socket");
	return pp_error_set(err, -EMSGSIZE, 0, 0,
			    "--size %u: live frames can have %u to %d bytes here", live->size_bytes,
			    FRAME_BYTES_MIN, most);
}

int pp_gen_live_probe(struct pp_gen_live *live, uint64_t *sent, struct pp_error *err)
{
	uint64_t accepted, refused;
	int ret;

	*sent = 0;
	if (!live->has_counters)
		return 0;
	live->skel->bss->pace.target = 1;
	ret = run_live(live->prog_fd, live->image, live->size_bytes, 1);
	if (ret < 0)
		return explain_run(live, ret, err);
	ret = pp_gen_link_xdp_xmit(live->name, &accepted, &refused);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "%s: cannot read its statistics: %s",
				    live->name, strerror(-ret));
	memset(&live->skel->bss->pace, 0, sizeof(live->skel->bss->pace));
	if (accepted > live->accepted_before) {
		*sent = 1;
		return 0;
	}

	memset(&live->skel->bss->cur, 0, sizeof(live->skel->bss->cur));
	if (refused > live->refused_before) {
		live->refused_before = refused;
		return pp_error_set(err, -EMSGSIZE, 0, 0,
				    "%s: its peer refuses frames of %u bytes: raise the peer's MTU",
				    live->name, live->size_bytes);
	}
	return pp_error_set(err, -ENOTCONN, 0, 0,
			    "%s: frames vanish: the peer must be up and have native XDP attached "
			    "(or GRO on), or use --via socket",
			    live->name);
}

// The thread that is in the system call while the other one watches.
struct runner {
	struct pp_gen_live *live;
	uint64_t target;
	atomic_bool stop;
	atomic_bool done;
	int ret;
};

static void *run_to_target(void *arg)
{
	struct runner *runner = arg;
	struct pp_gen_live *live = runner->live;
	uint64_t left;
	sigset_t set;
	int ret = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (ret == 0 && !atomic_load(&runner->stop) && sent_so_far(live) < runner->target) {
		left = runner->target - sent_so_far(live);
		if (live->paced || left > RUN_PKTS_MAX)
			left = RUN_PKTS_MAX;
		ret = run_live(live->prog_fd, live->image, live->size_bytes, (uint32_t)left);
		// SIGUSR1 ends a run between two batches; nothing is lost.
		if (ret == -EINTR)
			ret = 0;
	}
	runner->ret = ret;
	atomic_store(&runner->done, true);
	return NULL;
}

static void on_signal(int number)
{
	(void)number;
}

// Wait for the end of the run, or bring it about.
static void watch(struct runner *runner, pthread_t thread, struct pp_gen_pace *pace)
{
	while (!atomic_load(&runner->done)) {
		pp_gen_pace_sleep(pace, pp_gen_now_ns() + WATCH_NS);
		if (!pace->stopped && pp_gen_now_ns() - pace->start_ns < pace->for_ns &&
		    sent_so_far(runner->live) < runner->target)
			continue;
		// Again and again: the first may come before the system call has begun.
		atomic_store(&runner->stop, true);
		pthread_kill(thread, SIGUSR1);
		nanosleep(&(struct timespec){.tv_nsec = WATCH_NS}, NULL);
	}
}

int pp_gen_live_run(struct pp_gen_live *live,
		    struct pp_gen_pace *pace,
		    uint64_t *elapsed_ns,
		    struct pp_error *err)
{
	struct runner runner = {.live = live, .target = pace->count};
	uint64_t before_ns = pp_gen_now_ns(), end_ns, start_ns;
	pthread_t thread;
	int ret;

	*elapsed_ns = 0;
	if (pace->stopped || sent_so_far(live) >= pace->count)
		return 0;
	live->skel->bss->pace.target = pace->count;
	if (sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL) < 0)
		return pp_error_set(err, -errno, 0, 0, "sigaction: %s", strerror(errno));
	pace->start_ns = before_ns;
	ret = -pthread_create(&thread, NULL, run_to_target, &runner);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "thread: %s", strerror(-ret));
	watch(&runner, thread, pace);
	end_ns = pp_gen_now_ns();
	pthread_join(thread, NULL);

	pace->sent = sent_so_far(live);
	start_ns = live->skel->bss->pace.start_ns;
	if (live->skel->bss->pace.end_ns != 0)
		end_ns = live->skel->bss->pace.end_ns;
	*elapsed_ns = end_ns - (start_ns != 0 ? start_ns : before_ns);
	if (runner.ret < 0)
		return explain_run(live, runner.ret, err);
	return 0;
}

int pp_gen_live_refused(struct pp_gen_live *live, int64_t *refused, struct pp_error *err)
{
	uint64_t accepted_now, refused_now, accounted, sent = sent_so_far(live);

	*refused = -1;
	if (!live->has_counters ||
	    pp_gen_link_xdp_xmit(live->name, &accepted_now, &refused_now) < 0)
		return 0;
	refused_now -= live->refused_before;
	accounted = accepted_now - live->accepted_before + refused_now;
	if (accounted == sent)
		*refused = (int64_t)refused_now;
	if (accounted < sent)
		return pp_error_set(err, -EIO, 0, 0,
				    "%s: %llu frames vanished: the interface or its peer went "
				    "down or lost its XDP program",
				    live->name, (unsigned long long)(sent - accounted));
	return 0;
}
