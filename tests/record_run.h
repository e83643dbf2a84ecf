// SPDX-License-Identifier: MIT OR Apache-2.0
// The analyser `capture` between its table of functions and the files: no worker, no interface.
//
// init() makes an empty folder and options that name it; set() adds options, start() creates the
// analyser, put() gives it packets whose bytes and rule tell them apart, end() lets it finish.
#pragma once

#include "record.h"

#include "pcapng_read.h"

#define RECORD_RUN_THREADS 2
#define RECORD_RUN_FILES_MAX 200
#define RECORD_RUN_DATA_BYTES 1000

extern char record_run_folder[64];
extern struct pp_analyser_option record_run_option[12];
extern struct pp_analyser_env record_run_env;
extern void *record_run_state;
extern uint64_t record_run_lost_before; // on the way to each thread, of interface 0
extern uint8_t record_run_data[RECORD_RUN_DATA_BYTES];

// Of the folder, in the order of their names.
struct record_run_files {
	uint32_t count;
	char path[RECORD_RUN_FILES_MAX][400];
};

// What read_all() expects: ids of each thread in order, each packet as put() made it.
struct record_run_seen {
	uint32_t next[RECORD_RUN_THREADS];
	bool gaps; // some may be missing
	uint64_t before_ns;
};

void record_run_init(void);
void record_run_fini(void);
void record_run_set(const char *key, const char *value);
void record_run_start(void);
void record_run_end(void);

// Packet number id on a thread.
void record_run_put(uint32_t thread, uint32_t id, uint32_t cap_bytes);
// Packets on thread 0, no faster than they are written, in steps of 1,000.
void record_run_put_all(uint32_t from, uint32_t to, uint32_t cap_bytes);
void record_run_tick(uint32_t thread, uint64_t more_ns);

uint64_t record_run_number(const char *name);
void record_run_wait_number(const char *name, uint64_t least);
// Whether one of the lines that wait has this text; they are gone then.
bool record_run_news_has(const char *text);
void record_run_pause_ms(long ms);

struct record_run_files *record_run_list(void);
void record_run_remove_folder(void);
// Read all files, in order. seen may be NULL.
struct pcapng_sum record_run_read_all(struct record_run_seen *seen);
