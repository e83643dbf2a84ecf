// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/dump.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "bpf_ring.h"
#include "dumps.h"
#include "map.h"

struct pp_dump_reader {
	struct pp_bpf_ring ring;
	volatile const struct pp_dump_row *row;
	uint32_t cpu_count;
};

static uint64_t row_bytes(const struct pp_dump_reader *reader)
{
	return reader->cpu_count * sizeof(*reader->row);
}

static int map_both(struct pp_dump_reader *reader,
		    int ring_fd,
		    int counts_fd,
		    uint32_t ring_bytes,
		    struct pp_error *err)
{
	int fd = fcntl(ring_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot keep the dump's ring: %s",
				    strerror(errno));
	return pp_bpf_ring_map(&reader->ring, fd, ring_bytes, err)
		       ?: pp_map_memory(&reader->row, counts_fd, row_bytes(reader), false, err);
}

int pp_dump_reader_open(struct pp_dump_reader **out,
			int ring_fd,
			int counts_fd,
			uint32_t ring_bytes,
			uint32_t cpu_count,
			struct pp_error *err)
{
	struct pp_dump_reader *reader = calloc(1, sizeof(*reader));
	int ret;

	if (reader == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	reader->ring.map_fd = -1;
	reader->cpu_count = cpu_count;
	ret = map_both(reader, ring_fd, counts_fd, ring_bytes, err);
	if (ret < 0)
		pp_dump_reader_close(reader);
	else
		*out = reader;
	return ret;
}

void pp_dump_reader_close(struct pp_dump_reader *reader)
{
	if (reader == NULL)
		return;
	pp_map_unmap(reader->row, row_bytes(reader));
	pp_bpf_ring_close(&reader->ring);
	free(reader);
}

uint32_t
pp_dump_reader_burst(struct pp_dump_reader *reader, const struct pp_dump_note *note[], uint32_t max)
{
	return pp_bpf_ring_burst(&reader->ring, (const struct pp_meta **)note, max);
}

void pp_dump_reader_release(struct pp_dump_reader *reader)
{
	pp_bpf_ring_release(&reader->ring);
}

void pp_dump_reader_stats(const struct pp_dump_reader *reader, struct pp_dump_stats *out)
{
	pp_dumps_sum(reader->row, reader->cpu_count, out);
}
