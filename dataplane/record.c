// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <push-packet/clock.h>
#include <push-packet/pcapng.h>

#include "cache_line.h"
#include "counter.h"
#include "record_folder.h"
#include "record_options.h"
#include "record_queue.h"
#include "record_writer.h"

#define LABELS 64 // remembered, by rule id
// The clocks' difference is kept until it moves by more: small steps back would put packets out of
// order.
#define CLOCK_STEP_NS 2000

// What a block says of the rule.
struct label {
	uint32_t rule_id;
	uint32_t generation;
	int verdict; // of a copied packet
	uint32_t bytes; // of text; 0: this label is empty
	char text[PP_NAME_BYTES + 32];
};

// The writer reads source; the rest is the analysis thread's.
struct thread {
	struct pp_record_source *source;
	const struct pp_analyser_env *env;
	uint64_t flush_ns;
	uint32_t snap_bytes;
	uint32_t index;
	int64_t realtime_less_monotonic_ns;
	uint64_t untold[PP_IFACES_MAX]; // lost packets that no block has told of
	struct label label[LABELS];
};

struct record {
	struct pp_record_options options;
	char *directory;
	struct pp_record_writer *writer;
	uint32_t thread_count;
	struct pp_record_source *source; // by thread
	struct thread *thread;
};

static int
check(const struct pp_analyser_option option[], uint32_t count, uint32_t *at, struct pp_error *err)
{
	struct pp_record_options options;

	return pp_record_options_read(&options, option, count, at, err);
}

// Who is not root may check a configuration for root, who can write where others cannot.
static int
probe(const struct pp_analyser_option option[], uint32_t count, uint32_t *at, struct pp_error *err)
{
	struct pp_record_options options;
	int ret = pp_record_options_read(&options, option, count, at, err);

	if (ret < 0)
		return ret;
	ret = pp_record_folder_check(options.directory, err);
	if (ret == -EACCES && geteuid() != 0)
		ret = 0;
	for (*at = 0; strcmp(option[*at].key, "directory") != 0;)
		++*at;
	return ret;
}

// The clocks are read one after another: the pair that was read fastest is the best.
static int64_t clock_difference(void)
{
	uint64_t best = UINT64_MAX;
	int64_t difference = 0;

	for (int i = 0; i < 4; i++) {
		uint64_t before = pp_clock_ns(CLOCK_MONOTONIC);
		uint64_t real = pp_clock_ns(CLOCK_REALTIME);
		uint64_t took = pp_clock_ns(CLOCK_MONOTONIC) - before;

		if (took < best) {
			best = took;
			difference = (int64_t)(real - before - took / 2);
		}
	}
	return difference;
}

static void set_clock(struct thread *thread)
{
	int64_t difference = clock_difference();

	if (llabs(difference - thread->realtime_less_monotonic_ns) > CLOCK_STEP_NS)
		thread->realtime_less_monotonic_ns = difference;
}

static int
create_threads(struct record *record, const struct pp_analyser_env *env, struct pp_error *err)
{
	uint64_t chunks = record->options.buffer_bytes / env->thread_count / PP_RECORD_CHUNK_BYTES;
	int bad = pp_record_options_check_threads(&record->options, env->thread_count, err);

	if (bad < 0)
		return bad;
	for (uint32_t i = 0; i < env->thread_count; i++) {
		struct thread *thread = &record->thread[i];
		int ret = pp_record_queue_create(&record->source[i].queue, PP_RECORD_CHUNK_BYTES,
						 (uint32_t)chunks);

		if (ret < 0)
			return pp_error_set(err, ret, 0, 0, "no memory for a capture's buffer");
		thread->source = &record->source[i];
		thread->env = env;
		thread->index = i;
		thread->flush_ns = record->options.flush_ns;
		thread->snap_bytes = (uint32_t)record->options.snap_bytes;
		set_clock(thread);
	}
	return 0;
}

static int
create_writer(struct record *record, const struct pp_analyser_env *env, struct pp_error *err)
{
	const struct pp_record_writer_params params = {
		.name = env->name,
		.options = &record->options,
		.comment = env->timestamps
				   ? "Time: CLOCK_REALTIME, from the CLOCK_MONOTONIC at which the "
				     "XDP program saw the packet."
				   : "Time: CLOCK_REALTIME at which the packet was taken for "
				     "analysis (timestamps: off).",
		.iface_count = env->iface_count,
		.iface = env->iface,
		.source_count = record->thread_count,
		.source = record->source,
	};
	int ret = pp_record_writer_create(&record->writer, &params, err);

	return ret ?: pp_record_writer_start(record->writer, err);
}

static void destroy(void *state)
{
	struct record *record = state;

	pp_record_writer_destroy(record->writer);
	for (uint32_t i = 0; record->source != NULL && i < record->thread_count; i++)
		pp_record_queue_destroy(record->source[i].queue);
	free(record->thread);
	free(record->source);
	free(record->directory);
	free(record);
}

static int allocate(struct record *record, uint32_t threads)
{
	record->directory = strdup(record->options.directory);
	record->options.directory = record->directory;
	record->source =
		aligned_alloc(PP_CACHE_LINE, pp_cache_lines(threads * sizeof(*record->source)));
	record->thread = calloc(threads, sizeof(*record->thread));
	if (record->directory == NULL || record->source == NULL || record->thread == NULL)
		return -ENOMEM;
	memset(record->source, 0, threads * sizeof(*record->source));
	record->thread_count = threads;
	return 0;
}

static int create(void **state, const struct pp_analyser_env *env, struct pp_error *err)
{
	struct record *record = calloc(1, sizeof(*record));
	uint32_t at;
	int ret;

	if (record == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "no memory for a capture");
	ret = pp_record_options_read(&record->options, env->option, env->option_count, &at, err);
	ret = ret ?: pp_record_folder_check(record->options.directory, err);
	if (ret == 0 && allocate(record, env->thread_count) < 0)
		ret = pp_error_set(err, -ENOMEM, 0, 0, "no memory for a capture");
	ret = ret ?: create_threads(record, env, err);
	ret = ret ?: create_writer(record, env, err);
	if (ret < 0) {
		destroy(record);
		return ret;
	}
	*state = record;
	return 0;
}

static void *thread_of(void *state, uint32_t index)
{
	struct record *record = state;

	return &record->thread[index];
}

// What calls through env is a function of its own: scripts/check-datapath.sh looks at rule_of() and
// lost_of() by themselves.
//
// A rule that is known is remembered; one that is not yet, or not any more, is asked for again.
static __attribute__((noinline)) void
fill_label(struct label *label, const struct thread *thread, const struct pp_meta *meta)
{
	struct pp_analyser_rule rule;
	bool known = thread->env->rule(thread->env, meta, &rule);
	int bytes;

	label->rule_id = meta->rule_id;
	label->generation = meta->generation;
	label->verdict = known ? pp_pcapng_verdict(rule.verdict) : PP_PCAPNG_NO_VERDICT;
	if (meta->rule_id == 0)
		bytes = snprintf(label->text, sizeof(label->text), "default action");
	else if (!known)
		bytes = snprintf(label->text, sizeof(label->text), "rule %u (gone)", meta->rule_id);
	else
		bytes = snprintf(label->text, sizeof(label->text), "rule %u%s%s", meta->rule_id,
				 rule.name[0] != '\0' ? " " : "", rule.name);
	label->bytes = known ? (uint32_t)bytes : 0;
}

static const struct label *find_label(struct thread *thread, const struct pp_meta *meta)
{
	struct label *label = &thread->label[meta->rule_id % LABELS];

	if (label->bytes == 0 || label->rule_id != meta->rule_id ||
	    label->generation != meta->generation)
		fill_label(label, thread, meta);
	return label;
}

static void record_packet(struct thread *thread, const struct pp_packet_view *view, uint64_t now_ns)
{
	struct pp_record_source *source = thread->source;
	uint32_t iface = view->meta->iface % PP_IFACES_MAX;
	const struct label *label = find_label(thread, view->meta);
	const struct pp_pcapng_packet packet = {
		.iface = iface,
		.time_ns = view->time_ns + (uint64_t)thread->realtime_less_monotonic_ns,
		.data = view->data,
		.cap_bytes =
			view->cap_bytes < thread->snap_bytes ? view->cap_bytes : thread->snap_bytes,
		.len_bytes = view->len_bytes,
		.queue = view->meta->queue,
		.verdict = view->routed ? pp_pcapng_verdict(PP_VERDICT_ROUTE) : label->verdict,
		.drops = thread->untold[iface],
		.comment = label->text,
		.comment_bytes = strlen(label->text),
	};
	size_t room = PP_PCAPNG_PACKET_ROOM(packet.cap_bytes);
	uint8_t *out = pp_record_queue_room(source->queue, room, now_ns);

	if (out == NULL) {
		pp_counter_add(&source->lost[iface], 1);
		thread->untold[iface]++;
		return;
	}
	pp_record_queue_stored(source->queue, pp_pcapng_packet(out, room, &packet));
	thread->untold[iface] = 0;
}

// Ask what was lost on the way here since it was last asked.
static __attribute__((noinline)) void count_lost_before(struct thread *thread)
{
	for (uint32_t i = 0; i < thread->env->iface_count; i++) {
		uint64_t lost = thread->env->lost(thread->env, thread->index, i);
		uint64_t *told = &thread->source->lost_before[i];

		thread->untold[i] += lost - *told;
		__atomic_store_n(told, lost, __ATOMIC_RELAXED);
	}
}

static void
record_packets(void *state, const struct pp_packet_view view[], uint32_t n, uint64_t now_ns)
{
	count_lost_before(state);
	for (uint32_t i = 0; i < n; i++)
		record_packet(state, &view[i], now_ns);
}

static void record_tick(void *state, uint64_t now_ns)
{
	struct thread *thread = state;
	uint64_t since_ns = pp_record_queue_since(thread->source->queue);

	set_clock(thread);
	count_lost_before(thread);
	if (since_ns != UINT64_MAX && now_ns - since_ns >= thread->flush_ns)
		pp_record_queue_flush(thread->source->queue);
}

static uint32_t numbers(void *state, struct pp_analyser_number number[], uint32_t max)
{
	const struct record *record = state;
	struct pp_record_stats stats;
	uint64_t lost = 0;

	pp_record_writer_stats(record->writer, &stats);
	for (uint32_t i = 0; i < record->thread_count; i++)
		for (uint32_t iface = 0; iface < PP_IFACES_MAX; iface++)
			lost += __atomic_load_n(&record->source[i].lost[iface], __ATOMIC_RELAXED);
	const struct pp_analyser_number all[] = {
		{"written", stats.pkts},	{"lost", lost},
		{"unwritten", stats.unwritten}, {"bytes_written", stats.bytes},
		{"files", stats.files},		{"files_deleted", stats.deleted},
		{"write_errors", stats.errors}, {"write_failing", stats.failing},
	};

	if (max > sizeof(all) / sizeof(all[0]))
		max = sizeof(all) / sizeof(all[0]);
	memcpy(number, all, max * sizeof(all[0]));
	return max;
}

static bool news(void *state, char text[PP_ANALYSER_NEWS_BYTES])
{
	const struct record *record = state;

	return pp_record_writer_news(record->writer, text);
}

static void finish(void *state)
{
	struct record *record = state;

	for (uint32_t i = 0; i < record->thread_count; i++)
		pp_record_queue_flush(record->source[i].queue);
	pp_record_writer_stop(record->writer);
}

const struct pp_analyser_ops pp_record_ops = {
	.abi = PP_ANALYSER_ABI,
	.flags = PP_ANALYSER_ON_WORKER,
	.name = "capture",
	.check = check,
	.probe = probe,
	.create = create,
	.thread = thread_of,
	.packets = record_packets,
	.tick = record_tick,
	.numbers = numbers,
	.news = news,
	.finish = finish,
	.destroy = destroy,
};
