// SPDX-License-Identifier: MIT OR Apache-2.0
#include "maps.h"

#include "engine.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <push-packet/clock.h>

// Of an area for sets, when there is one at the start, and when one comes later: a set that grows
// while the program runs should seldom need larger images.
#define AREA_BYTES_MIN (64u << 10)
#define AREA_BYTES_GROWN (1u << 20)
#define RECORD_BYTES (sizeof(struct pp_meta) + PP_COPY_BYTES_MAX)

static size_t pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

// @param flags  Of the map; BPF_F_MMAPABLE where user space reads it.
static int create(int *fd,
		  enum bpf_map_type type,
		  const char *name,
		  uint32_t value_bytes,
		  uint32_t entries,
		  const struct bpf_map_create_opts *opts,
		  struct pp_error *err)
{
	*fd = bpf_map_create(type, name, sizeof(uint32_t), value_bytes, entries, opts);
	if (*fd < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot create BPF map %s: %s", name,
				    strerror(errno));
	return 0;
}

static int create_image(const struct pp_images *images, int *fd, struct pp_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return create(fd, BPF_MAP_TYPE_ARRAY, "pp_image", (uint32_t)images->image_bytes, 1, &opts,
		      err);
}

// An array of maps wants a map of the kind it will hold, for its shape only.
static int
create_outer(int *fd, const char *name, uint32_t entries, int template_fd, struct pp_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)template_fd);

	return create(fd, BPF_MAP_TYPE_ARRAY_OF_MAPS, name, sizeof(uint32_t), entries, &opts, err);
}

// @param set_bytes  Of the area for sets: 0, or a power of two.
static int create_images(struct pp_images *out,
			 const struct pp_engine *engine,
			 uint32_t set_bytes,
			 struct pp_error *err)
{
	struct pp_images images = {
		.fd = -1,
		.set_bytes = set_bytes,
		.image_bytes =
			engine->image_bytes + set_bytes + (set_bytes > 0 ? PP_ADDR_SLACK_BYTES : 0),
	};
	int template_fd, ret;

	ret = create_image(&images, &template_fd, err);
	if (ret < 0)
		return ret;
	ret = create_outer(&images.fd, "pp_images", 1, template_fd, err);
	close(template_fd);
	if (ret == 0)
		*out = images;
	return ret;
}

static int create_copy_rings(struct pp_maps *maps, struct pp_error *err)
{
	int template_fd, ret;

	template_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "pp_copy_ring", 0, 0, 4096, NULL);
	if (template_fd < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot create a BPF ring: %s",
				    strerror(errno));
	ret = create_outer(&maps->copy_rings_fd, "pp_copy_rings", maps->cpu_count, template_fd,
			   err);
	close(template_fd);
	return ret;
}

static int create_all(struct pp_maps *maps, const struct pp_engine *engine, struct pp_error *err)
{
	uint32_t set_bytes = pp_image_sets_area(maps->sets.table.size, AREA_BYTES_MIN);
	LIBBPF_OPTS(bpf_map_create_opts, mmapable, .map_flags = BPF_F_MMAPABLE);
	uint32_t cpus = maps->cpu_count;
	int ret = 0;

	ret = ret ?: create_images(&maps->images, engine, set_bytes, err);
	ret = ret ?: create_copy_rings(maps, err);
	ret = ret
		      ?: create(&maps->records_fd, BPF_MAP_TYPE_ARRAY, "pp_records", RECORD_BYTES,
				cpus, NULL, err);
	ret = ret
		      ?: create(&maps->wake_fd, BPF_MAP_TYPE_ARRAY, "pp_wake", sizeof(uint64_t),
				cpus, &mmapable, err);
	ret = ret
		      ?: create(&maps->rows_fd, BPF_MAP_TYPE_ARRAY, "pp_rows",
				(uint32_t)maps->rows_bytes, cpus, &mmapable, err);
	ret = ret
		      ?: create(&maps->xsks_fd, BPF_MAP_TYPE_XSKMAP, "pp_xsks", sizeof(uint32_t),
				maps->row_count, NULL, err);
	return ret;
}

static int map_memory(void *out, int fd, size_t bytes, int prot, struct pp_error *err)
{
	void *mem = mmap(NULL, pages(bytes), prot, MAP_SHARED, fd, 0);

	if (mem == MAP_FAILED)
		return pp_error_set(err, -errno, 0, 0, "cannot map a BPF array: %s",
				    strerror(errno));
	*(void **)out = mem;
	return 0;
}

static size_t wake_bytes(const struct pp_maps *maps)
{
	return maps->cpu_count * sizeof(*maps->wake);
}

void pp_maps_clear(struct pp_maps *maps)
{
	*maps = (struct pp_maps){
		.images.fd = -1,
		.copy_rings_fd = -1,
		.records_fd = -1,
		.wake_fd = -1,
		.rows_fd = -1,
		.xsks_fd = -1,
	};
}

int pp_maps_init(struct pp_maps *maps,
		 const struct pp_engine *engine,
		 const struct pp_ruleset *rules,
		 uint32_t row_count,
		 struct pp_error *err)
{
	int cpus = libbpf_num_possible_cpus();
	int ret;

	pp_maps_clear(maps);
	maps->row_count = row_count;
	maps->rows_bytes = sizeof(struct pp_cpu_rows) + row_count * sizeof(struct pp_queue_row);
	if (cpus < 0)
		return pp_error_set(err, cpus, 0, 0, "cannot count the CPUs: %s", strerror(-cpus));
	maps->cpu_count = (uint32_t)cpus;

	ret = pp_image_sets_update(&maps->sets, rules, err);
	ret = ret ?: create_all(maps, engine, err);
	ret = ret
		      ?: map_memory(&maps->wake, maps->wake_fd, wake_bytes(maps),
				    PROT_READ | PROT_WRITE, err);
	ret = ret
		      ?: map_memory(&maps->rows, maps->rows_fd, maps->cpu_count * maps->rows_bytes,
				    PROT_READ, err);
	if (ret < 0)
		pp_maps_fini(maps);
	return ret;
}

static void unmap(const volatile void *mem, size_t bytes)
{
	if (mem != NULL)
		munmap((void *)mem, pages(bytes));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void pp_images_close(struct pp_images *images)
{
	close_fd(&images->fd);
}

void pp_maps_fini(struct pp_maps *maps)
{
	unmap(maps->rows, maps->cpu_count * maps->rows_bytes);
	unmap(maps->wake, wake_bytes(maps));
	close_fd(&maps->xsks_fd);
	close_fd(&maps->rows_fd);
	close_fd(&maps->wake_fd);
	close_fd(&maps->records_fd);
	close_fd(&maps->copy_rings_fd);
	pp_images_close(&maps->images);
	pp_image_sets_fini(&maps->sets);
	maps->rows = NULL;
	maps->wake = NULL;
}

static uint64_t load(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static const struct pp_cpu_rows *cpu_rows(const struct pp_maps *maps, uint32_t cpu)
{
	return (const void *)(maps->rows + cpu * maps->rows_bytes);
}

void pp_maps_queue(const struct pp_maps *maps, uint32_t row, struct pp_ledger_row *out)
{
	for (uint32_t cpu = 0; cpu < maps->cpu_count; cpu++)
		// Exits before arrivals: a packet between the two reads is in flight, not one too many.
		for (int i = PP_COUNT_END - 1; i >= 0; i--)
			out->v[i] += load(&cpu_rows(maps, cpu)->queue[row].count[i]);
}

void pp_maps_rule(const struct pp_maps *maps, uint32_t slot, struct pp_rule_stats *out)
{
	*out = (struct pp_rule_stats){0};
	for (uint32_t cpu = 0; cpu < maps->cpu_count; cpu++) {
		const struct pp_rule_row *row = &cpu_rows(maps, cpu)->rule[slot];

		out->pkts += load(&row->pkts);
		out->bytes += load(&row->bytes);
	}
}

static void put_sets(const struct pp_maps *maps, const struct pp_engine *engine, uint8_t *image)
{
	struct pp_image_head *head = (struct pp_image_head *)image;

	head->addr = maps->sets.table.head;
	if (maps->sets.table.size > 0)
		memcpy(image + engine->image_bytes, maps->sets.table.bytes, maps->sets.table.size);
}

static int build_image(struct pp_maps *maps,
		       const struct pp_engine *engine,
		       const struct pp_ruleset *rules,
		       const struct pp_bindings *bindings,
		       int fd,
		       uint32_t *rule_id,
		       struct pp_error *err)
{
	uint8_t *image = NULL;
	int ret = map_memory(&image, fd, maps->images.image_bytes, PROT_READ | PROT_WRITE, err);

	if (ret < 0)
		return ret;
	ret = engine->build(image, rules, bindings, rule_id, err);
	if (ret == 0)
		put_sets(maps, engine, image);
	munmap(image, pages(maps->images.image_bytes));
	return ret;
}

int pp_maps_publish(struct pp_maps *maps,
		    const struct pp_engine *engine,
		    const struct pp_ruleset *rules,
		    const struct pp_bindings *bindings,
		    uint32_t *rule_id,
		    struct pp_error *err)
{
	uint32_t slot = 0;
	int fd, ret;

	ret = pp_image_sets_update(&maps->sets, rules, err);
	if (ret < 0)
		return ret;
	if (maps->sets.table.size > maps->images.set_bytes)
		return pp_error_set(err, -E2BIG, 0, 0, "the sets have outgrown the images");
	ret = create_image(&maps->images, &fd, err);
	if (ret < 0)
		return ret;
	ret = build_image(maps, engine, rules, bindings, fd, rule_id, err);
	maps->published_ns = pp_clock_ns(CLOCK_MONOTONIC);
	if (ret == 0 && bpf_map_update_elem(maps->images.fd, &slot, &fd, BPF_ANY))
		ret = pp_error_set(err, -errno, 0, 0, "cannot publish the rules: %s",
				   strerror(errno));
	close(fd);
	return ret;
}

int pp_maps_grow(struct pp_maps *maps,
		 const struct pp_engine *engine,
		 const struct pp_ruleset *rules,
		 struct pp_images *old,
		 struct pp_error *err)
{
	struct pp_images images;
	int ret = pp_image_sets_update(&maps->sets, rules, err);

	ret = ret
		      ?: create_images(&images, engine,
				       pp_image_sets_area(maps->sets.table.size, AREA_BYTES_GROWN),
				       err);
	if (ret < 0)
		return ret;
	*old = maps->images;
	maps->images = images;
	return 0;
}
