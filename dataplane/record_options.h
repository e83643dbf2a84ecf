// SPDX-License-Identifier: MIT OR Apache-2.0
// What the configuration says about a recording.
//
// Threads    control thread.
// Cost       control path.
// Ownership  texts are borrowed from the options.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/analyser.h>

#define PP_RECORD_CHUNK_BYTES (128u << 10)
#define PP_RECORD_FILE_BYTES_MIN (1ull << 20)

struct pp_record_options {
	const char *directory;
	uint64_t file_bytes; // a file has at most so many
	uint64_t file_ns; // and gets packets for so long; 0: no limit
	uint64_t file_pkts; // 0: no limit
	uint64_t budget_bytes; // of all files; 0: no limit
	uint64_t flush_ns; // a packet waits in memory for so long
	uint64_t buffer_bytes; // between all analysis threads and the writer
	uint64_t snap_bytes; // of a packet
	bool zstd;
};

// @param at   Set to the index of the option that err is about; count: of none.
// @param out  Set on success.
// @return     0; -EINVAL.
int pp_record_options_read(struct pp_record_options *out,
			   const struct pp_analyser_option option[],
			   uint32_t count,
			   uint32_t *at,
			   struct pp_error *err);

// Whether the buffer is enough for so many analysis threads.
//
// @return  0; -EINVAL.
int pp_record_options_check_threads(const struct pp_record_options *options,
				    uint32_t threads,
				    struct pp_error *err);

// What is to be seen before threads are there: read the options and check them against their number.
//
// @param at       As pp_record_options_read().
// @param threads  0: not known yet.
// @return         0; -EINVAL.
int pp_record_options_check(const struct pp_analyser_option option[],
			    uint32_t count,
			    uint32_t threads,
			    uint32_t *at,
			    struct pp_error *err);
