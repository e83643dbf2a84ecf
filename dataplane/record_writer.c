// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <push-packet/clock.h>

#include "counter.h"
#include "record_file.h"
#include "record_news.h"
#include "record_pack.h"
#include "record_queue.h"
#include "thread.h"

#define RETRY_NS 100000000
#define SLEEP_MIN_NS 500000
#define SLEEP_MAX_NS 8000000

// Where a packet block says what: type, length, interface.
#define BLOCK_LENGTH_AT 4
#define BLOCK_IFACE_AT 8

struct pp_record_writer {
	struct pp_record_writer_params params;
	struct pp_record_options options;
	struct pp_record_pack *pack;
	struct pp_record_file file;
	struct pp_record_stats stats; // relaxed; written by the thread
	struct pp_record_news news;
	struct pp_record_iface_count count[PP_IFACES_MAX]; // of the open file
	uint64_t lost_before[PP_IFACES_MAX]; // what the files before told
	uint64_t failing_since_ns; // CLOCK_MONOTONIC
	uint64_t stop_ns; // when stop was seen; 0: not yet
	pthread_t thread;
	bool running;
	bool stop;
};

// Blocks that are written in one go.
struct run {
	uint32_t bytes;
	uint64_t pkts;
};

int pp_record_writer_create(struct pp_record_writer **out,
			    const struct pp_record_writer_params *params,
			    struct pp_error *err)
{
	struct pp_record_writer *writer = calloc(1, sizeof(*writer));
	int ret = writer != NULL ? 0 : -ENOMEM;

	if (ret == 0 && params->options->zstd)
		ret = pp_record_pack_create(&writer->pack, PP_RECORD_CHUNK_BYTES);
	if (ret < 0) {
		free(writer);
		return pp_error_set(err, ret, 0, 0, "no memory for a capture");
	}
	writer->params = *params;
	writer->options = *params->options;
	writer->file = (struct pp_record_file){
		.folder = {.path = params->options->directory,
			   .name = params->name,
			   .zstd = params->options->zstd},
		.pack = writer->pack,
		.bytes_max = params->options->file_bytes,
		.snap_bytes = (uint32_t)params->options->snap_bytes,
		.comment = params->comment,
		.iface_count = params->iface_count,
		.iface = params->iface,
		.fd = -1,
	};
	pp_record_news_init(&writer->news);
	*out = writer;
	return 0;
}

void pp_record_writer_destroy(struct pp_record_writer *writer)
{
	if (writer == NULL)
		return;
	pp_record_writer_stop(writer);
	pp_record_pack_destroy(writer->pack);
	free(writer);
}

// Losses since the file before was ended, and what the open one got.
static void count_losses(struct pp_record_writer *writer)
{
	for (uint32_t i = 0; i < writer->params.iface_count; i++) {
		uint64_t lost = 0;

		for (uint32_t j = 0; j < writer->params.source_count; j++) {
			const struct pp_record_source *source = &writer->params.source[j];

			lost += __atomic_load_n(&source->lost[i], __ATOMIC_RELAXED);
			lost += __atomic_load_n(&source->lost_before[i], __ATOMIC_RELAXED);
		}
		writer->count[i].dropped = lost - writer->lost_before[i];
		writer->lost_before[i] = lost;
	}
}

static void end_file(struct pp_record_writer *writer)
{
	uint64_t before = writer->file.bytes;
	int ret;

	if (writer->file.fd < 0)
		return;
	count_losses(writer);
	ret = pp_record_file_end(&writer->file, writer->count, pp_clock_ns(CLOCK_REALTIME));
	memset(writer->count, 0, sizeof(writer->count));
	pp_counter_add(&writer->stats.bytes, writer->file.bytes - before);
	if (ret < 0) {
		pp_counter_add(&writer->stats.errors, 1);
		pp_record_news_add(&writer->news, "%s ends without statistics: %s",
				   writer->file.name, strerror(-ret));
	}
}

static int begin_file(struct pp_record_writer *writer)
{
	uint64_t deleted = 0;
	int ret = 0;

	// Room for the whole of the next file first.
	if (writer->options.budget_bytes > 0)
		ret = pp_record_folder_shrink(
			&writer->file.folder,
			writer->options.budget_bytes - writer->options.file_bytes, &deleted);
	pp_counter_add(&writer->stats.deleted, deleted);
	ret = ret ?: pp_record_file_begin(&writer->file, pp_clock_ns(CLOCK_REALTIME));
	if (ret < 0)
		return ret;
	pp_counter_add(&writer->stats.files, 1);
	pp_counter_add(&writer->stats.bytes, writer->file.bytes);
	return 0;
}

static bool file_is_old(const struct pp_record_writer *writer)
{
	return writer->options.file_ns > 0 && writer->file.fd >= 0 &&
	       pp_clock_ns(CLOCK_REALTIME) - writer->file.begun_ns >= writer->options.file_ns;
}

static bool file_is_complete(const struct pp_record_writer *writer)
{
	return writer->options.file_pkts > 0 && writer->file.pkts >= writer->options.file_pkts;
}

// As many blocks as the open file takes, and which interfaces they are of.
static struct run cut(const struct pp_record_writer *writer,
		      const uint8_t *blocks,
		      uint32_t bytes,
		      uint64_t pkts[PP_IFACES_MAX])
{
	uint64_t most = writer->options.file_pkts;
	uint64_t room = pp_record_file_room(&writer->file);
	struct run run = {0};

	most = most > 0 ? most - writer->file.pkts : UINT64_MAX;
	memset(pkts, 0, PP_IFACES_MAX * sizeof(pkts[0]));
	while (run.bytes < bytes && run.pkts < most) {
		uint32_t length, iface;

		memcpy(&length, blocks + run.bytes + BLOCK_LENGTH_AT, sizeof(length));
		memcpy(&iface, blocks + run.bytes + BLOCK_IFACE_AT, sizeof(iface));
		if (run.bytes + length > room && writer->file.pkts + run.pkts > 0)
			break;
		run.bytes += length;
		run.pkts++;
		pkts[iface % PP_IFACES_MAX]++;
	}
	return run;
}

// @return  Bytes that are written now; 0: the file is full; -errno.
static int64_t write_run(struct pp_record_writer *writer, const uint8_t *blocks, uint32_t bytes)
{
	uint64_t pkts[PP_IFACES_MAX];
	uint64_t before = writer->file.bytes;
	struct run run = cut(writer, blocks, bytes, pkts);
	int ret;

	if (run.bytes == 0)
		return 0;
	ret = pp_record_file_add(&writer->file, blocks, run.bytes, run.pkts);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < writer->params.iface_count; i++)
		writer->count[i].delivered += pkts[i];
	pp_counter_add(&writer->stats.pkts, run.pkts);
	pp_counter_add(&writer->stats.bytes, writer->file.bytes - before);
	return run.bytes;
}

// Somebody deleted the file, or its whole folder: what is written to it now nobody would see.
static void leave_gone_file(struct pp_record_writer *writer)
{
	if (!pp_record_file_gone(&writer->file))
		return;
	pp_record_news_add(&writer->news, "%s was deleted while it was written", writer->file.name);
	end_file(writer);
}

// One step of writing a chunk, and whatever has to be opened or ended for it.
//
// @return  Bytes that are written now, 0 or more; -errno.
static int64_t step(struct pp_record_writer *writer, const uint8_t *blocks, uint32_t bytes)
{
	int64_t ret = 0;

	leave_gone_file(writer);
	if (file_is_old(writer))
		end_file(writer);
	if (writer->file.fd < 0)
		ret = begin_file(writer);
	if (ret < 0)
		return ret;
	ret = write_run(writer, blocks, bytes);
	// A full disk may get room for this file again; any other error may be the file's own.
	if (ret == 0 || (ret < 0 && ret != -ENOSPC && ret != -EDQUOT) || file_is_complete(writer))
		end_file(writer);
	return ret;
}

static void failed(struct pp_record_writer *writer, int err_no)
{
	pp_counter_add(&writer->stats.errors, 1);
	if (writer->stats.failing)
		return;
	writer->failing_since_ns = pp_clock_ns(CLOCK_MONOTONIC);
	__atomic_store_n(&writer->stats.failing, 1, __ATOMIC_RELAXED);
	pp_record_news_add(&writer->news, "cannot write to %s: %s; packets wait, then are lost",
			   writer->options.directory, strerror(-err_no));
}

static void succeeded(struct pp_record_writer *writer)
{
	uint64_t took_ns = pp_clock_ns(CLOCK_MONOTONIC) - writer->failing_since_ns;

	if (!writer->stats.failing)
		return;
	__atomic_store_n(&writer->stats.failing, 0, __ATOMIC_RELAXED);
	pp_record_news_add(&writer->news, "writes to %s again after %llu ms",
			   writer->options.directory, (unsigned long long)took_ns / 1000000);
}

static bool gives_up(struct pp_record_writer *writer)
{
	if (!__atomic_load_n(&writer->stop, __ATOMIC_ACQUIRE))
		return false;
	if (writer->stop_ns == 0)
		writer->stop_ns = pp_clock_ns(CLOCK_MONOTONIC);
	return pp_clock_ns(CLOCK_MONOTONIC) - writer->stop_ns > PP_RECORD_STOP_TRIES_NS;
}

static void count_unwritten(struct pp_record_writer *writer, const uint8_t *blocks, uint32_t bytes)
{
	for (uint32_t at = 0, length; at < bytes; at += length) {
		memcpy(&length, blocks + at + BLOCK_LENGTH_AT, sizeof(length));
		pp_counter_add(&writer->stats.unwritten, 1);
	}
}

static void write_chunk(struct pp_record_writer *writer, const struct pp_record_chunk *chunk)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	uint32_t done = 0;

	while (done < chunk->used) {
		int64_t ret = step(writer, chunk->data + done, chunk->used - done);

		if (ret >= 0) {
			succeeded(writer);
			done += (uint32_t)ret;
			continue;
		}
		failed(writer, (int)ret);
		if (gives_up(writer)) {
			// What is packed and not written would go out as what comes next.
			if (writer->file.packed_bytes > 0)
				end_file(writer);
			count_unwritten(writer, chunk->data + done, chunk->used - done);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

// One chunk of each source, so that none waits for another's many.
static bool write_round(struct pp_record_writer *writer)
{
	bool any = false;

	for (uint32_t i = 0; i < writer->params.source_count; i++) {
		struct pp_record_queue *queue = writer->params.source[i].queue;
		struct pp_record_chunk *chunk = pp_record_queue_take(queue);

		if (chunk == NULL)
			continue;
		write_chunk(writer, chunk);
		pp_record_queue_give_back(queue, chunk);
		any = true;
	}
	return any;
}

static void *writer_run(void *arg)
{
	struct pp_record_writer *writer = arg;
	struct timespec pause = {.tv_nsec = SLEEP_MIN_NS};

	for (;;) {
		// acquire: once stop is seen, so is everything that was pushed before it
		bool stop = __atomic_load_n(&writer->stop, __ATOMIC_ACQUIRE);

		if (write_round(writer)) {
			pause.tv_nsec = SLEEP_MIN_NS;
			continue;
		}
		if (stop)
			break;
		if (file_is_old(writer))
			end_file(writer);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < SLEEP_MAX_NS)
			pause.tv_nsec *= 2;
	}
	end_file(writer);
	return NULL;
}

int pp_record_writer_start(struct pp_record_writer *writer, struct pp_error *err)
{
	int ret = pp_thread_start(&writer->thread, "pp-capture", -1, writer_run, writer, err);

	writer->running = ret == 0;
	return ret;
}

void pp_record_writer_stop(struct pp_record_writer *writer)
{
	if (!writer->running)
		return;
	__atomic_store_n(&writer->stop, true, __ATOMIC_RELEASE);
	pthread_join(writer->thread, NULL);
	writer->running = false;
}

void pp_record_writer_stats(const struct pp_record_writer *writer, struct pp_record_stats *out)
{
	const struct pp_record_stats *stats = &writer->stats;

	out->pkts = __atomic_load_n(&stats->pkts, __ATOMIC_RELAXED);
	out->bytes = __atomic_load_n(&stats->bytes, __ATOMIC_RELAXED);
	out->files = __atomic_load_n(&stats->files, __ATOMIC_RELAXED);
	out->deleted = __atomic_load_n(&stats->deleted, __ATOMIC_RELAXED);
	out->errors = __atomic_load_n(&stats->errors, __ATOMIC_RELAXED);
	out->unwritten = __atomic_load_n(&stats->unwritten, __ATOMIC_RELAXED);
	out->failing = __atomic_load_n(&stats->failing, __ATOMIC_RELAXED);
}

bool pp_record_writer_news(struct pp_record_writer *writer, char text[PP_ANALYSER_NEWS_BYTES])
{
	return pp_record_news_take(&writer->news, text);
}
