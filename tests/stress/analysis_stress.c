// SPDX-License-Identifier: MIT OR Apache-2.0
// Analysers with several threads, fed by two workers, and asked all the time: nothing is counted twice
// or lost unseen, a flow stays in order on one thread, and one that stands still costs the others nothing.
#include "analysis.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <push-packet/clock.h>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "packet.h"
#include "rule_table.h"
#include "tap_output.h"

#define WORKERS 2u
#define THREADS 3u
#define PACKETS 60000u // of each worker
#define FLOWS 500u // of each worker
#define ROWS 4096u
#define FLUSH 32u

enum { HISTOGRAM, TALKS, ORDER, STUCK, ANALYSES };

// The analyser `order`: rule_id is the flow, generation the number of the packet in it.
struct order {
	uint32_t next[WORKERS * FLOWS];
	void *thread_of[WORKERS * FLOWS];
	char thread[PP_ANALYSER_THREADS_MAX];
	bool bad;
};

static struct order order;
static bool hold; // atomic

static int create(void **state, const struct pp_analyser_env *env, struct pp_error *err)
{
	(void)env;
	(void)err;
	*state = &order;
	return 0;
}

static void *thread_of(void *state, uint32_t index)
{
	return &((struct order *)state)->thread[index];
}

static void destroy(void *state)
{
	(void)state;
}

// One thread alone has a flow, so its place is that thread's. Another one would be seen by TSan too.
static void see_order(void *thread, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	(void)now_ns;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t flow = view[i].meta->rule_id;

		if (view[i].meta->generation < order.next[flow] ||
		    (order.thread_of[flow] != NULL && order.thread_of[flow] != thread))
			__atomic_store_n(&order.bad, true, __ATOMIC_RELAXED);
		order.next[flow] = view[i].meta->generation + 1;
		order.thread_of[flow] = thread;
	}
}

static void stand_still(void *thread, const struct pp_packet_view view[], uint32_t n, uint64_t now)
{
	(void)thread;
	(void)view;
	(void)n;
	(void)now;
	while (__atomic_load_n(&hold, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static const struct pp_analyser_ops order_ops = {.abi = PP_ANALYSER_ABI,
						 .name = "order",
						 .create = create,
						 .thread = thread_of,
						 .packets = see_order,
						 .destroy = destroy};
static const struct pp_analyser_ops stuck_ops = {.abi = PP_ANALYSER_ABI,
						 .name = "stuck",
						 .create = create,
						 .thread = thread_of,
						 .packets = stand_still,
						 .destroy = destroy};

static struct pp_analysis *analysis[ANALYSES];
static struct pp_rows rows = {.total = 2, .count = {2}};

static bool open_all(void)
{
	static const struct pp_analyser_option few[] = {{"entries", "256"}};
	static const struct pp_iface_config iface = {.name = "eth0"};
	static const uint8_t frame_kind[PP_IFACES_MAX];
	static const struct pp_rule_page page;
	static struct pp_rule_table table;
	static struct pp_rule_table *rules = &table;
	static struct pp_consumer_config config[ANALYSES] = {
		[HISTOGRAM] = {.name = "histogram", .kind = PP_CONSUMER_HISTOGRAM},
		[TALKS] = {.name = "talks",
			   .kind = PP_CONSUMER_FLOWS,
			   .option = few,
			   .option_count = 1},
		[ORDER] = {.name = "order", .kind = PP_CONSUMER_PLUGIN, .own.ops = &order_ops},
		[STUCK] = {.name = "stuck", .kind = PP_CONSUMER_PLUGIN, .own.ops = &stuck_ops},
	};
	struct pp_error err;

	for (uint32_t i = 0; i < PP_RULE_PAGES; i++)
		table.page[i] = &page;
	for (int i = 0; i < ANALYSES; i++) {
		struct pp_analysis_params params = {.config = &config[i],
						    .worker_count = WORKERS,
						    .handoff_bytes = i == STUCK ? 65536 : 1 << 20,
						    .rows = &rows,
						    .frame_kind = frame_kind,
						    .iface_count = 1,
						    .iface = &iface,
						    .rules = &rules};

		config[i].threads = THREADS;
		config[i].cpu = -1;
		if (pp_analysis_create(&analysis[i], &params, &err) ||
		    pp_analysis_start(analysis[i], &err))
			return false;
	}
	return true;
}

// What a worker does with copies, but that it waits for all but the one who stands still.
static void *work(void *arg)
{
	uint32_t worker = (uint32_t)(uintptr_t)arg, count[FLOWS] = {0};
	struct pp_lanes lanes[ANALYSES];
	struct {
		struct pp_meta meta;
		uint8_t data[PACKET_BYTES_MAX];
	} copy;
	struct packet packet;

	for (int i = 0; i < ANALYSES; i++)
		lanes[i] = pp_analysis_lanes(analysis[i], worker);
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	memcpy(copy.data, packet.data, packet.len_bytes);
	for (uint32_t n = 0; n < PACKETS; n++) {
		uint32_t flow = n * 7919 % FLOWS;
		uint16_t port = htons((uint16_t)(flow + worker * FLOWS));

		copy.meta = (struct pp_meta){.rule_id = flow + worker * FLOWS,
					     .generation = count[flow]++,
					     .len_bytes = packet.len_bytes,
					     .cap_bytes = packet.len_bytes};
		memcpy(copy.data + packet.l4_at, &port, sizeof(port));
		for (int i = 0; i < ANALYSES; i++) {
			while (!pp_lanes_push_copy(&lanes[i], NULL, &copy.meta, false) &&
			       i != STUCK) {
				pp_lanes_flush(&lanes[i]);
				sched_yield();
			}
			if (n % FLUSH == 0)
				pp_lanes_flush(&lanes[i]);
		}
	}
	for (int i = 0; i < ANALYSES; i++)
		pp_lanes_flush(&lanes[i]);
	return NULL;
}

static struct pp_analyser_top ask(int which, uint8_t by, struct pp_analyser_row *row)
{
	static const struct pp_consumer_config talks = {.kind = PP_CONSUMER_FLOWS},
					       histogram = {.kind = PP_CONSUMER_HISTOGRAM};
	const struct pp_analyser_ops *ops = pp_analysis_ops(which == TALKS ? &talks : &histogram);
	struct pp_analyser_query query = {
		.by = by, .limit = ROWS, .now_ns = pp_clock_ns(CLOCK_MONOTONIC)};
	struct pp_analyser_top top = {.row = row};
	struct pp_error err;

	ops->top(pp_analysis_state(analysis[which]), &query, &top, &err);
	return top;
}

static uint64_t certain(const struct pp_analyser_top *top)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < top->count; i++)
		sum += top->row[i].pkts - top->row[i].error_pkts;
	return sum;
}

// Every row makes sense while it is written: a port that is some flow's, and never too many packets.
static bool ask_while(const bool *running)
{
	struct pp_analyser_row *row = calloc(ROWS, sizeof(*row));
	bool good = true;

	while (__atomic_load_n(running, __ATOMIC_ACQUIRE)) {
		struct pp_analyser_top flows = ask(TALKS, PP_BY_FLOW, row);

		for (uint32_t i = 0; i < flows.count; i++)
			good &= flows.row[i].key.sport < WORKERS * FLOWS &&
				flows.row[i].pkts - flows.row[i].error_pkts <= PACKETS / FLOWS + 1;
		ask(HISTOGRAM, PP_BY_PORT, row);
		good &= certain(&(struct pp_analyser_top){.row = row, .count = 1}) <=
			WORKERS * PACKETS;
	}
	free(row);
	return good;
}

static bool running = true; // atomic

static void *reader(void *arg)
{
	(void)arg;
	return (void *)(uintptr_t)ask_while(&running);
}

static bool all_handed_over(int which)
{
	struct pp_analyser_info info;

	pp_analysis_info(analysis[which], -1, &info);
	return info.copied_analysed == info.copied &&
	       (which == STUCK ? info.copied + info.copied_lost : info.copied) == WORKERS * PACKETS;
}

int main(void)
{
	struct pp_analyser_row *row = calloc(ROWS, sizeof(*row));
	pthread_t worker[WORKERS], asker;
	struct pp_analyser_info stuck;
	struct pp_analyser_top top;
	void *good;

	tap_plan(5);
	hold = true;
	if (!open_all() || pthread_create(&asker, NULL, reader, NULL))
		return 1;
	for (uint32_t i = 0; i < WORKERS; i++)
		pthread_create(&worker[i], NULL, work, (void *)(uintptr_t)i);
	for (uint32_t i = 0; i < WORKERS; i++)
		pthread_join(worker[i], NULL);
	pp_analysis_info(analysis[STUCK], -1, &stuck);
	__atomic_store_n(&hold, false, __ATOMIC_RELEASE);
	for (int i = 0; i < ANALYSES; i++)
		pp_analysis_stop(analysis[i], UINT64_MAX);
	__atomic_store_n(&running, false, __ATOMIC_RELEASE);
	pthread_join(asker, &good);
	tap_result(good != NULL, "analysis: rows that are read while they are written make sense");
	tap_result(all_handed_over(HISTOGRAM) && all_handed_over(TALKS) && all_handed_over(ORDER) &&
			   all_handed_over(STUCK) && stuck.copied_lost > 0,
		   "analysis: only who stands still loses packets, and they are counted");
	tap_result(!order.bad, "analysis: each flow in order on one thread");
	top = ask(TALKS, PP_BY_FLOW, row);
	tap_result(top.total.pkts == WORKERS * PACKETS && top.error_pkts <= top.other.pkts / 1000,
		   "analysis: flows are complete, within the bound where the table is full");
	top = ask(HISTOGRAM, PP_BY_PROTOCOL, row);
	tap_result(top.count == 1 && top.row[0].pkts <= WORKERS * PACKETS && top.other.pkts == 0,
		   "analysis: the histogram has one protocol");
	for (int i = 0; i < ANALYSES; i++)
		pp_analysis_destroy(analysis[i]);
	free(row);
	return tap_end();
}
