// SPDX-License-Identifier: MIT OR Apache-2.0
// What images.c (memory, halves, selector) and images_rules.c (what stands in it) share.
//
// Threads    control thread.
#pragma once

#include "images.h"

// Where programs read: half 0 or 1.
uint8_t *pp_images_half(const struct pp_images *images, uint32_t index);

// Bytes of the shadow, or of the engine's body in it, that changed.
//
// @param arg  struct pp_images.
void pp_images_touch(void *arg, uint64_t offset, uint64_t bytes);
void pp_images_touch_body(void *arg, uint64_t offset, uint64_t bytes);

// Compile rules: state, and the shape that they need, or the one that is there.
//
// @return  0; -EINVAL; as the engine's compile(). State and shape are as they were on failure.
int pp_images_compile(struct pp_images *images,
		      const struct pp_ruleset *rules,
		      const struct pp_image_sets *sets,
		      const struct pp_bindings *bindings,
		      uint32_t *rule_id,
		      struct pp_error *err);

// Write actions and body of what was compiled.
int pp_images_fill(struct pp_images *images,
		   const struct pp_ruleset *rules,
		   const struct pp_bindings *bindings,
		   uint32_t *rule_id,
		   struct pp_error *err);

// From the rules that the shadow has to others.
//
// @return  0; -ENOBUFS: they need another shape; as compile(). On failure the shadow has nothing.
int pp_images_update(struct pp_images *images,
		     const struct pp_ruleset *rules,
		     const struct pp_image_sets *sets,
		     const struct pp_bindings *bindings,
		     uint32_t *rule_id,
		     struct pp_error *err);

// Let state and shadow go: the next rules are compiled.
void pp_images_forget(struct pp_images *images);
