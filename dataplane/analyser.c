// SPDX-License-Identifier: MIT OR Apache-2.0
#include "analyser.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <push-packet/clock.h>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "handoff.h"
#include "lane.h"
#include "thread.h"

#define BURST PP_ANALYSER_BURST
#define TICK_NS 100000000u
#define LOOK_NS 100000000ull // how often is looked whether an analyser that is to end does so

// Empty rounds before the thread sleeps, and how long it sleeps then: twice as long each time.
#define SPINS 256
#define SLEEP_MIN_NS 20000
#define SLEEP_MAX_NS 500000

struct pp_analyser {
	struct pp_analyser_params params;
	struct pp_handoff **handoff; // by worker
	struct pp_ledger_row *ledger; // by row; written by the thread
	uint64_t routed, copied; // analysed; written by the thread
	uint64_t next_tick_ns;
	pthread_t thread;
	bool running;
	bool stop;
	uint64_t done_pkts; // when it was last seen to have done some since it was to end
	uint64_t done_ns; // CLOCK_MONOTONIC of that
};

static int create_rings(struct pp_analyser *analyser)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < analyser->params.worker_count; i++)
		ret = pp_handoff_create(&analyser->handoff[i], analyser->params.handoff_bytes);
	return ret;
}

int pp_analyser_create(struct pp_analyser **out,
		       const struct pp_analyser_params *params,
		       struct pp_error *err)
{
	struct pp_analyser *analyser = calloc(1, sizeof(*analyser));
	int ret = -ENOMEM;

	if (analyser == NULL)
		goto failed;
	analyser->params = *params;
	analyser->handoff = calloc(params->worker_count, sizeof(*analyser->handoff));
	analyser->ledger = calloc(params->rows->total, sizeof(*analyser->ledger));
	if (analyser->handoff == NULL || analyser->ledger == NULL)
		goto destroy_analyser;
	ret = create_rings(analyser);
	if (ret < 0)
		goto destroy_analyser;
	*out = analyser;
	return 0;

destroy_analyser:
	pp_analyser_destroy(analyser);
failed:
	return pp_error_set(err, ret, 0, 0, "no memory for an analysis thread");
}

void pp_analyser_destroy(struct pp_analyser *analyser)
{
	if (analyser == NULL)
		return;
	pp_analyser_stop(analyser, UINT64_MAX);
	for (uint32_t i = 0; analyser->handoff && i < analyser->params.worker_count; i++)
		pp_handoff_destroy(analyser->handoff[i]);
	free(analyser->ledger);
	free(analyser->handoff);
	free(analyser);
}

static void count(struct pp_analyser *analyser, const uint8_t *data)
{
	struct pp_handoff_item item = pp_handoff_item_of(data);
	uint32_t row = pp_rows_index(analyser->params.rows, item.meta->iface, item.meta->queue);

	pp_rows_bump(&analyser->ledger[row],
		     item.routed ? PP_LEDGER_ANALYSED : PP_LEDGER_COPY_ANALYSED, 1);
	pp_counter_add(item.routed ? &analyser->routed : &analyser->copied, 1);
}

static struct pp_packet_view view_of(const uint8_t *data, uint64_t now_ns)
{
	struct pp_handoff_item item = pp_handoff_item_of(data);

	return pp_packet_view_of(item.meta, item.data, item.routed, now_ns);
}

// No table of rules waits for what a plug-in does: it may stand still (analysis.c, rule_of()).
static void enter(const struct pp_analyser *analyser)
{
	if (analyser->params.foreign)
		rcu_thread_offline();
}

static void leave(const struct pp_analyser *analyser)
{
	if (analyser->params.foreign)
		rcu_thread_online();
}

// The analyser's own code: what it calls is not known here.
static __attribute__((noinline)) void call_packets(struct pp_analyser *analyser,
						   struct pp_packet_view view[],
						   uint32_t n,
						   uint64_t now_ns)
{
	enter(analyser);
	analyser->params.ops->packets(analyser->params.state, view, n, now_ns);
	leave(analyser);
}

static __attribute__((noinline)) void call_tick(struct pp_analyser *analyser, uint64_t now_ns)
{
	enter(analyser);
	if (analyser->params.ops->tick != NULL)
		analyser->params.ops->tick(analyser->params.state, now_ns);
	leave(analyser);
	analyser->next_tick_ns = now_ns + TICK_NS;
}

static uint32_t serve(struct pp_analyser *analyser, uint32_t worker, uint64_t now_ns)
{
	struct pp_handoff *handoff = analyser->handoff[worker];
	struct pp_packet_view view[BURST];
	const uint8_t *item[BURST];
	uint32_t n = pp_handoff_burst(handoff, item, BURST);

	if (n == 0) {
		// What was skipped to the end of the ring is room.
		pp_handoff_release(handoff);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++)
		__builtin_prefetch(pp_handoff_item_of(item[i]).meta);
	for (uint32_t i = 0; i < n; i++)
		view[i] = view_of(item[i], now_ns);
	call_packets(analyser, view, n, now_ns);
	for (uint32_t i = 0; i < n; i++)
		count(analyser, item[i]);
	pp_handoff_release(handoff);
	return n;
}

static uint32_t serve_workers(struct pp_analyser *analyser)
{
	uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);
	uint32_t n = 0;

	for (uint32_t i = 0; i < analyser->params.worker_count; i++)
		n += serve(analyser, i, now_ns);
	if (now_ns >= analyser->next_tick_ns)
		call_tick(analyser, now_ns);
	return n;
}

static void idle(uint32_t empty_rounds, long *sleep_ns)
{
	struct timespec pause = {.tv_nsec = *sleep_ns};

	if (empty_rounds < SPINS) {
		__builtin_ia32_pause();
		return;
	}
	rcu_thread_offline();
	nanosleep(&pause, NULL);
	rcu_thread_online();
	if (*sleep_ns < SLEEP_MAX_NS)
		*sleep_ns *= 2;
}

static void *analyser_run(void *arg)
{
	struct pp_analyser *analyser = arg;
	long sleep_ns = SLEEP_MIN_NS;
	uint32_t empty_rounds = 0;

	rcu_register_thread();
	for (;;) {
		// acquire: once stop is seen, so is everything the workers pushed before it
		bool stop = __atomic_load_n(&analyser->stop, __ATOMIC_ACQUIRE);
		uint32_t n = serve_workers(analyser);

		rcu_quiescent_state();
		if (n > 0) {
			empty_rounds = 0;
			sleep_ns = SLEEP_MIN_NS;
			continue;
		}
		if (stop)
			break;
		idle(empty_rounds++, &sleep_ns);
	}
	call_tick(analyser, pp_clock_ns(CLOCK_MONOTONIC));
	rcu_unregister_thread();
	return NULL;
}

int pp_analyser_start(struct pp_analyser *analyser, struct pp_error *err)
{
	int ret = pp_thread_start(&analyser->thread, analyser->params.thread_name,
				  analyser->params.cpu, analyser_run, analyser, err);

	analyser->running = ret == 0;
	return ret;
}

static uint64_t done_pkts(const struct pp_analyser *analyser)
{
	return __atomic_load_n(&analyser->routed, __ATOMIC_RELAXED) +
	       __atomic_load_n(&analyser->copied, __ATOMIC_RELAXED);
}

void pp_analyser_end(struct pp_analyser *analyser)
{
	if (!analyser->running || analyser->stop)
		return;
	analyser->done_pkts = done_pkts(analyser);
	analyser->done_ns = pp_clock_ns(CLOCK_MONOTONIC);
	__atomic_store_n(&analyser->stop, true, __ATOMIC_RELEASE);
}

// What waits may be much: as long as some of it is done, it is waited for.
static uint64_t stuck_ns(struct pp_analyser *analyser, uint64_t now_ns)
{
	uint64_t pkts = done_pkts(analyser);

	if (pkts != analyser->done_pkts) {
		analyser->done_pkts = pkts;
		analyser->done_ns = now_ns;
	}
	return now_ns - analyser->done_ns;
}

int pp_analyser_stop(struct pp_analyser *analyser, uint64_t limit_ns)
{
	uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);

	if (!analyser->running)
		return 0;
	pp_analyser_end(analyser);
	while (pp_thread_join(analyser->thread,
			      limit_ns == UINT64_MAX ? UINT64_MAX : now_ns + LOOK_NS) < 0) {
		now_ns = pp_clock_ns(CLOCK_MONOTONIC);
		if (stuck_ns(analyser, now_ns) >= limit_ns)
			return -ETIMEDOUT;
	}
	analyser->running = false;
	return 0;
}

void pp_analyser_connect(struct pp_analyser *analyser, uint32_t worker, struct pp_lane *lane)
{
	lane->handoff = analyser->handoff[worker];
}

void pp_analyser_ledger(const struct pp_analyser *analyser, uint32_t row, struct pp_ledger_row *sum)
{
	pp_rows_read(sum, &analyser->ledger[row]);
}

void pp_analyser_analysed(const struct pp_analyser *analyser, uint64_t *routed, uint64_t *copied)
{
	*routed += __atomic_load_n(&analyser->routed, __ATOMIC_RELAXED);
	*copied += __atomic_load_n(&analyser->copied, __ATOMIC_RELAXED);
}
