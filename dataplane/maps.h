// SPDX-License-Identifier: MIT OR Apache-2.0
// The BPF maps that all taps of a plane share, and their memory.
//
// Threads    control thread; counters may be read by any thread.
// Cost       control path. Counters are read through mmap, without a system call.
// Ownership  the maps live as long as struct pp_maps or a loaded program holds them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>
#include <push-packet/ledger.h>
#include <push-packet/plane.h>

#include "image_sets.h"

struct pp_bindings;
struct pp_engine;

// Where images are published. What is loaded knows the size of its images, so when sets outgrow
// them there are new ones, and programs are loaded again.
struct pp_images {
	int fd; // array of maps, one element: the image in force
	uint32_t set_bytes; // of each image's area for sets
	size_t image_bytes; // of each image, the area included
};

struct pp_maps {
	struct pp_images images;
	struct pp_image_sets sets; // as last published
	uint64_t published_ns; // CLOCK_MONOTONIC: when the last image went to the kernel
	int copy_rings_fd;
	int records_fd;
	int wake_fd;
	int rows_fd;
	int xsks_fd;
	uint32_t cpu_count; // CPUs that can ever be there
	uint32_t row_count; // queue rows of all interfaces
	volatile uint64_t *wake; // [cpu]
	const uint8_t *rows; // struct pp_cpu_rows by CPU, rows_bytes apart
	size_t rows_bytes;
};

// Create every map.
//
// @param rules      The images have room for the sets that they name.
// @param row_count  Queue rows of all interfaces together.
// @return           0; -errno of the call that failed, with err set. Undone on failure.
int pp_maps_init(struct pp_maps *maps,
		 const struct pp_engine *engine,
		 const struct pp_ruleset *rules,
		 uint32_t row_count,
		 struct pp_error *err);
// What init() has not filled yet is left alone.
void pp_maps_fini(struct pp_maps *maps);

// Make fini() safe before init().
void pp_maps_clear(struct pp_maps *maps);

// Sums over CPUs.
void pp_maps_queue(const struct pp_maps *maps, uint32_t row, struct pp_ledger_row *out);
void pp_maps_rule(const struct pp_maps *maps, uint32_t slot, struct pp_rule_stats *out);

// Compile rules into a fresh image and put it in force for every interface in one step.
//
// Returns after the kernel has waited for programs that still read the old image (a grace period:
// 8 ms typical), which is gone by then.
//
// @return  0; as pp_engine.build() and pp_addr_table_build(); -errno of the map calls; -E2BIG: the
//          sets need larger images, see pp_maps_grow().
int pp_maps_publish(struct pp_maps *maps,
		    const struct pp_engine *engine,
		    const struct pp_ruleset *rules,
		    const struct pp_bindings *bindings,
		    uint32_t *rule_id,
		    struct pp_error *err);

// Make larger images for the sets that rules name; no program reads them yet.
//
// @param old  What was in use; programs go on reading it. The caller's from here on: to go back to,
//             or to close with pp_images_close().
// @return     0; as pp_addr_table_build(); -errno of the map calls. Nothing changed on failure.
int pp_maps_grow(struct pp_maps *maps,
		 const struct pp_engine *engine,
		 const struct pp_ruleset *rules,
		 struct pp_images *old,
		 struct pp_error *err);
void pp_images_close(struct pp_images *images);
