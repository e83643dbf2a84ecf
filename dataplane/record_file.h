// SPDX-License-Identifier: MIT OR Apache-2.0
// A file of a recording: complete pcapng whenever it is looked at, for only whole blocks stay in it.
//
// Threads    the writer's.
// Cost       writes and may block as file systems do.
// Ownership  the caller's storage; folder, pack and iface are borrowed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/analyser.h>

#include "record_folder.h"

struct pp_record_pack;

// Room for the blocks that begin or end a file.
#define PP_RECORD_HEAD_BYTES (4096 + PP_IFACES_MAX * 128)

// What an interface's statistics block says.
struct pp_record_iface_count {
	uint64_t delivered;
	uint64_t dropped;
};

struct pp_record_file {
	struct pp_record_folder folder;
	struct pp_record_pack *pack; // NULL: not compressed
	uint64_t bytes_max;
	uint32_t snap_bytes;
	const char *comment; // on the clock
	uint32_t iface_count;
	const struct pp_analyser_iface *iface;

	int fd; // -1: no file is open
	char name[PP_RECORD_NAME_MAX + 1];
	uint64_t bytes; // of whole blocks in it
	uint64_t pkts;
	uint64_t begun_ns; // CLOCK_REALTIME
	// Compressed and not written yet: the packer cannot do it again.
	const uint8_t *packed;
	size_t packed_bytes;
};

// Create the next file and begin it.
//
// @param now_ns  CLOCK_REALTIME.
// @return        0; -errno: no file is open.
int pp_record_file_begin(struct pp_record_file *file, uint64_t now_ns);

// Add blocks: all of them or none. After a failure the next call is with the same blocks, or the file
// is ended.
//
// @param bytes  At most what pp_record_file_room() said, or those of one block in an empty file.
// @param pkts   How many they are.
// @return       0; -errno.
int pp_record_file_add(struct pp_record_file *file,
		       const uint8_t *blocks,
		       size_t bytes,
		       uint64_t pkts);

// Bytes of packet blocks that the file has room for. A compressed one has none when the largest piece
// might not fit.
uint64_t pp_record_file_room(const struct pp_record_file *file);

// Whether somebody deleted the file.
bool pp_record_file_gone(const struct pp_record_file *file);

// Add the statistics of each interface and close. Without an open file nothing is done.
//
// @param count  By interface.
// @return       0; -errno: the statistics are missing.
int pp_record_file_end(struct pp_record_file *file,
		       const struct pp_record_iface_count *count,
		       uint64_t now_ns);
