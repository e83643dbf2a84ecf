// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `flows`: records of flows, both directions together (flow_table.h), and for flows that
// found no room for a record a sketch that knows the heaviest of them (sketch.h). Readers see a copy
// of the sketch that is made at each tick.
#include "analysers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyser_options.h"
#include "cache_line.h"
#include "counter.h"
#include "flow_table.h"
#include "parse.h"
#include "sketch.h"
#include "tcp_flags.h"
#include "top_best.h"
#include "top_rows.h"
#include "window.h"

#define SECOND_NS 1000000000ull
#define ROW_WORDS (sizeof(struct pp_sketch_row) / sizeof(uint64_t))

struct options {
	uint64_t window_ns;
	uint64_t idle_ns;
	uint32_t entries;
};

// Of the sketch, as it was at a tick. seq is odd while it is written.
struct snapshot {
	uint64_t seq;
	uint64_t count;
	uint64_t pkts;
	uint64_t word[PP_SKETCH_KEYS][ROW_WORDS];
};

struct flows_thread {
	const struct pp_analyser_env *env;
	struct pp_flow_table *table;
	struct pp_sketch *sketch;
	struct snapshot *snapshot;
	struct pp_analyser_sum total; // ever
	struct pp_analyser_sum other; // of total: without a record
} __attribute__((aligned(PP_CACHE_LINE)));

struct flows {
	struct options options;
	uint32_t count;
	struct flows_thread *thread;
};

static int read_window(const char *value, void *out, struct pp_error *err)
{
	return pp_options_duration(value, SECOND_NS, 3600 * SECOND_NS,
				   &((struct options *)out)->window_ns, err);
}

static int read_idle(const char *value, void *out, struct pp_error *err)
{
	return pp_options_duration(value, SECOND_NS, 86400 * SECOND_NS,
				   &((struct options *)out)->idle_ns, err);
}

static int read_entries(const char *value, void *out, struct pp_error *err)
{
	return pp_options_slots(value, 64, 1u << 24, &((struct options *)out)->entries, err);
}

static int read_options(struct options *out,
			const struct pp_analyser_option option[],
			uint32_t count,
			uint32_t *at,
			struct pp_error *err)
{
	static const struct pp_option_reader readers[] = {
		{"window", read_window}, {"idle", read_idle}, {"entries", read_entries}, {0}};

	*out = (struct options){
		.window_ns = 10 * SECOND_NS, .idle_ns = 60 * SECOND_NS, .entries = 65536};
	return pp_options_read(readers, "flows", option, count, out, at, err);
}

static int
check(const struct pp_analyser_option option[], uint32_t count, uint32_t *at, struct pp_error *err)
{
	struct options options;

	return read_options(&options, option, count, at, err);
}

static void destroy(void *state)
{
	struct flows *flows = state;

	for (uint32_t i = 0; flows->thread != NULL && i < flows->count; i++) {
		pp_flow_table_destroy(flows->thread[i].table);
		pp_sketch_destroy(flows->thread[i].sketch);
		free(flows->thread[i].snapshot);
	}
	free(flows->thread);
	free(flows);
}

static int create_thread(const struct flows *flows,
			 const struct pp_analyser_env *env,
			 struct flows_thread *thread)
{
	const struct options *options = &flows->options;
	int ret = pp_flow_table_create(&thread->table, options->entries, options->idle_ns,
				       options->window_ns);

	ret = ret ?: pp_sketch_create(&thread->sketch);
	thread->env = env;
	thread->snapshot = calloc(1, sizeof(*thread->snapshot));
	return ret ?: thread->snapshot == NULL ? -ENOMEM : 0;
}

static int create_threads(struct flows *flows, const struct pp_analyser_env *env)
{
	size_t bytes = env->thread_count * sizeof(*flows->thread);
	int ret = 0;

	flows->count = env->thread_count;
	flows->thread = aligned_alloc(PP_CACHE_LINE, bytes);
	if (flows->thread == NULL)
		return -ENOMEM;
	memset(flows->thread, 0, bytes);
	for (uint32_t i = 0; ret == 0 && i < flows->count; i++)
		ret = create_thread(flows, env, &flows->thread[i]);
	return ret;
}

static int create(void **state, const struct pp_analyser_env *env, struct pp_error *err)
{
	struct flows *flows = calloc(1, sizeof(*flows));
	uint32_t at;
	int ret;

	if (flows == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = read_options(&flows->options, env->option, env->option_count, &at, err);
	if (ret == 0) {
		ret = create_threads(flows, env);
		if (ret < 0)
			pp_error_set(err, ret, 0, 0, "no memory for flows");
	}
	if (ret < 0)
		destroy(flows);
	else
		*state = flows;
	return ret;
}

static void *thread(void *state, uint32_t index)
{
	return &((struct flows *)state)->thread[index];
}

static void count_in_sketch(struct flows_thread *thread, const struct pp_flow_packet *packet)
{
	struct pp_sketch_row *row = pp_sketch_add(thread->sketch, packet->key, packet->time_ns);

	if (row->pkts == row->error_pkts + 1)
		row->turned = packet->second;
	row->way[packet->second].pkts++;
	row->way[packet->second].bytes += packet->len_bytes;
	row->way[packet->second].tcp_flags |= packet->tcp_flags;
	row->size_pkts[pp_size_bucket(packet->len_bytes)]++;
	pp_counter_add(&thread->other.pkts, 1);
	pp_counter_add(&thread->other.bytes, packet->len_bytes);
}

static void count(struct flows_thread *thread, const struct pp_packet_view *view, uint64_t now_ns)
{
	const struct pp_analyser_env *env = thread->env;
	uint32_t kind = env->iface[view->meta->iface % PP_IFACES_MAX].frame_kind;
	struct pp_flow_packet packet = {
		.len_bytes = view->len_bytes, .time_ns = view->time_ns, .now_ns = now_ns};
	struct pp_analyser_key flow;
	struct pp_key key = {0};

	pp_parse_captured(kind, view->meta->iface, view->data, view->cap_bytes, view->len_bytes,
			  &key);
	packet.key = &flow;
	packet.second = pp_top_key_flow(&key, &flow);
	if (flow.proto == IPPROTO_TCP && (key.word >> PP_KEY_FLAGS_SHIFT & PP_KEY_PORTS))
		packet.tcp_flags = pp_tcp_flags(kind, view->data, view->cap_bytes);
	if (!pp_flow_table_count(thread->table, &packet))
		count_in_sketch(thread, &packet);
	pp_counter_add(&thread->total.pkts, 1);
	pp_counter_add(&thread->total.bytes, view->len_bytes);
}

static void
flows_packets(void *state, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	for (uint32_t i = 0; i < n; i++)
		count(state, &view[i], now_ns);
}

// release: who reads a part of what is new sees that seq moved
static void flows_tick(void *state, uint64_t now_ns)
{
	struct flows_thread *thread = state;
	struct snapshot *snapshot = thread->snapshot;
	const struct pp_sketch_row *row;
	uint64_t seq = snapshot->seq, word[ROW_WORDS];
	uint32_t count;

	(void)now_ns;
	if (pp_sketch_pkts(thread->sketch) == snapshot->pkts)
		return;
	count = pp_sketch_rows(thread->sketch, &row);
	__atomic_store_n(&snapshot->seq, seq + 1, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(word, &row[i], sizeof(word));
		for (size_t j = 0; j < ROW_WORDS; j++)
			__atomic_store_n(&snapshot->word[i][j], word[j], __ATOMIC_RELEASE);
	}
	__atomic_store_n(&snapshot->count, count, __ATOMIC_RELEASE);
	__atomic_store_n(&snapshot->pkts, pp_sketch_pkts(thread->sketch), __ATOMIC_RELEASE);
	__atomic_store_n(&snapshot->seq, seq + 2, __ATOMIC_RELEASE);
}

// @return  Whether it stayed the same meanwhile.
static bool read_snapshot(const struct snapshot *from, struct snapshot *out)
{
	uint64_t seq = __atomic_load_n(&from->seq, __ATOMIC_ACQUIRE);

	out->count = __atomic_load_n(&from->count, __ATOMIC_ACQUIRE);
	out->pkts = __atomic_load_n(&from->pkts, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < out->count; i++)
		for (size_t j = 0; j < ROW_WORDS; j++)
			out->word[i][j] = __atomic_load_n(&from->word[i][j], __ATOMIC_ACQUIRE);
	return seq % 2 == 0 && __atomic_load_n(&from->seq, __ATOMIC_RELAXED) == seq;
}

static void add_sketched(struct pp_top_rows *rows, const uint64_t word[ROW_WORDS])
{
	struct pp_analyser_row row = {0};
	struct pp_sketch_row from;

	memcpy(&from, word, sizeof(from));
	row.key = from.key;
	row.pkts = from.pkts;
	row.error_pkts = from.error_pkts;
	row.first_ns = from.first_ns;
	row.last_ns = from.last_ns;
	row.turned = from.turned != 0;
	memcpy(row.size_pkts, from.size_pkts, sizeof(row.size_pkts));
	for (int i = 0; i < 2; i++) {
		row.way[i] = (struct pp_analyser_way){from.way[i].pkts, from.way[i].bytes,
						      (uint8_t)from.way[i].tcp_flags};
		row.bytes += from.way[i].bytes;
	}
	pp_top_rows_add(rows, &row);
}

// A flow that has no row at all had so many packets at most; a thread's sketch is its own.
static uint64_t bound_of(uint64_t pkts)
{
	return pkts / PP_SKETCH_KEYS;
}

static int gather(const struct flows *flows, struct pp_top_rows *rows, struct pp_analyser_top *out)
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot));

	if (snapshot == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < flows->count; i++) {
		const struct flows_thread *thread = &flows->thread[i];

		while (!read_snapshot(thread->snapshot, snapshot))
			;
		for (uint32_t j = 0; j < snapshot->count; j++)
			add_sketched(rows, snapshot->word[j]);
		if (snapshot->count == PP_SKETCH_KEYS)
			out->error_pkts += bound_of(snapshot->pkts);
		out->other.pkts += snapshot->pkts;
		out->other.bytes += __atomic_load_n(&thread->other.bytes, __ATOMIC_RELAXED);
		out->total.pkts += __atomic_load_n(&thread->total.pkts, __ATOMIC_RELAXED);
		out->total.bytes += __atomic_load_n(&thread->total.bytes, __ATOMIC_RELAXED);
	}
	free(snapshot);
	return 0;
}

// As who sent the first packet sees it.
static void turn(struct pp_analyser_row *row)
{
	struct pp_analyser_way way = row->way[0];

	if (!row->turned)
		return;
	pp_top_key_turn(&row->key);
	row->way[0] = row->way[1];
	row->way[1] = way;
	row->turned = false;
}

// Records as they are seen. Those of one thread are one a flow: only those whose flow is in the sketch
// as well, and all of several threads, must be put together.
struct records {
	struct pp_top_rows rows;
	struct pp_top_best best;
	uint32_t found; // that went to best
	bool alone;
};

static void see_record(void *arg, const struct pp_analyser_row *row)
{
	struct records *records = arg;

	if (!records->alone || pp_top_rows_has(&records->rows, &row->key)) {
		pp_top_rows_add(&records->rows, row);
		return;
	}
	records->found++;
	pp_top_best_offer(&records->best, row);
}

static void list(const struct flows *flows,
		 const struct pp_analyser_query *query,
		 struct records *records,
		 struct pp_analyser_top *out)
{
	for (uint32_t i = 0; i < flows->count; i++)
		pp_flow_table_each(flows->thread[i].table, query->now_ns, see_record, records);
	for (uint32_t i = 0; i < records->rows.count; i++)
		pp_top_best_offer(&records->best, &records->rows.row[i]);
	out->found = records->found + records->rows.count;
	out->count = pp_top_best_finish(&records->best);
	for (uint32_t i = 0; i < out->count; i++)
		turn(&out->row[i]);
}

static int top(void *state,
	       const struct pp_analyser_query *query,
	       struct pp_analyser_top *out,
	       struct pp_error *err)
{
	const struct flows *flows = state;
	struct pp_flow_counters counters = {0};
	struct records records = {.alone = flows->count == 1};
	uint32_t room = flows->count * (PP_SKETCH_KEYS + 256);
	int ret;

	if (query->by != PP_BY_FLOW)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0, "flows are listed by flow only");
	for (uint32_t i = 0; i < flows->count; i++)
		pp_flow_table_counters(flows->thread[i].table, &counters);
	ret = pp_top_rows_init(&records.rows,
			       records.alone ? room : room + (uint32_t)counters.records);
	ret = ret ?: gather(flows, &records.rows, out);
	if (ret == 0) {
		out->window_ns = flows->options.window_ns;
		pp_top_best_init(&records.best, query, out);
		list(flows, query, &records, out);
	}
	pp_top_rows_fini(&records.rows);
	return ret < 0 ? pp_error_set(err, ret, 0, 0, "out of memory") : 0;
}

static uint32_t numbers(void *state, struct pp_analyser_number number[], uint32_t max)
{
	struct pp_flow_counters counters = {0};
	const struct flows *flows = state;
	uint64_t without = 0;

	for (uint32_t i = 0; i < flows->count; i++) {
		pp_flow_table_counters(flows->thread[i].table, &counters);
		without += __atomic_load_n(&flows->thread[i].other.pkts, __ATOMIC_RELAXED);
	}
	if (max < 4)
		return 0;
	number[0] = (struct pp_analyser_number){"records", counters.records};
	number[1] = (struct pp_analyser_number){"records_begun", counters.begun};
	number[2] = (struct pp_analyser_number){"records_evicted", counters.evicted};
	number[3] = (struct pp_analyser_number){"packets_without_record", without};
	return 4;
}

const struct pp_analyser_ops pp_flows_ops = {
	.abi = PP_ANALYSER_ABI,
	.flags = PP_ANALYSER_ON_WORKER,
	.name = "flows",
	.check = check,
	.create = create,
	.thread = thread,
	.packets = flows_packets,
	.tick = flows_tick,
	.top = top,
	.numbers = numbers,
	.destroy = destroy,
};
