// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

// Up to here every driver has room for a frame in one buffer.
#define PLAIN_MTU_BYTES 1500u

// What is loaded for an interface.
struct programs {
	struct pp_tap *tap;
	struct pp_tap_out *out; // NULL: none is needed
};

struct pp_tap_config pp_plane_tap_config(const struct pp_plane *plane, uint32_t iface)
{
	return (struct pp_tap_config){
		.frame_kind = plane->frame_kind[iface],
		.iface = iface,
		.queue_base = plane->rows.base[iface],
		.queue_count = plane->rows.count[iface],
		.timestamps = plane->config.timestamps,
	};
}

// Whether the tap will need its other variant: for frames that may not fit into one buffer, to be set
// again at once when more channels come (pp_tap_renew()), or to take the place of one that has it.
static bool wants_frags(const struct pp_plane_iface *iface)
{
	return iface->netif.mtu_bytes > PLAIN_MTU_BYTES ||
	       iface->netif.queue_max > iface->netif.queue_count ||
	       (iface->tap != NULL && pp_tap_frags(iface->tap));
}

int pp_plane_open_tap(const struct pp_plane *plane,
		      uint32_t iface,
		      struct pp_tap **out,
		      struct pp_error *err)
{
	const struct pp_tap_config config = pp_plane_tap_config(plane, iface);
	struct pp_tap *tap;
	int ret = pp_tap_open(&tap, &plane->maps, &config, err);

	if (ret < 0)
		return ret;
	if (wants_frags(&plane->iface[iface]))
		ret = pp_tap_load_frags(tap, err);
	if (ret < 0)
		pp_tap_close(tap);
	else
		*out = tap;
	return ret;
}

static void close_programs(struct programs *programs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		pp_tap_close(programs[i].tap);
		pp_tap_out_close(programs[i].out);
	}
	free(programs);
}

static int
open_programs(const struct pp_plane *plane, struct programs *programs, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < plane->config.iface_count; i++) {
		const struct pp_tap_config config = pp_plane_tap_config(plane, i);

		ret = pp_plane_open_tap(plane, i, &programs[i].tap, err);
		if (ret == 0 && plane->iface[i].out != NULL)
			ret = pp_tap_out_open(&programs[i].out, &plane->maps, &config, err);
	}
	return ret;
}

// @return  0, with the old ones in *programs; -errno: nothing changed.
static int replace_iface(struct pp_plane *plane, uint32_t iface, struct programs *programs)
{
	struct programs old = {plane->iface[iface].tap, plane->iface[iface].out};
	int ret = pp_tap_replace(programs->tap, old.tap);

	if (ret == 0 && old.out != NULL) {
		ret = pp_tap_out_replace(programs->out, old.out);
		if (ret < 0)
			pp_tap_replace(old.tap, programs->tap);
	}
	if (ret < 0)
		return ret;
	plane->iface[iface].tap = programs->tap;
	plane->iface[iface].out = programs->out;
	*programs = old;
	return 0;
}

// Exchange the programs on every interface for others, which become the old ones. All or none.
static int replace_all(struct pp_plane *plane, struct programs *programs, struct pp_error *err)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		int ret = replace_iface(plane, i, &programs[i]);

		if (ret < 0) {
			while (i-- > 0)
				replace_iface(plane, i, &programs[i]);
			return pp_error_set(err, ret, 0, 0, "cannot exchange the programs: %s",
					    strerror(-ret));
		}
	}
	return 0;
}

// Other images and the programs that read them, loaded beside those in force and put in their place.
static int publish_reshaped(struct pp_plane *plane,
			    const struct pp_engine *engine,
			    const struct pp_ruleset *rules,
			    uint32_t *rule_id,
			    struct pp_error *err)
{
	struct programs *programs = calloc(plane->config.iface_count, sizeof(*programs));
	struct pp_images old;
	int ret;

	if (programs == NULL)
		return pp_plane_no_memory(err);
	ret = pp_maps_reshape(&plane->maps, engine, rules, &plane->bindings, &old, rule_id, err);
	if (ret < 0)
		goto close_programs;
	ret = open_programs(plane, programs, err);
	ret = ret ?: replace_all(plane, programs, err);
	if (ret == 0) {
		plane->maps.published_ns = pp_clock_ns(CLOCK_MONOTONIC);
		pp_grace_wait(&plane->maps.grace, err);
		plane->apply.loads++;
		pp_maps_retire(&plane->maps, &old);
	} else {
		pp_maps_revert(&plane->maps, &old);
	}
close_programs:
	close_programs(programs, plane->config.iface_count);
	return ret;
}

static int publish_with(struct pp_plane *plane,
			const struct pp_engine *engine,
			bool exchange,
			const struct pp_ruleset *rules,
			uint32_t *rule_id,
			struct pp_error *err)
{
	int ret = -ENOBUFS;

	if (plane->maps.images.fd < 0)
		ret = pp_maps_reshape_unread(&plane->maps, engine, rules, &plane->bindings, rule_id,
					     err);
	else if (!exchange)
		ret = pp_maps_publish(&plane->maps, engine, rules, &plane->bindings, rule_id, err);
	return ret == -ENOBUFS ? publish_reshaped(plane, engine, rules, rule_id, err) : ret;
}

bool pp_plane_is_refused(int ret)
{
	return ret == -E2BIG || ret == -ENOSPC;
}

// Not at every change again: while there are about as many rules as when it was refused.
static bool was_refused(const struct pp_plane *plane, uint32_t count)
{
	uint32_t then = plane->engine_refused;

	return then > 0 && count <= then + then / 8 && count >= then - then / 8;
}

int pp_plane_publish(struct pp_plane *plane,
		     const struct pp_ruleset *rules,
		     uint32_t *rule_id,
		     struct pp_error *err)
{
	// The next engine is for the next rules: those in force may be what it cannot hold.
	const struct pp_plane_engine *next = rules != plane->rules ? plane->engine_next : NULL;
	const struct pp_plane_engine *wanted = next ?: &plane->engine;
	uint32_t count = pp_ruleset_count(rules), refused = 0;
	const struct pp_engine *engine =
		pp_plane_engine_pick(wanted, plane->maps.images.engine, count);
	const struct pp_engine *simpler = pp_engine_simpler(wanted->name, engine, count);
	int ret = -E2BIG;

	plane->maps.cache_mode = wanted->cache;
	if (simpler != NULL && was_refused(plane, count)) {
		refused = plane->engine_refused;
	} else {
		ret = publish_with(plane, engine, next != NULL, rules, rule_id, err);
		refused = pp_plane_is_refused(ret) ? count : 0;
	}
	if (simpler != NULL && pp_plane_is_refused(ret))
		ret = publish_with(plane, simpler, next != NULL, rules, rule_id, err);
	plane->maps.cache_mode = plane->engine.cache;
	if (ret == 0) {
		plane->engine_refused = refused;
		pp_plane_engine_say_why(plane, wanted, count);
	}
	return ret;
}

// What is left of auto where the kernel refused the programs of the engine in force.
static const struct pp_engine *simpler_one(const struct pp_plane *plane)
{
	return pp_engine_simpler(plane->engine.name, plane->maps.images.engine,
				 pp_ruleset_count(plane->rules));
}

static void note_refusal(struct pp_plane *plane)
{
	plane->engine_refused = pp_ruleset_count(plane->rules);
	pp_plane_engine_say_why(plane, &plane->engine, plane->engine_refused);
}

// Nothing is attached: the images that no program reads go.
int pp_plane_publish_simpler(struct pp_plane *plane, struct pp_error *err)
{
	const struct pp_engine *simpler = simpler_one(plane);
	uint32_t rule_id;
	int ret;

	if (simpler == NULL)
		return -EOPNOTSUPP;
	ret = pp_maps_reshape_unread(&plane->maps, simpler, plane->rules, &plane->bindings,
				     &rule_id, err);
	if (ret == 0)
		note_refusal(plane);
	return ret;
}

int pp_plane_exchange_simpler(struct pp_plane *plane, struct pp_error *err)
{
	const struct pp_engine *simpler = simpler_one(plane);
	uint32_t rule_id;
	int ret;

	if (simpler == NULL)
		return -EOPNOTSUPP;
	ret = publish_reshaped(plane, simpler, plane->rules, &rule_id, err);
	if (ret == 0)
		note_refusal(plane);
	return ret;
}
