// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include <push-packet/clock.h>

int pp_plane_open_tap(const struct pp_plane *plane,
		      uint32_t iface,
		      struct pp_tap **out,
		      struct pp_error *err)
{
	const struct pp_tap_config config = {
		.frame_kind = plane->frame_kind[iface],
		.iface = iface,
		.queue_base = plane->rows.base[iface],
		.queue_count = plane->rows.count[iface],
		.timestamps = plane->config.timestamps,
	};

	return pp_tap_open(out, &plane->maps, &config, err);
}

static void close_taps(struct pp_tap **tap, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		pp_tap_close(tap[i]);
	free(tap);
}

static int open_taps(const struct pp_plane *plane, struct pp_tap **tap, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < plane->config.iface_count; i++)
		ret = pp_plane_open_tap(plane, i, &tap[i], err);
	return ret;
}

static int replace_tap(struct pp_plane *plane, uint32_t iface, struct pp_tap **tap)
{
	struct pp_tap *old = plane->iface[iface].tap;
	int ret = pp_tap_replace(*tap, old);

	if (ret < 0)
		return ret;
	plane->iface[iface].tap = *tap;
	*tap = old;
	return 0;
}

// Exchange the programs on every interface for those in tap[], which gets the old ones. All or none.
static int replace_taps(struct pp_plane *plane, struct pp_tap **tap, struct pp_error *err)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		int ret = replace_tap(plane, i, &tap[i]);

		if (ret < 0) {
			while (i-- > 0)
				replace_tap(plane, i, &tap[i]);
			return pp_error_set(err, ret, 0, 0, "cannot exchange the XDP program: %s",
					    strerror(-ret));
		}
	}
	return 0;
}

// Until no packet is in a program that was taken off: an update of any array of maps waits for
// running programs, and this one changes nothing.
static void wait_for_programs(const struct pp_plane *plane)
{
	uint32_t cpu = plane->ring[0].cpu;

	bpf_map_update_elem(plane->maps.copy_rings_fd, &cpu, &plane->ring[0].map_fd, BPF_ANY);
}

// Programs that read larger images, loaded beside those in force and put in their place.
static int publish_larger(struct pp_plane *plane,
			  const struct pp_ruleset *rules,
			  uint32_t *rule_id,
			  struct pp_error *err)
{
	struct pp_tap **tap = calloc(plane->config.iface_count, sizeof(*tap));
	struct pp_images old;
	int ret;

	if (tap == NULL)
		return pp_plane_no_memory(err);
	ret = pp_maps_grow(&plane->maps, plane->engine, rules, &old, err);
	if (ret < 0)
		goto free_taps;
	ret = pp_maps_publish(&plane->maps, plane->engine, rules, &plane->bindings, rule_id, err);
	ret = ret ?: open_taps(plane, tap, err);
	ret = ret ?: replace_taps(plane, tap, err);
	if (ret == 0) {
		plane->maps.published_ns = pp_clock_ns(CLOCK_MONOTONIC);
		wait_for_programs(plane);
		plane->apply.loads++;
		pp_images_close(&old);
	} else {
		pp_images_close(&plane->maps.images);
		plane->maps.images = old;
	}
free_taps:
	close_taps(tap, plane->config.iface_count);
	return ret;
}

int pp_plane_publish(struct pp_plane *plane,
		     const struct pp_ruleset *rules,
		     uint32_t *rule_id,
		     struct pp_error *err)
{
	int ret =
		pp_maps_publish(&plane->maps, plane->engine, rules, &plane->bindings, rule_id, err);

	return ret == -E2BIG ? publish_larger(plane, rules, rule_id, err) : ret;
}
