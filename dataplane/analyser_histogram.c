// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `histogram`: packets, bytes, rate and packet sizes of the last some seconds, per source,
// destination, port, protocol and rule: a table (top_table.h) for each of these and each thread.
#include "analysers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <push-packet/clock.h>
#include <push-packet/plane.h>

#include "analyser_options.h"
#include "cache_line.h"
#include "parse.h"
#include "top_key.h"
#include "top_select.h"
#include "top_table.h"

#define SECOND_NS 1000000000ull
#define KINDS PP_BY_FLOW // what it can count by: up to PP_BY_RULE

struct options {
	uint64_t window_ns;
	uint32_t entries;
	uint32_t by; // bits
};

struct histogram_thread {
	const struct pp_analyser_env *env;
	uint64_t window_ns;
	struct pp_window total;
	struct pp_top_table *table[KINDS]; // NULL: not wanted
} __attribute__((aligned(PP_CACHE_LINE)));

struct histogram {
	struct options options;
	uint64_t since_ns;
	uint32_t count;
	struct histogram_thread *thread;
};

static const char *const by_names[KINDS] = {"source", "destination", "port", "protocol", "rule"};

static int read_window(const char *value, void *out, struct pp_error *err)
{
	return pp_options_duration(value, SECOND_NS, 3600 * SECOND_NS,
				   &((struct options *)out)->window_ns, err);
}

static int read_entries(const char *value, void *out, struct pp_error *err)
{
	return pp_options_slots(value, 64, 1u << 20, &((struct options *)out)->entries, err);
}

static int read_by(const char *value, void *out, struct pp_error *err)
{
	struct options *options = out;

	options->by = 0;
	for (const char *word = value; *word != '\0';) {
		size_t len = strcspn(word, " ");
		uint32_t by = 0;

		while (by < KINDS &&
		       (strncmp(by_names[by], word, len) != 0 || by_names[by][len] != '\0'))
			by++;
		if (by == KINDS)
			return pp_error_set(err, -EINVAL, 0, 0,
					    "'%.*s' is none of source, destination, port, "
					    "protocol, rule",
					    (int)(len < 40 ? len : 40), word);
		options->by |= 1u << by;
		word += len + strspn(word + len, " ");
	}
	if (options->by == 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "expected some of source, destination, port, protocol, rule");
	return 0;
}

static int read_options(struct options *out,
			const struct pp_analyser_option option[],
			uint32_t count,
			uint32_t *at,
			struct pp_error *err)
{
	static const struct pp_option_reader readers[] = {
		{"window", read_window}, {"entries", read_entries}, {"by", read_by}, {0}};

	*out = (struct options){
		.window_ns = 10 * SECOND_NS, .entries = 65536, .by = (1u << KINDS) - 1};
	return pp_options_read(readers, "histogram", option, count, out, at, err);
}

static int
check(const struct pp_analyser_option option[], uint32_t count, uint32_t *at, struct pp_error *err)
{
	struct options options;

	return read_options(&options, option, count, at, err);
}

static void destroy(void *state)
{
	struct histogram *histogram = state;

	for (uint32_t i = 0; histogram->thread != NULL && i < histogram->count; i++)
		for (uint32_t by = 0; by < KINDS; by++)
			pp_top_table_destroy(histogram->thread[i].table[by]);
	free(histogram->thread);
	free(histogram);
}

static int create_threads(struct histogram *histogram, const struct pp_analyser_env *env)
{
	size_t bytes = env->thread_count * sizeof(*histogram->thread);
	int ret = 0;

	histogram->count = env->thread_count;
	histogram->thread = aligned_alloc(PP_CACHE_LINE, bytes);
	if (histogram->thread == NULL)
		return -ENOMEM;
	memset(histogram->thread, 0, bytes);
	for (uint32_t i = 0; i < histogram->count; i++) {
		struct histogram_thread *thread = &histogram->thread[i];

		thread->env = env;
		thread->window_ns = histogram->options.window_ns;
		for (uint32_t by = 0; ret == 0 && by < KINDS; by++)
			if (histogram->options.by & 1u << by)
				ret = pp_top_table_create(&thread->table[by],
							  histogram->options.entries,
							  thread->window_ns);
	}
	return ret;
}

static int create(void **state, const struct pp_analyser_env *env, struct pp_error *err)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));
	uint32_t at;
	int ret;

	if (histogram == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	histogram->since_ns = pp_clock_ns(CLOCK_MONOTONIC);
	ret = read_options(&histogram->options, env->option, env->option_count, &at, err);
	if (ret == 0) {
		ret = create_threads(histogram, env);
		if (ret < 0)
			pp_error_set(err, ret, 0, 0, "no memory for a histogram");
	}
	if (ret < 0)
		destroy(histogram);
	else
		*state = histogram;
	return ret;
}

static void *thread(void *state, uint32_t index)
{
	return &((struct histogram *)state)->thread[index];
}

static void count(struct histogram_thread *thread, const struct pp_packet_view *view, uint64_t now)
{
	const struct pp_analyser_env *env = thread->env;
	struct pp_analyser_key row[KINDS];
	struct pp_key key = {0};

	pp_parse_captured(env->iface[view->meta->iface % PP_IFACES_MAX].frame_kind,
			  view->meta->iface, view->data, view->cap_bytes, view->len_bytes, &key);
	pp_top_key_source(&key, &row[PP_BY_SOURCE]);
	pp_top_key_destination(&key, &row[PP_BY_DESTINATION]);
	pp_top_key_port(&key, &row[PP_BY_PORT]);
	pp_top_key_protocol(&key, &row[PP_BY_PROTOCOL]);
	pp_top_key_rule(view->meta, &row[PP_BY_RULE]);
	for (uint32_t by = 0; by < KINDS; by++)
		if (thread->table[by] != NULL)
			pp_top_table_count(thread->table[by], &row[by], view->len_bytes,
					   view->time_ns, now);
	pp_window_add(&thread->total, pp_window_epoch(now, thread->window_ns), view->len_bytes);
}

static void
histogram_packets(void *state, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	struct histogram_thread *thread = state;

	for (uint32_t i = 0; i < n; i++)
		count(thread, &view[i], now_ns);
}

// What a query is about: whole bins, and the one under way.
static struct pp_top_span span_of(const struct histogram *histogram,
				  const struct pp_analyser_query *query)
{
	uint64_t window = histogram->options.window_ns, bin = window / PP_WINDOW_BINS;
	uint64_t bins = query->window_ns == 0 ? PP_WINDOW_BINS : (query->window_ns + bin - 1) / bin;
	struct pp_top_span span = {.now = pp_window_epoch(query->now_ns, window)};

	if (bins > PP_WINDOW_BINS)
		bins = PP_WINDOW_BINS;
	span.first = span.now > bins ? span.now - bins : 1;
	span.ns = bins * bin + query->now_ns % bin;
	if (span.ns > query->now_ns - histogram->since_ns)
		span.ns = query->now_ns - histogram->since_ns + 1;
	return span;
}

static void add_total(const struct histogram *histogram,
		      const struct pp_top_span *span,
		      uint8_t by,
		      struct pp_analyser_top *out)
{
	struct pp_window_sum total = {0}, other = {0};

	for (uint32_t i = 0; i < histogram->count; i++) {
		pp_window_sum(&histogram->thread[i].total, span->first, span->now, &total);
		pp_top_table_other(histogram->thread[i].table[by], span->first, span->now, &other);
	}
	out->window_ns = span->ns;
	out->total = (struct pp_analyser_sum){total.pkts, total.bytes};
	out->other = (struct pp_analyser_sum){other.pkts, other.bytes};
	out->error_pkts = other.pkts;
}

static int top(void *state,
	       const struct pp_analyser_query *query,
	       struct pp_analyser_top *out,
	       struct pp_error *err)
{
	struct histogram *histogram = state;
	struct pp_top_span span = span_of(histogram, query);
	const struct pp_top_table *table[PP_WORKERS_MAX];

	if (query->by >= KINDS || !(histogram->options.by & 1u << query->by))
		return pp_error_set(err, -EOPNOTSUPP, 0, 0,
				    "this histogram does not count by that: see its key 'by'");
	for (uint32_t i = 0; i < histogram->count; i++)
		table[i] = histogram->thread[i].table[query->by];
	if (pp_top_select(table, histogram->count, &span, query, out) < 0)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	add_total(histogram, &span, query->by, out);
	return 0;
}

const struct pp_analyser_ops pp_histogram_ops = {
	.abi = PP_ANALYSER_ABI,
	.flags = PP_ANALYSER_ON_WORKER,
	.name = "histogram",
	.check = check,
	.create = create,
	.thread = thread,
	.packets = histogram_packets,
	.top = top,
	.destroy = destroy,
};
