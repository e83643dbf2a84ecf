// SPDX-License-Identifier: MIT OR Apache-2.0
// The BPF maps that all taps of a plane share, and their memory.
//
// Threads    control thread.
// Cost       control path. Counters are read through mmap, without a system call.
// Ownership  the maps live as long as struct pp_maps or a loaded program holds them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>
#include <push-packet/ledger.h>
#include <push-packet/plane.h>

#include "dumps.h"
#include "grace.h"
#include "image_sets.h"
#include "images.h"
#include "kernel_counts.h"

struct pp_bindings;
struct pp_copy_ring;
struct pp_engine;

struct pp_maps {
	uint8_t cache_mode; // enum pp_cache_mode; set before images are made
	struct pp_images images;
	struct pp_image_sets sets; // as last published
	struct pp_kernel_counts counts;
	struct pp_grace grace;
	struct pp_dumps dumps;
	bool unwaited; // programs may still read the half that is written next
	uint64_t published_ns; // CLOCK_MONOTONIC: when the last rules were in force
	uint32_t copy_ring_bytes; // 0: copying is off
	int copy_rings_fd;
	int copy_bells_fd;
	int records_fd;
	int wake_fd;
	int xsks_fd;
	volatile uint64_t *wake; // [cpu]
};

// Create every map but the images.
//
// @param row_count        Queue rows of all interfaces together.
// @param copy_ring_bytes  Of each ring that set_copy_ring() will be given, a power of two; 0: none.
// @return                 0; -errno of the call that failed, with err set. Undone on failure.
int pp_maps_init(struct pp_maps *maps,
		 uint32_t row_count,
		 uint32_t copy_ring_bytes,
		 struct pp_error *err);
// What init() has not filled yet is left alone.
void pp_maps_fini(struct pp_maps *maps);

// Make fini() safe before init().
void pp_maps_clear(struct pp_maps *maps);

// Let the programs write to a ring what they copy on its CPU. The ring stays the caller's.
//
// @return  0; -errno, with err set.
int pp_maps_set_copy_ring(const struct pp_maps *maps,
			  const struct pp_copy_ring *ring,
			  struct pp_error *err);

// Put rules in force for every interface in one step, in the images there are.
//
// Returns after the kernel has waited for programs that still read the old ones (a grace period:
// 8 ms typical).
//
// @param engine   That is wanted.
// @param rule_id  Set to the rule that err is about, or to 0.
// @return         0; -ENOBUFS: other images are needed, see pp_maps_reshape(); as pp_images_open() and
//                 pp_addr_table_build(). The old rules stay in force on failure.
int pp_maps_publish(struct pp_maps *maps,
		    const struct pp_engine *engine,
		    const struct pp_ruleset *rules,
		    const struct pp_bindings *bindings,
		    uint32_t *rule_id,
		    struct pp_error *err);

// Make other images, with these rules in force in them, and counters for as many rules; no program
// reads them yet. The first images are made so, too.
//
// @param old  The images in use until then; programs go on reading them. To be given to retire() or
//             revert().
// @return     0; as pp_images_open() and pp_addr_table_build(). Nothing changed on failure.
int pp_maps_reshape(struct pp_maps *maps,
		    const struct pp_engine *engine,
		    const struct pp_ruleset *rules,
		    const struct pp_bindings *bindings,
		    struct pp_images *old,
		    uint32_t *rule_id,
		    struct pp_error *err);
// The same where no program reads the images that were there, or there were none.
int pp_maps_reshape_unread(struct pp_maps *maps,
			   const struct pp_engine *engine,
			   const struct pp_ruleset *rules,
			   const struct pp_bindings *bindings,
			   uint32_t *rule_id,
			   struct pp_error *err);
// Programs read the new images, and none that reads the old ones runs.
void pp_maps_retire(struct pp_maps *maps, struct pp_images *old);
// Programs go on with the old ones.
void pp_maps_revert(struct pp_maps *maps, struct pp_images *old);

// Divide the limits of rules by the CPUs that see their packets now.
void pp_maps_share(struct pp_maps *maps);
