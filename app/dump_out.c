// SPDX-License-Identifier: MIT OR Apache-2.0
#include "dump_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <push-packet/clock.h>
#include <push-packet/pcapng.h>

#include "dump_decode.h"

#define SECOND_NS 1000000000ull
#define CLOCK_COMMENT                                                                              \
	"time: when the XDP program was done with the packet, CLOCK_MONOTONIC plus its distance "  \
	"to CLOCK_REALTIME when the dump began"

struct pp_dump_out {
	FILE *file;
	bool pcapng;
	struct pp_dump_names *names;
	uint64_t monotonic_to_real_ns;
	uint64_t start_ns; // CLOCK_REALTIME
	uint64_t pkts[PP_IFACES_MAX];
	uint8_t block[PP_PCAPNG_PACKET_ROOM(PP_DUMP_SNAP_MAX)];
};

static void put_block(struct pp_dump_out *out, size_t bytes)
{
	fwrite(out->block, 1, bytes, out->file);
}

static void begin_file(struct pp_dump_out *out, uint32_t snap_bytes)
{
	struct pp_pcapng_section section = {.application = "push-packet dump " PP_VERSION,
					    .comment = CLOCK_COMMENT};
	char os[2 * sizeof(struct utsname)];
	struct utsname host;

	if (!uname(&host)) {
		snprintf(os, sizeof(os), "%s %s", host.sysname, host.release);
		section.os = os;
	}
	put_block(out, pp_pcapng_section(out->block, sizeof(out->block), &section));
	for (uint32_t i = 0; i < pp_dump_names_ifaces(out->names); i++) {
		const struct pp_pcapng_iface iface = {
			.frame_kind = pp_dump_names_frame_kind(out->names, i),
			.snap_bytes = snap_bytes,
			.name = pp_dump_names_iface(out->names, i)};

		put_block(out, pp_pcapng_iface(out->block, sizeof(out->block), &iface));
	}
}

int pp_dump_out_open(struct pp_dump_out **result,
		     const char *path,
		     uint32_t snap_bytes,
		     struct pp_dump_names *names,
		     struct pp_error *err)
{
	struct pp_dump_out *out = calloc(1, sizeof(*out));

	if (!out)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	out->names = names;
	out->pcapng = path;
	out->file = path && strcmp(path, "-") ? fopen(path, "we") : stdout;
	if (!out->file) {
		int ret = pp_error_set(err, -errno, 0, 0, "cannot write %s: %m", path);

		free(out);
		return ret;
	}
	out->start_ns = pp_clock_ns(CLOCK_REALTIME);
	out->monotonic_to_real_ns = out->start_ns - pp_clock_ns(CLOCK_MONOTONIC);
	if (out->pcapng)
		begin_file(out, snap_bytes);
	*result = out;
	return 0;
}

static void put_text(struct pp_dump_out *out, const struct pp_dump_note *note, uint64_t time_ns)
{
	char fate[PP_DUMP_FATE_BYTES], line[PP_DUMP_DECODE_BYTES], date[16] = "?";
	time_t seconds = (time_t)(time_ns / SECOND_NS);
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%H:%M:%S", &tm);
	pp_dump_names_fate(note, fate);
	pp_dump_decode(note->frame_kind, (const uint8_t *)(note + 1), note->meta.cap_bytes, line);
	fprintf(out->file, "%s.%06u %s:%u %s %s %s, length %u\n", date,
		(unsigned int)(time_ns % SECOND_NS / 1000),
		pp_dump_names_iface(out->names, note->meta.iface), note->meta.queue, fate,
		pp_dump_names_rule(out->names, note), line, note->meta.len_bytes);
}

static void put_packet(struct pp_dump_out *out, const struct pp_dump_note *note, uint64_t time_ns)
{
	char fate[PP_DUMP_FATE_BYTES], comment[PP_DUMP_FATE_BYTES + PP_NAME_BYTES + 32];
	struct pp_pcapng_packet packet = {.iface = note->meta.iface,
					  .time_ns = time_ns,
					  .data = (const uint8_t *)(note + 1),
					  .cap_bytes = note->meta.cap_bytes,
					  .len_bytes = note->meta.len_bytes,
					  .queue = note->meta.queue,
					  .verdict = note->xdp,
					  .comment = comment};

	pp_dump_names_fate(note, fate);
	packet.comment_bytes =
		(size_t)snprintf(comment, sizeof(comment), "%s, rule %u %s", fate,
				 note->meta.rule_id, pp_dump_names_rule(out->names, note));
	put_block(out, pp_pcapng_packet(out->block, sizeof(out->block), &packet));
}

void pp_dump_out_put(struct pp_dump_out *out, const struct pp_dump_note *note)
{
	uint64_t time_ns = note->meta.time_ns + out->monotonic_to_real_ns;

	// The daemon's numbers.
	if (note->meta.iface >= pp_dump_names_ifaces(out->names))
		return;
	out->pkts[note->meta.iface]++;
	if (out->pcapng)
		put_packet(out, note, time_ns);
	else
		put_text(out, note, time_ns);
}

int pp_dump_out_flush(struct pp_dump_out *out)
{
	return fflush(out->file) || ferror(out->file) ? -EIO : 0;
}

// Which interface a lost packet came from is known where there is only one.
static void end_file(struct pp_dump_out *out, const struct pp_dump_stats *stats)
{
	uint32_t ifaces = pp_dump_names_ifaces(out->names);

	for (uint32_t i = 0; i < ifaces; i++) {
		const struct pp_pcapng_stats block = {
			.iface = i,
			.time_ns = pp_clock_ns(CLOCK_REALTIME),
			.start_ns = out->start_ns,
			.end_ns = pp_clock_ns(CLOCK_REALTIME),
			.received = ifaces == 1 ? stats->matched : PP_PCAPNG_UNKNOWN,
			.dropped = ifaces == 1 || !stats->lost ? stats->lost : PP_PCAPNG_UNKNOWN,
			.delivered = out->pkts[i]};

		put_block(out, pp_pcapng_stats(out->block, sizeof(out->block), &block));
	}
}

int pp_dump_out_close(struct pp_dump_out *out, const struct pp_dump_stats *stats)
{
	int ret;

	if (!out)
		return 0;
	if (out->pcapng)
		end_file(out, stats);
	ret = pp_dump_out_flush(out);
	if (out->file != stdout && fclose(out->file) && !ret)
		ret = -EIO;
	free(out);
	return ret;
}
