// SPDX-License-Identifier: MIT OR Apache-2.0
#include "images.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/abi.h>

#include "images_priv.h"
#include "map.h"

#define LINE_BYTES 64u
#define PAGE_BYTES 4096u

static uint64_t round_up(uint64_t bytes, uint64_t to)
{
	return (bytes + to - 1) / to * to;
}

static uint64_t shadow_lines(const struct pp_images *images)
{
	return images->layout.sets_at / LINE_BYTES;
}

static uint64_t missing_words(const struct pp_images *images)
{
	return (shadow_lines(images) + 63) / 64;
}

uint8_t *pp_images_half(const struct pp_images *images, uint32_t index)
{
	return images->element + PP_IMAGE_HALVES_AT + index * images->layout.half_bytes;
}

static struct pp_image_front *front_of(const struct pp_images *images)
{
	return (struct pp_image_front *)images->element;
}

static struct pp_image_head *head_of(const struct pp_images *images)
{
	return (struct pp_image_head *)images->shadow;
}

void pp_images_clear(struct pp_images *images)
{
	*images = (struct pp_images){.fd = -1};
	pp_cache_clear(&images->cache);
}

void pp_images_touch(void *arg, uint64_t offset, uint64_t bytes)
{
	struct pp_images *images = arg;

	if (bytes == 0)
		return;
	for (uint64_t line = offset / LINE_BYTES; line <= (offset + bytes - 1) / LINE_BYTES; line++)
		for (int i = 0; i < 2; i++)
			images->missing[i][line / 64] |= 1ull << line % 64;
}

void pp_images_touch_body(void *arg, uint64_t offset, uint64_t bytes)
{
	struct pp_images *images = arg;
	uint64_t body_bytes = images->layout.body_bytes;

	// An engine of the user's own may be wrong.
	if (offset > body_bytes || bytes > body_bytes - offset) {
		offset = 0;
		bytes = body_bytes;
	}
	pp_images_touch(images, images->layout.body_at + offset, bytes);
}

void pp_images_set_dumping(struct pp_images *images, bool dumping)
{
	__atomic_store_n(&front_of(images)->dumping, dumping, __ATOMIC_RELAXED);
}

uint64_t pp_images_slots(const struct pp_ruleset *rules)
{
	uint64_t slots = PP_SLOTS_MIN;

	while (slots < pp_ruleset_slots(rules))
		slots *= 2;
	return slots;
}

static void set_layout(struct pp_images *images, uint64_t slots, uint32_t set_bytes)
{
	struct pp_image_layout *layout = &images->layout;

	*layout = (struct pp_image_layout){.slots = slots, .set_bytes = set_bytes};
	layout->meters_at = round_up(
		sizeof(struct pp_image_head) + slots * sizeof(struct pp_action), LINE_BYTES);
	layout->body_at = layout->meters_at + PP_METERS_MAX * sizeof(struct pp_meter);
	layout->body_bytes = images->shape.body_bytes;
	layout->sets_at = round_up(layout->body_at + layout->body_bytes, LINE_BYTES);
	layout->half_bytes =
		round_up(layout->sets_at + set_bytes + (set_bytes > 0 ? PP_ADDR_SLACK_BYTES : 0),
			 PAGE_BYTES);
	images->element_bytes = PP_IMAGE_HALVES_AT + 2 * layout->half_bytes;
}

static int open_memory(struct pp_images *images, struct pp_error *err)
{
	int ret;

	if (images->element_bytes >= PP_MAP_BYTES_MAX)
		return pp_error_set(err, -ENOSPC, 0, 0,
				    "two images of these rules and sets need %zu MiB, and a "
				    "program can address %u MiB",
				    images->element_bytes >> 20, PP_MAP_BYTES_MAX >> 20);
	images->shadow = aligned_alloc(LINE_BYTES, images->layout.sets_at);
	for (int i = 0; i < 2; i++)
		images->missing[i] = calloc(missing_words(images), sizeof(uint64_t));
	if (images->shadow == NULL || images->missing[0] == NULL || images->missing[1] == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	memset(images->shadow, 0, images->layout.sets_at);
	ret = pp_map_create_value(&images->fd, "pp_image", images->element_bytes, err);
	return ret ?: pp_map_memory(&images->element, images->fd, images->element_bytes, true, err);
}

static void close_memory(struct pp_images *images)
{
	pp_map_unmap(images->element, images->element_bytes);
	pp_map_close(&images->fd);
	free(images->shadow);
	free(images->missing[0]);
	free(images->missing[1]);
}

void pp_images_close(struct pp_images *images)
{
	pp_images_forget(images);
	pp_cache_close(&images->cache);
	close_memory(images);
	pp_images_clear(images);
}

static void copy_missing(const struct pp_images *images, uint32_t to)
{
	uint64_t *missing = images->missing[to];

	for (uint64_t i = 0; i < missing_words(images); i++)
		for (; missing[i] != 0; missing[i] &= missing[i] - 1) {
			uint64_t at = (i * 64 + (uint32_t)__builtin_ctzll(missing[i])) * LINE_BYTES;

			memcpy(pp_images_half(images, to) + at, images->shadow + at, LINE_BYTES);
		}
}

static void copy_sets(struct pp_images *images, const struct pp_image_sets *sets, uint32_t to)
{
	if (images->sets_serial[to] == sets->serial)
		return;
	if (sets->table.size > 0)
		memcpy(pp_images_half(images, to) + images->layout.sets_at, sets->table.bytes,
		       sets->table.size);
	images->sets_serial[to] = sets->serial;
}

// Fill the half that is not in force with what the shadow has, and put it in force.
static void
exchange(struct pp_images *images, const struct pp_ruleset *rules, const struct pp_image_sets *sets)
{
	struct pp_image_head *head = head_of(images);
	uint32_t to = !images->in_force;

	head->generation = pp_ruleset_generation(rules);
	head->serial = ++images->serial;
	head->set_uses = sets->used.uses;
	head->addr = sets->table.head;
	head->action[PP_SLOT_DEFAULT] = pp_engine_action_default(rules);
	pp_images_touch(images, 0, sizeof(*head) + sizeof(head->action[0]));
	copy_missing(images, to);
	copy_sets(images, sets, to);
	// release: the half is there before it is in force
	__atomic_store_n(&front_of(images)->selector, to, __ATOMIC_RELEASE);
	images->in_force = to;
}

int pp_images_open(struct pp_images *images,
		   const struct pp_engine *engine,
		   const struct pp_ruleset *rules,
		   const struct pp_image_sets *sets,
		   uint32_t set_bytes,
		   uint32_t cpu_count,
		   const struct pp_bindings *bindings,
		   uint32_t *rule_id,
		   struct pp_error *err)
{
	int ret;

	pp_images_clear(images);
	images->engine = engine;
	ret = pp_images_compile(images, rules, sets, bindings, rule_id, err);
	if (ret == 0) {
		set_layout(images, pp_images_slots(rules), set_bytes);
		ret = open_memory(images, err);
	}
	ret = ret ?: pp_cache_open(&images->cache, cpu_count, cpu_count > 0, err);
	ret = ret ?: pp_images_fill(images, rules, bindings, rule_id, err);
	if (ret < 0)
		pp_images_close(images);
	else
		exchange(images, rules, sets);
	return ret;
}

int pp_images_publish(struct pp_images *images,
		      const struct pp_ruleset *rules,
		      const struct pp_image_sets *sets,
		      const struct pp_bindings *bindings,
		      uint32_t *rule_id,
		      struct pp_error *err)
{
	int ret;

	*rule_id = 0;
	if (sets->table.size > images->layout.set_bytes ||
	    pp_ruleset_slots(rules) > images->layout.slots)
		return pp_error_set(err, -ENOBUFS, 0, 0, "rules or sets have outgrown the images");
	ret = pp_images_update(images, rules, sets, bindings, rule_id, err);
	if (ret == 0)
		exchange(images, rules, sets);
	return ret;
}
