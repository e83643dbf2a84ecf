// SPDX-License-Identifier: MIT OR Apache-2.0
// The folder of a recording: how its files are called, and which of them go when room is needed.
//
// A file is called NAME-20261126T103821Z-000001.pcapng, or .pcapng.zst: the recording, when the file
// was begun (UTC), a number that goes up by one from file to file, across restarts too. Nothing with
// another name is ever touched, nor is a file that a process still writes, which holds it with
// flock().
//
// Threads    one at a time for a recording.
// Cost       each call reads the folder; may block as file systems do.
// Ownership  the caller's.
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <push-packet/error.h>

#define PP_RECORD_NAME_MAX 255

struct pp_record_folder {
	const char *path; // borrowed
	const char *name; // of the recording; borrowed
	bool zstd;
};

// Begin a file: create it, empty, and hold it.
//
// @param time_ns  CLOCK_REALTIME, for the name.
// @param name     Of the file in the folder; set on success.
// @return         A descriptor to write to; -errno: -ENOENT: the folder is gone, ...
int pp_record_folder_create(const struct pp_record_folder *folder,
			    uint64_t time_ns,
			    char name[PP_RECORD_NAME_MAX + 1]);

// Delete a file that create() made.
void pp_record_folder_remove(const struct pp_record_folder *folder, const char *name);

// Delete the oldest files of the recording until those that are there have at most max_bytes.
//
// @param deleted  How many went is added; set in any case.
// @return         0; -errno: the first that went wrong; what could be deleted was.
int pp_record_folder_shrink(const struct pp_record_folder *folder,
			    uint64_t max_bytes,
			    uint64_t *deleted);

// Whether files can be made here.
//
// @return  0; -ENOTDIR, -EACCES, -EROFS, ..., with err set.
int pp_record_folder_check(const char *path, struct pp_error *err);

// The number in a name that is one of the recording's.
//
// @return  Whether it is.
bool pp_record_folder_owns(const struct pp_record_folder *folder,
			   const char *name,
			   uint64_t *number);
