// SPDX-License-Identifier: MIT OR Apache-2.0
// The thread of a recording that writes: takes chunks from the analysis threads, cuts them into
// files, keeps to the budget, and survives a disk that is full or gone.
//
// When a write fails, the chunk at hand waits and is tried again ten times a second; chunks behind it
// fill the queues, and then the analysis threads lose packets, counted where they are lost. So
// nothing that was taken is ever left out in the middle.
//
// Threads    create, start, stop, destroy: control thread. stats, news: any. lost: written by the
//            analysis thread of the source. The writer's own thread may block as file systems do.
// Cost       nobody waits for the writer, but stop().
// Ownership  params are copied; what they point to is borrowed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/analyser.h>
#include <push-packet/error.h>

#include "record_options.h"

struct pp_record_queue;
struct pp_record_writer;

// An analysis thread as the writer sees it.
struct pp_record_source {
	struct pp_record_queue *queue;
	// Packets that were lost, relaxed: for want of room in the queue, and on the way to the thread as
	// far as it has told.
	uint64_t lost[PP_IFACES_MAX];
	uint64_t lost_before[PP_IFACES_MAX];
};

struct pp_record_writer_params {
	const char *name; // of the recording
	const struct pp_record_options *options;
	const char *comment; // on the clock
	uint32_t iface_count;
	const struct pp_analyser_iface *iface;
	uint32_t source_count;
	struct pp_record_source *source;
};

struct pp_record_stats {
	uint64_t pkts; // written
	uint64_t bytes; // written, file headers and trailers included
	uint64_t files; // begun
	uint64_t deleted; // to keep to the budget
	uint64_t errors; // writes and creations that failed
	uint64_t unwritten; // packets that were still in memory when a failing disk ended it
	uint64_t failing; // 1: the last try failed
};

// @return  0; -ENOMEM, with err set.
int pp_record_writer_create(struct pp_record_writer **out,
			    const struct pp_record_writer_params *params,
			    struct pp_error *err);
// Stops first if needed. NULL is allowed.
void pp_record_writer_destroy(struct pp_record_writer *writer);

int pp_record_writer_start(struct pp_record_writer *writer, struct pp_error *err);
// Write what waits, end the file and the thread. The producers are gone. A disk that fails is given
// up after PP_RECORD_STOP_TRIES_NS.
#define PP_RECORD_STOP_TRIES_NS 2000000000ull
void pp_record_writer_stop(struct pp_record_writer *writer);

void pp_record_writer_stats(const struct pp_record_writer *writer, struct pp_record_stats *out);

// The oldest line that was not fetched yet.
//
// @return  Whether there was one.
bool pp_record_writer_news(struct pp_record_writer *writer, char text[PP_ANALYSER_NEWS_BYTES]);
