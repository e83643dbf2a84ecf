// SPDX-License-Identifier: MIT OR Apache-2.0
#include "maps.h"

#include "engine.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include <push-packet/clock.h>

#include "copy_ring.h"
#include "map.h"

// Of an area for sets, when there is one at the start, and when one comes later: a set that grows
// while the program runs should seldom need larger images.
#define AREA_BYTES_MIN (64u << 10)
#define AREA_BYTES_GROWN (1u << 20)
#define RECORD_BYTES (sizeof(struct pp_meta) + PP_COPY_BYTES_MAX)

// Of rings of one size, so that the program knows it.
static int create_copy_rings(struct pp_maps *maps, struct pp_error *err)
{
	struct pp_copy_ring ring;
	int ret = pp_copy_ring_open(&ring, 0, maps->copy_ring_bytes ?: PP_COPY_RING_BYTES_MIN, err);

	if (ret < 0)
		return ret;
	ret = pp_map_create_outer(&maps->copy_rings_fd, "pp_copy_rings", maps->counts.cpu_count,
				  ring.map_fd, err);
	ret = ret
		      ?: pp_map_create_outer(&maps->copy_bells_fd, "pp_copy_bells",
					     maps->counts.cpu_count, ring.bell.map_fd, err);
	pp_copy_ring_close(&ring);
	return ret;
}

static int create_all(struct pp_maps *maps, struct pp_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, mmapable, .map_flags = BPF_F_MMAPABLE);
	uint32_t cpus = maps->counts.cpu_count;
	int ret = 0;

	ret = ret ?: pp_grace_open(&maps->grace, err);
	ret = ret ?: create_copy_rings(maps, err);
	ret = ret ?: pp_dumps_init(&maps->dumps, cpus, err);
	ret = ret
		      ?: pp_map_create(&maps->records_fd, BPF_MAP_TYPE_ARRAY, "pp_records",
				       RECORD_BYTES, cpus, NULL, err);
	ret = ret
		      ?: pp_map_create(&maps->wake_fd, BPF_MAP_TYPE_ARRAY, "pp_wake",
				       sizeof(uint64_t), cpus, &mmapable, err);
	ret = ret
		      ?: pp_map_create(&maps->xsks_fd, BPF_MAP_TYPE_XSKMAP, "pp_xsks",
				       sizeof(uint32_t), maps->counts.row_count, NULL, err);
	return ret;
}

static size_t wake_bytes(const struct pp_maps *maps)
{
	return maps->counts.cpu_count * sizeof(*maps->wake);
}

void pp_maps_clear(struct pp_maps *maps)
{
	*maps = (struct pp_maps){
		.grace = {-1, -1},
		.copy_rings_fd = -1,
		.copy_bells_fd = -1,
		.records_fd = -1,
		.wake_fd = -1,
		.xsks_fd = -1,
	};
	pp_images_clear(&maps->images);
	pp_dumps_clear(&maps->dumps);
	pp_kernel_counts_clear(&maps->counts);
}

int pp_maps_init(struct pp_maps *maps,
		 uint32_t row_count,
		 uint32_t copy_ring_bytes,
		 struct pp_error *err)
{
	int ret;

	pp_maps_clear(maps);
	maps->copy_ring_bytes = copy_ring_bytes;
	ret = pp_kernel_counts_open(&maps->counts, row_count, PP_SLOTS_MIN, err);
	ret = ret ?: create_all(maps, err);
	ret = ret ?: pp_map_memory(&maps->wake, maps->wake_fd, wake_bytes(maps), true, err);
	if (ret < 0)
		pp_maps_fini(maps);
	return ret;
}

void pp_maps_fini(struct pp_maps *maps)
{
	pp_map_unmap(maps->wake, wake_bytes(maps));
	pp_map_close(&maps->xsks_fd);
	pp_map_close(&maps->wake_fd);
	pp_map_close(&maps->records_fd);
	pp_map_close(&maps->copy_bells_fd);
	pp_map_close(&maps->copy_rings_fd);
	pp_dumps_fini(&maps->dumps);
	pp_grace_close(&maps->grace);
	pp_kernel_counts_close(&maps->counts);
	pp_images_close(&maps->images);
	pp_image_sets_fini(&maps->sets);
	maps->wake = NULL;
}

int pp_maps_set_copy_ring(const struct pp_maps *maps,
			  const struct pp_copy_ring *ring,
			  struct pp_error *err)
{
	if (bpf_map_update_elem(maps->copy_bells_fd, &ring->cpu, &ring->bell.map_fd, BPF_ANY) ||
	    bpf_map_update_elem(maps->copy_rings_fd, &ring->cpu, &ring->map_fd, BPF_ANY))
		return pp_error_set(err, -errno, 0, 0, "cannot set the copy ring of CPU %u: %s",
				    ring->cpu, strerror(errno));
	return 0;
}

static int wait_for_readers(struct pp_maps *maps, struct pp_error *err)
{
	int ret = maps->unwaited ? pp_grace_wait(&maps->grace, err) : 0;

	maps->unwaited = ret < 0;
	return ret;
}

int pp_maps_publish(struct pp_maps *maps,
		    const struct pp_engine *engine,
		    const struct pp_ruleset *rules,
		    const struct pp_bindings *bindings,
		    uint32_t *rule_id,
		    struct pp_error *err)
{
	int ret;

	*rule_id = 0;
	if (maps->images.engine != engine)
		return pp_error_set(err, -ENOBUFS, 0, 0, "the programs have another engine");
	ret = wait_for_readers(maps, err) ?: pp_image_sets_update(&maps->sets, rules, err);
	ret = ret ?: pp_images_publish(&maps->images, rules, &maps->sets, bindings, rule_id, err);
	if (ret < 0)
		return ret;
	maps->published_ns = pp_clock_ns(CLOCK_MONOTONIC);
	// The rules are in force whatever comes of the wait: what must not be done without it is to
	// write the other half.
	maps->unwaited = true;
	wait_for_readers(maps, NULL);
	return 0;
}

// Sets that come while programs run get room to grow.
static uint32_t area_bytes(const struct pp_maps *maps)
{
	bool first = maps->images.fd < 0;

	return pp_image_sets_area(maps->sets.table.size, first ? AREA_BYTES_MIN : AREA_BYTES_GROWN);
}

static bool wants_cache(const struct pp_maps *maps, const struct pp_engine *engine)
{
	return maps->cache_mode == PP_CACHE_ON ||
	       (maps->cache_mode == PP_CACHE_AUTO && engine->ops->flags & PP_ENGINE_CACHE);
}

int pp_maps_reshape(struct pp_maps *maps,
		    const struct pp_engine *engine,
		    const struct pp_ruleset *rules,
		    const struct pp_bindings *bindings,
		    struct pp_images *old,
		    uint32_t *rule_id,
		    struct pp_error *err)
{
	struct pp_images images;
	int ret;

	*rule_id = 0;
	ret = pp_image_sets_update(&maps->sets, rules, err);
	ret = ret
		      ?: pp_images_open(&images, engine, rules, &maps->sets, area_bytes(maps),
					wants_cache(maps, engine) ? maps->counts.cpu_count : 0,
					bindings, rule_id, err);
	if (ret < 0)
		return ret;
	if (images.layout.slots > maps->counts.now.layout.slots)
		ret = pp_kernel_counts_grow(&maps->counts, images.layout.slots, err);
	if (ret < 0) {
		pp_images_close(&images);
		return ret;
	}
	pp_images_set_dumping(&images, maps->dumps.used != 0);
	*old = maps->images;
	maps->images = images;
	maps->published_ns = pp_clock_ns(CLOCK_MONOTONIC);
	return 0;
}

int pp_maps_reshape_unread(struct pp_maps *maps,
			   const struct pp_engine *engine,
			   const struct pp_ruleset *rules,
			   const struct pp_bindings *bindings,
			   uint32_t *rule_id,
			   struct pp_error *err)
{
	struct pp_images old;
	int ret = pp_maps_reshape(maps, engine, rules, bindings, &old, rule_id, err);

	if (ret == 0)
		pp_maps_retire(maps, &old);
	return ret;
}

void pp_maps_retire(struct pp_maps *maps, struct pp_images *old)
{
	pp_kernel_counts_retire(&maps->counts);
	pp_images_close(old);
}

void pp_maps_revert(struct pp_maps *maps, struct pp_images *old)
{
	pp_kernel_counts_revert(&maps->counts);
	pp_images_close(&maps->images);
	maps->images = *old;
}

#define SEEN_WITHIN_NS 2000000000ull

// CPUs that saw a packet at a meter not long ago.
static uint32_t cpus_at(void *arg, uint32_t meter, uint32_t rule_id)
{
	const struct pp_kernel_counts *counts = &((struct pp_maps *)arg)->counts;
	uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);
	uint32_t cpus = 0;

	for (uint32_t cpu = 0; cpu < counts->cpu_count; cpu++) {
		const struct pp_meter_state *state =
			pp_kernel_counts_meter_of(&counts->now, cpu, meter);
		uint64_t time_ns = __atomic_load_n(&state->time_ns, __ATOMIC_RELAXED);

		if (__atomic_load_n(&state->rule_id, __ATOMIC_RELAXED) == rule_id &&
		    time_ns + SEEN_WITHIN_NS > now_ns)
			cpus++;
	}
	return cpus;
}

void pp_maps_share(struct pp_maps *maps)
{
	pp_images_share(&maps->images, cpus_at, maps);
}
