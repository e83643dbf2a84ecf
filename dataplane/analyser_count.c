// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `count`: a table (count.h) for each thread.
#include "analysers.h"

#include <errno.h>
#include <stdlib.h>

#include <push-packet/clock.h>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "count.h"
#include "rule_table.h"
#include "top_rows.h"

struct count_thread {
	struct pp_count_table *table;
	struct pp_rule_table *const *rules; // RCU
};

struct count_state {
	uint64_t since_ns;
	uint8_t frame_kind[PP_IFACES_MAX];
	uint32_t count;
	struct count_thread thread[];
};

static void destroy(void *state)
{
	struct count_state *all = state;

	for (uint32_t i = 0; i < all->count; i++)
		pp_count_destroy(all->thread[i].table);
	free(all);
}

static int create(void **out, const struct pp_analyser_env *env, struct pp_error *err)
{
	struct count_state *all =
		calloc(1, sizeof(*all) + env->thread_count * sizeof(all->thread[0]));

	if (all == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	all->count = env->thread_count;
	all->since_ns = pp_clock_ns(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < env->iface_count; i++)
		all->frame_kind[i] = env->iface[i].frame_kind;
	for (uint32_t i = 0; i < all->count; i++) {
		all->thread[i].rules = env->rules;
		if (pp_count_create(&all->thread[i].table, all->frame_kind) < 0) {
			destroy(all);
			return pp_error_set(err, -ENOMEM, 0, 0, "no memory for counting");
		}
	}
	*out = all;
	return 0;
}

static void *thread(void *state, uint32_t index)
{
	return &((struct count_state *)state)->thread[index];
}

static void
count_packets(void *state, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	const struct count_thread *thread = state;
	const struct pp_rule_table *rules = rcu_dereference(*thread->rules);

	(void)now_ns;
	for (uint32_t i = 0; i < n; i++)
		pp_count_packet(thread->table, rules, view[i].meta, view[i].data);
}

// What see_source() adds to.
struct sources {
	struct pp_top_rows rows;
	struct pp_analyser_sum total;
	double seconds;
};

static void see_source(void *arg, const struct pp_source_stats *source)
{
	struct sources *sources = arg;
	struct pp_analyser_row row = {
		.key = {.by = PP_BY_SOURCE, .family = source->family},
		.pkts = source->count.pkts,
		.bytes = source->count.bytes,
		.rate_pps = (double)source->count.pkts / sources->seconds,
		.rate_bps = (double)source->count.bytes * 8 / sources->seconds,
	};

	memcpy(row.key.src, source->addr, sizeof(row.key.src));
	memcpy(row.size_pkts, source->count.size_pkts, sizeof(row.size_pkts));
	sources->total.pkts += row.pkts;
	sources->total.bytes += row.bytes;
	pp_top_rows_add(&sources->rows, &row);
}

// Sources since the start; when each began is not known.
static int top(void *state,
	       const struct pp_analyser_query *query,
	       struct pp_analyser_top *out,
	       struct pp_error *err)
{
	const struct count_state *all = state;
	struct pp_count_stats other = {0};
	struct sources sources = {0};

	if (query->by != PP_BY_SOURCE)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0, "count lists by source only");
	if (pp_top_rows_init(&sources.rows, all->count * PP_COUNT_SOURCES) < 0)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	out->window_ns = query->now_ns - all->since_ns + 1;
	sources.seconds = (double)out->window_ns / 1e9;
	for (uint32_t i = 0; i < all->count; i++) {
		pp_count_each_source(all->thread[i].table, see_source, &sources);
		pp_count_other(all->thread[i].table, &other);
	}
	out->other = (struct pp_analyser_sum){other.pkts, other.bytes};
	out->total = (struct pp_analyser_sum){sources.total.pkts + other.pkts,
					      sources.total.bytes + other.bytes};
	out->error_pkts = other.pkts;
	pp_top_rows_pick(&sources.rows, query, out);
	pp_top_rows_fini(&sources.rows);
	return 0;
}

uint32_t pp_count_tables(void *state)
{
	return ((struct count_state *)state)->count;
}

const struct pp_count_table *pp_count_table_of(void *state, uint32_t thread)
{
	return ((struct count_state *)state)->thread[thread].table;
}

const struct pp_analyser_ops pp_count_ops = {
	.abi = PP_ANALYSER_ABI,
	.flags = PP_ANALYSER_ON_WORKER,
	.name = "count",
	.create = create,
	.thread = thread,
	.packets = count_packets,
	.top = top,
	.destroy = destroy,
};
