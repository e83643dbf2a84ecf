// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_rtt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

#define NS_PER_S 1000000000u
#define SLOTS (1u << 20) // packets that can be on their way and still be told apart
#define ANSWERED (1ull << 63)
#define LEAD_NS 1000000u // from the call to the first packet

struct pp_bench_sent_slot {
	uint64_t number; // and ANSWERED
	uint64_t sent_ns;
};

static const char *const stage_name[] = {
	[PP_BENCH_STAGE_WAIT] = "wait",	      [PP_BENCH_STAGE_OUT] = "out",
	[PP_BENCH_STAGE_RECEIVE] = "receive", [PP_BENCH_STAGE_WORK] = "work",
	[PP_BENCH_STAGE_BACK] = "back",	      [PP_BENCH_STAGE_TAKE] = "take",
};
_Static_assert(sizeof(stage_name) / sizeof(stage_name[0]) == PP_BENCH_STAGES, "a name for each");

const char *pp_bench_rtt_stage_name(enum pp_bench_stage stage)
{
	return stage_name[stage];
}

int pp_bench_rtt_init(struct pp_bench_rtt *rtt, bool stages, struct pp_error *err)
{
	int ret;

	*rtt = (struct pp_bench_rtt){.slot = malloc(SLOTS * sizeof(*rtt->slot))};
	ret = rtt->slot == NULL ? -ENOMEM : pp_histogram_create(&rtt->total, 3);
	for (int i = 0; stages && ret == 0 && i < PP_BENCH_STAGES; i++)
		ret = pp_histogram_create(&rtt->stage[i], 3);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "out of memory");
	// Written now, so that no packet waits for a page.
	memset(rtt->slot, 0xff, SLOTS * sizeof(*rtt->slot));
	return 0;
}

void pp_bench_rtt_fini(struct pp_bench_rtt *rtt)
{
	for (int i = 0; i < PP_BENCH_STAGES; i++)
		pp_histogram_destroy(rtt->stage[i]);
	pp_histogram_destroy(rtt->total);
	free(rtt->slot);
}

void pp_bench_rtt_clear(struct pp_bench_rtt *rtt)
{
	pp_histogram_clear(rtt->total);
	for (int i = 0; i < PP_BENCH_STAGES && rtt->stage[i] != NULL; i++)
		pp_histogram_clear(rtt->stage[i]);
}

// A run: packets base to base + total - 1, of which the first warmup do not count.
struct schedule {
	struct pp_bench_rtt *rtt;
	struct pp_bench_client *client;
	uint64_t rate_pps;
	uint64_t start_ns;
	uint64_t base;
	uint64_t warmup;
	uint64_t total;
	uint64_t done; // given to the kernel, warm-up included
	bool stages;
};

static uint64_t due_ns(const struct schedule *run, uint64_t k)
{
	return run->start_ns + (uint64_t)((unsigned __int128)k * NS_PER_S / run->rate_pps);
}

static uint64_t due_pkts(const struct schedule *run, uint64_t now_ns)
{
	uint64_t n;

	if (now_ns < run->start_ns)
		return 0;
	n = (uint64_t)((unsigned __int128)(now_ns - run->start_ns) * run->rate_pps / NS_PER_S) + 1;
	return n < run->total ? n : run->total;
}

// A clock that steps between two processors must not make a stretch of centuries.
static uint64_t since(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static void send_due(struct schedule *run)
{
	struct pp_bench_rtt *rtt = run->rtt;
	uint64_t now = pp_clock_ns(CLOCK_MONOTONIC), n = due_pkts(run, now) - run->done;
	uint32_t room = pp_bench_client_room(run->client);

	if (n > room)
		n = room;
	if (n > PP_BENCH_CLIENT_BURST)
		n = PP_BENCH_CLIENT_BURST;
	if (n > 0) {
		pp_bench_client_write(run->client, (uint32_t)n);
		now = pp_clock_ns(CLOCK_MONOTONIC);
	}
	for (uint64_t i = 0; i < n; i++, rtt->next++)
		rtt->slot[rtt->next % SLOTS] = (struct pp_bench_sent_slot){rtt->next, now};
	run->done += n;
	pp_bench_client_send(run->client);
}

static void record_stages(struct pp_bench_rtt *rtt,
			  const struct pp_bench_reply *reply,
			  uint64_t due,
			  uint64_t sent,
			  uint64_t now)
{
	const struct pp_reflect_stamp *stamp = &reply->stamp;
	const uint64_t at[PP_BENCH_STAGES + 1] = {
		due, sent, stamp->xdp_ns, stamp->received_ns, stamp->sent_ns, reply->times.entry_ns,
		now};

	for (int i = 0; i < PP_BENCH_STAGES; i++)
		pp_histogram_record(rtt->stage[i], since(at[i], at[i + 1]));
}

static void take_reply(struct schedule *run, const struct pp_bench_reply *reply, uint64_t now)
{
	struct pp_bench_rtt *rtt = run->rtt;
	struct pp_bench_sent_slot *slot = &rtt->slot[reply->number % SLOTS];
	uint64_t k = reply->number - run->base, due;

	if (reply->number < run->base || k >= run->total) {
		rtt->strays++;
		return;
	}
	if (k < run->warmup)
		return;
	if (slot->number != reply->number) {
		if (slot->number == (reply->number | ANSWERED))
			rtt->duplicates++;
		else
			rtt->strays++;
		return;
	}
	slot->number |= ANSWERED;
	rtt->received++;
	due = due_ns(run, k);
	pp_histogram_record(rtt->total, since(due, now));
	if (rtt->arrivals != NULL)
		pp_bench_arrivals_take(rtt->arrivals, due, reply->times.driver_ns,
				       reply->times.entry_ns);
	if (run->stages)
		record_stages(rtt, reply, due, slot->sent_ns, now);
}

static void take_replies(struct schedule *run)
{
	struct pp_bench_reply reply[PP_BENCH_CLIENT_BURST];
	uint32_t n = pp_bench_client_receive(run->client, reply);
	uint64_t now;

	if (n == 0) {
		__builtin_ia32_pause();
		return;
	}
	now = pp_clock_ns(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < n; i++)
		take_reply(run, &reply[i], now);
}

static uint64_t pkts_in(uint64_t rate_pps, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)rate_pps * ns / NS_PER_S);
}

void pp_bench_rtt_run(struct pp_bench_rtt *rtt,
		      struct pp_bench_client *client,
		      const struct pp_bench_rtt_params *params)
{
	struct schedule run = {.rtt = rtt,
			       .client = client,
			       .rate_pps = params->rate_pps,
			       .base = rtt->next,
			       .warmup = pkts_in(params->rate_pps, params->warmup_ns),
			       .stages = params->stages};
	uint64_t end_ns;

	rtt->received = rtt->duplicates = rtt->strays = 0;
	if (rtt->arrivals != NULL)
		pp_bench_arrivals_begin(rtt->arrivals);
	run.total = run.warmup + (pkts_in(params->rate_pps, params->for_ns) ?: 1);
	run.start_ns = pp_clock_ns(CLOCK_MONOTONIC) + LEAD_NS;
	// Twice the time at most: an interface that takes no more packets must not hold us.
	end_ns = due_ns(&run, 2 * run.total) + params->drain_ns;
	while (run.done < run.total && pp_clock_ns(CLOCK_MONOTONIC) < end_ns) {
		send_due(&run);
		take_replies(&run);
	}
	rtt->sent = since(run.warmup, run.done);
	rtt->unsent = run.total - run.done;
	end_ns = pp_clock_ns(CLOCK_MONOTONIC);
	rtt->elapsed_ns = since(due_ns(&run, run.warmup), end_ns);
	end_ns += params->drain_ns;
	while (rtt->received < rtt->sent && pp_clock_ns(CLOCK_MONOTONIC) < end_ns) {
		pp_bench_client_room(client);
		pp_bench_client_send(client);
		take_replies(&run);
	}
}
