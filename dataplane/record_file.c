// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <push-packet/pcapng.h>

#include "record_pack.h"

#define STATS_BYTES 88 // of an interface
#define FRAME_BYTES 64 // that zstd adds to them at most, and some

// A write that stops half-way leaves nothing behind: the file ends where it ended.
static int store(struct pp_record_file *file, const uint8_t *data, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n =
			pwrite(file->fd, data + done, bytes - done, (off_t)(file->bytes + done));
		int ret = n < 0 ? -errno : -EIO;

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (ret == -EINTR)
			continue;
		if (done > 0 && ftruncate(file->fd, (off_t)file->bytes) < 0)
			return -errno;
		return ret;
	}
	file->bytes += bytes;
	return 0;
}

static uint64_t reserve(const struct pp_record_file *file)
{
	return (uint64_t)file->iface_count * STATS_BYTES + FRAME_BYTES;
}

static int pack_and_store(struct pp_record_file *file, const uint8_t *data, size_t bytes, bool last)
{
	int ret;

	if (file->pack == NULL)
		return store(file, data, bytes);
	if (file->packed_bytes == 0)
		file->packed_bytes = pp_record_pack(file->pack, data, bytes, last, &file->packed);
	if (file->packed_bytes == 0)
		return -EIO;
	ret = store(file, file->packed, file->packed_bytes);
	if (ret == 0)
		file->packed_bytes = 0;
	return ret;
}

static int begin_blocks(struct pp_record_file *file)
{
	uint8_t head[PP_RECORD_HEAD_BYTES];
	struct utsname about;
	char os[sizeof(about.sysname) + sizeof(about.release)];
	struct pp_pcapng_section section = {
		.application = "push-packet " PP_VERSION, .os = os, .comment = file->comment};
	size_t bytes;

	uname(&about);
	snprintf(os, sizeof(os), "%s %s", about.sysname, about.release);
	bytes = pp_pcapng_section(head, sizeof(head), &section);
	for (uint32_t i = 0; i < file->iface_count; i++) {
		const struct pp_pcapng_iface iface = {.frame_kind = file->iface[i].frame_kind,
						      .snap_bytes = file->snap_bytes,
						      .name = file->iface[i].name};

		bytes += pp_pcapng_iface(head + bytes, sizeof(head) - bytes, &iface);
	}
	return pack_and_store(file, head, bytes, false);
}

int pp_record_file_begin(struct pp_record_file *file, uint64_t now_ns)
{
	int ret = pp_record_folder_create(&file->folder, now_ns, file->name);

	if (ret < 0)
		return ret;
	file->fd = ret;
	file->bytes = 0;
	file->pkts = 0;
	file->begun_ns = now_ns;
	file->packed_bytes = 0;
	if (file->pack != NULL)
		pp_record_pack_begin(file->pack);
	ret = begin_blocks(file);
	if (ret < 0) {
		// Nobody wants an empty file, and on a full disk there would be one a try.
		pp_record_folder_remove(&file->folder, file->name);
		close(file->fd);
		file->fd = -1;
	}
	return ret;
}

int pp_record_file_add(struct pp_record_file *file,
		       const uint8_t *blocks,
		       size_t bytes,
		       uint64_t pkts)
{
	int ret = pack_and_store(file, blocks, bytes, false);

	if (ret == 0)
		file->pkts += pkts;
	return ret;
}

uint64_t pp_record_file_room(const struct pp_record_file *file)
{
	uint64_t used = file->bytes + reserve(file);
	uint64_t left = used < file->bytes_max ? file->bytes_max - used : 0;

	if (file->pack != NULL && left < pp_record_pack_room(file->pack))
		return 0;
	return left;
}

bool pp_record_file_gone(const struct pp_record_file *file)
{
	struct stat about;

	return file->fd >= 0 && fstat(file->fd, &about) == 0 && about.st_nlink == 0;
}

static size_t end_blocks(const struct pp_record_file *file,
			 const struct pp_record_iface_count *count,
			 uint64_t now_ns,
			 uint8_t *out,
			 size_t room)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < file->iface_count; i++) {
		const struct pp_pcapng_stats stats = {
			.iface = i,
			.time_ns = now_ns,
			.start_ns = file->begun_ns,
			.end_ns = now_ns,
			.received = count[i].delivered + count[i].dropped,
			.dropped = count[i].dropped,
			.delivered = count[i].delivered,
		};

		bytes += pp_pcapng_stats(out + bytes, room - bytes, &stats);
	}
	return bytes;
}

int pp_record_file_end(struct pp_record_file *file,
		       const struct pp_record_iface_count *count,
		       uint64_t now_ns)
{
	uint8_t end[PP_IFACES_MAX * STATS_BYTES];
	size_t bytes;
	int ret = -EIO;

	if (file->fd < 0)
		return 0;
	bytes = end_blocks(file, count, now_ns, end, sizeof(end));
	// What the packer knows of and the file does not cannot be gone on from.
	if (file->packed_bytes == 0)
		ret = pack_and_store(file, end, bytes, true);
	if (close(file->fd) < 0 && ret == 0)
		ret = -errno;
	file->fd = -1;
	return ret;
}
