// SPDX-License-Identifier: MIT OR Apache-2.0
#include "dumps.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cbpf.h"
#include "dump_program.h"
#include "grace.h"
#include "images.h"
#include "map.h"

#define NOTE_BYTES 64u // struct pp_dump_note, and to the end of its cache line

static const struct pp_dump no_dump = {.ring_fd = -1, .counts_fd = -1};

void pp_dumps_clear(struct pp_dumps *dumps)
{
	*dumps = (struct pp_dumps){.array_fd = {-1, -1}, .notes_fd = -1};
	for (uint32_t i = 0; i < PP_DUMPS_MAX; i++)
		dumps->dump[i] = no_dump;
}

int pp_dumps_init(struct pp_dumps *dumps, uint32_t cpu_count, struct pp_error *err)
{
	static const char *const name[2] = {"pp_dumps", "pp_dumps_frags"};
	int ret = 0;

	pp_dumps_clear(dumps);
	dumps->cpu_count = cpu_count;
	for (int i = 0; i < 2; i++)
		ret = ret
			      ?: pp_map_create(&dumps->array_fd[i], BPF_MAP_TYPE_PROG_ARRAY,
					       name[i], sizeof(uint32_t), PP_DUMPS_MAX, NULL, err);
	return ret
		       ?: pp_map_create(&dumps->notes_fd, BPF_MAP_TYPE_ARRAY, "pp_dump_notes",
					NOTE_BYTES, cpu_count, NULL, err);
}

static uint64_t counts_bytes(const struct pp_dumps *dumps)
{
	return dumps->cpu_count * sizeof(struct pp_dump_row);
}

static void close_dump(const struct pp_dumps *dumps, struct pp_dump *dump)
{
	pp_map_unmap(dump->row, counts_bytes(dumps));
	pp_map_close(&dump->ring_fd);
	pp_map_close(&dump->counts_fd);
	*dump = no_dump;
}

void pp_dumps_fini(struct pp_dumps *dumps)
{
	for (uint32_t i = 0; i < PP_DUMPS_MAX; i++)
		close_dump(dumps, &dumps->dump[i]);
	pp_map_close(&dumps->notes_fd);
	pp_map_close(&dumps->array_fd[0]);
	pp_map_close(&dumps->array_fd[1]);
	dumps->used = 0;
}

static int check(const struct pp_dump_config *config, struct pp_error *err)
{
	int ret = 0;

	if (config->snap_bytes == 0 || config->snap_bytes > PP_DUMP_SNAP_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "expected 1 to %u bytes of a packet",
				    PP_DUMP_SNAP_MAX);
	if (config->ring_bytes < 4096 || config->ring_bytes > PP_DUMP_RING_BYTES_MAX ||
	    (config->ring_bytes & (config->ring_bytes - 1)) != 0)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "expected a ring of 4 KiB to 1 GiB, a power of two");
	if (config->rule_id > UINT32_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "no rule has so high an id");
	for (int i = 0; ret == 0 && i < 2; i++)
		if (config->filter[i].count > 0)
			ret = pp_cbpf_check(config->filter[i].insn, config->filter[i].count, err);
	return ret;
}

static int open_dump(const struct pp_dumps *dumps, struct pp_dump *dump, struct pp_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int ret;

	dump->ring_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "pp_dump_ring", 0, 0,
				       dump->config.ring_bytes, NULL);
	if (dump->ring_fd < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot create a ring of %u KiB: %s",
				    dump->config.ring_bytes >> 10, strerror(errno));
	ret = pp_map_create(&dump->counts_fd, BPF_MAP_TYPE_ARRAY, "pp_dump_counts",
			    sizeof(struct pp_dump_row), dumps->cpu_count, &opts, err);
	return ret ?: pp_map_memory(&dump->row, dump->counts_fd, counts_bytes(dumps), false, err);
}

static void close_programs(int fd[2])
{
	pp_map_close(&fd[0]);
	pp_map_close(&fd[1]);
}

// @param fd  Set to both programs, for the plain and for the xdp.frags tap.
static int
load(const struct pp_dumps *dumps, uint32_t slot, int records_fd, int fd[2], struct pp_error *err)
{
	const struct pp_dump *dump = &dumps->dump[slot];
	struct pp_dump_program program = {.config = &dump->config,
					  .slot = slot,
					  .notes_fd = dumps->notes_fd,
					  .records_fd = records_fd,
					  .ring_fd = dump->ring_fd,
					  .counts_fd = dump->counts_fd};

	fd[0] = fd[1] = -1;
	for (int i = 0; i < 2; i++) {
		program.frags = i;
		program.array_fd = dumps->array_fd[i];
		fd[i] = pp_dump_program_load(&program, err);
		if (fd[i] < 0) {
			int ret = fd[i];

			close_programs(fd);
			return ret;
		}
	}
	return 0;
}

static void empty_slot(const struct pp_dumps *dumps, uint32_t slot)
{
	for (int i = 0; i < 2; i++)
		bpf_map_delete_elem(dumps->array_fd[i], &slot);
}

static int
fill_slot(const struct pp_dumps *dumps, uint32_t slot, const int fd[2], struct pp_error *err)
{
	for (int i = 0; i < 2; i++)
		if (bpf_map_update_elem(dumps->array_fd[i], &slot, &fd[i], BPF_ANY)) {
			int ret = -errno;

			empty_slot(dumps, slot);
			return pp_error_set(err, ret, 0, 0, "cannot start the dump's program: %s",
					    strerror(-ret));
		}
	return 0;
}

// Taps must have begun to tell before a program reads what they told.
static int tell(const struct pp_dumps *dumps,
		struct pp_images *images,
		const struct pp_grace *grace,
		struct pp_error *err)
{
	int ret;

	if (dumps->used != 0)
		return 0;
	pp_images_set_dumping(images, true);
	ret = pp_grace_wait(grace, err);
	if (ret < 0)
		pp_images_set_dumping(images, false);
	return ret;
}

static int start(struct pp_dumps *dumps,
		 uint32_t slot,
		 struct pp_images *images,
		 const struct pp_grace *grace,
		 int records_fd,
		 struct pp_error *err)
{
	int fd[2];
	int ret = load(dumps, slot, records_fd, fd, err);

	if (ret < 0)
		return ret;
	ret = tell(dumps, images, grace, err);
	if (ret == 0) {
		ret = fill_slot(dumps, slot, fd, err);
		if (ret < 0 && dumps->used == 0)
			pp_images_set_dumping(images, false);
	}
	close_programs(fd);
	return ret;
}

int pp_dumps_start(struct pp_dumps *dumps,
		   const struct pp_dump_config *config,
		   struct pp_images *images,
		   const struct pp_grace *grace,
		   int records_fd,
		   uint32_t *slot,
		   struct pp_error *err)
{
	uint32_t free_slot = (uint32_t)__builtin_ctz(~dumps->used);
	struct pp_dump *dump = &dumps->dump[free_slot];
	int ret = check(config, err);

	if (ret < 0)
		return ret;
	if (free_slot >= PP_DUMPS_MAX)
		return pp_error_set(err, -EBUSY, 0, 0, "there are %u dumps already, which is all",
				    PP_DUMPS_MAX);
	dump->config = *config;
	ret = open_dump(dumps, dump, err);
	ret = ret ?: start(dumps, free_slot, images, grace, records_fd, err);
	if (ret < 0) {
		close_dump(dumps, dump);
		return ret;
	}
	// The instructions are the caller's.
	dump->config.filter[0].insn = dump->config.filter[1].insn = NULL;
	dumps->used |= 1u << free_slot;
	*slot = free_slot;
	return 0;
}

void pp_dumps_stop(struct pp_dumps *dumps,
		   uint32_t slot,
		   struct pp_images *images,
		   const struct pp_grace *grace,
		   struct pp_dump_stats *out)
{
	struct pp_error ignored;

	empty_slot(dumps, slot);
	dumps->used &= ~(1u << slot);
	if (dumps->used == 0)
		pp_images_set_dumping(images, false);
	pp_grace_wait(grace, &ignored);
	if (out != NULL)
		pp_dumps_sum(dumps->dump[slot].row, dumps->cpu_count, out);
	close_dump(dumps, &dumps->dump[slot]);
}

void pp_dumps_sum(volatile const struct pp_dump_row *row,
		  uint32_t cpu_count,
		  struct pp_dump_stats *out)
{
	*out = (struct pp_dump_stats){0};
	for (uint32_t i = 0; i < cpu_count; i++) {
		out->matched += row[i].matched;
		out->lost += row[i].lost;
	}
}
