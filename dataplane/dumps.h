// SPDX-License-Identifier: MIT OR Apache-2.0
// The dumps of a plane: slots in the program arrays that all taps share, and who is in them.
//
//   no dump ---first start: taps begin to tell; grace period---> told, no program
//   told ------start: program in slot i of both arrays---------> looked at by i
//   looked at -stop: slot emptied; grace period; the last one: taps need not tell---> as before
//
// Threads    control thread.
// Cost       control path; see <push-packet/dump.h>.
// Ownership  init() and fini(). The arrays are emptied by the kernel when nobody holds a descriptor
//            of them: a process that dies leaves no program.
#pragma once

#include <push-packet/dump.h>

struct pp_grace;
struct pp_images;

struct pp_dump {
	struct pp_dump_config config;
	int ring_fd;
	int counts_fd;
	volatile const struct pp_dump_row *row; // by CPU
};

struct pp_dumps {
	int array_fd[2]; // plain, frags
	int notes_fd;
	uint32_t cpu_count;
	uint32_t used; // slots, a bit each
	struct pp_dump dump[PP_DUMPS_MAX];
};

// Make fini() safe before init().
void pp_dumps_clear(struct pp_dumps *dumps);
int pp_dumps_init(struct pp_dumps *dumps, uint32_t cpu_count, struct pp_error *err);
void pp_dumps_fini(struct pp_dumps *dumps);

// As pp_plane_dump_start().
//
// @param records_fd  Where the taps put records together, by CPU.
int pp_dumps_start(struct pp_dumps *dumps,
		   const struct pp_dump_config *config,
		   struct pp_images *images,
		   const struct pp_grace *grace,
		   int records_fd,
		   uint32_t *slot,
		   struct pp_error *err);
void pp_dumps_stop(struct pp_dumps *dumps,
		   uint32_t slot,
		   struct pp_images *images,
		   const struct pp_grace *grace,
		   struct pp_dump_stats *out);

// Sum over CPUs.
void pp_dumps_sum(volatile const struct pp_dump_row *row,
		  uint32_t cpu_count,
		  struct pp_dump_stats *out);
