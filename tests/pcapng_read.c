// SPDX-License-Identifier: MIT OR Apache-2.0
#include "pcapng_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct pcapng_sum *sum;
	void (*see)(void *arg, const struct pcapng_packet *packet);
	void *arg;
	bool in_section;
};

static uint32_t u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint32_t pad(uint32_t bytes)
{
	return (bytes + 3) & ~3u;
}

// Walk options up to the end of the block's body.
//
// @return  Whether they are whole and end with the end of options.
static bool options(const uint8_t *at,
		    const uint8_t *end,
		    bool (*see)(void *arg, uint32_t code, const uint8_t *value, uint32_t bytes),
		    void *arg)
{
	while (end - at >= 4) {
		uint32_t code = u32(at) & 0xffff, bytes = u32(at) >> 16;

		at += 4;
		if (code == 0)
			return bytes == 0 && at == end;
		if ((size_t)(end - at) < pad(bytes) || !see(arg, code, at, bytes))
			return false;
		at += pad(bytes);
	}
	return false;
}

static void copy_text(char *to, size_t room, const uint8_t *value, uint32_t bytes)
{
	snprintf(to, room, "%.*s", (int)bytes, (const char *)value);
}

static bool section_option(void *arg, uint32_t code, const uint8_t *value, uint32_t bytes)
{
	struct pcapng_sum *sum = arg;

	if (code == 1)
		copy_text(sum->comment, sizeof(sum->comment), value, bytes);
	return true;
}

static bool packet_option(void *arg, uint32_t code, const uint8_t *value, uint32_t bytes)
{
	struct pcapng_packet *packet = arg;

	switch (code) {
	case 1:
		copy_text(packet->comment, sizeof(packet->comment), value, bytes);
		return true;
	case 2:
		return bytes == 4;
	case 4:
		packet->drops = u64(value);
		return bytes == 8;
	case 6:
		packet->queue = u32(value);
		return bytes == 4;
	case 7:
		packet->verdict = (int64_t)u64(value + 1);
		return bytes == 9 && value[0] == 2;
	}
	return false;
}

static bool stats_option(void *arg, uint32_t code, const uint8_t *value, uint32_t bytes)
{
	struct pcapng_sum *sum = arg;

	sum->received += code == 4 ? u64(value) : 0;
	sum->dropped += code == 5 ? u64(value) : 0;
	sum->delivered += code == 8 ? u64(value) : 0;
	return bytes == 8;
}

static bool any_option(void *arg, uint32_t code, const uint8_t *value, uint32_t bytes)
{
	(void)arg;
	return code != 9 || (bytes == 1 && value[0] == 9);
}

static bool read_packet(struct reader *reader, const uint8_t *body, const uint8_t *end)
{
	struct pcapng_packet packet = {.verdict = -1};

	if (end - body < 20)
		return false;
	packet.iface = u32(body);
	packet.time_ns = (uint64_t)u32(body + 4) << 32 | u32(body + 8);
	packet.cap_bytes = u32(body + 12);
	packet.len_bytes = u32(body + 16);
	packet.data = body + 20;
	if (packet.iface >= reader->sum->ifaces || packet.cap_bytes > packet.len_bytes ||
	    (size_t)(end - packet.data) < pad(packet.cap_bytes) ||
	    !options(packet.data + pad(packet.cap_bytes), end, packet_option, &packet))
		return false;
	reader->sum->pkts++;
	reader->sum->drops += packet.drops;
	if (reader->see != NULL)
		reader->see(reader->arg, &packet);
	return true;
}

static bool
read_block(struct reader *reader, uint32_t type, const uint8_t *body, const uint8_t *end)
{
	struct pcapng_sum *sum = reader->sum;

	if (type == 0x0a0d0d0a) {
		reader->in_section = true;
		sum->ifaces = 0;
		return end - body >= 16 && u32(body) == 0x1a2b3c4d && u32(body + 4) == 1 &&
		       options(body + 16, end, section_option, sum);
	}
	if (!reader->in_section)
		return false;
	if (type == 1) {
		sum->ifaces++;
		return end - body >= 8 && options(body + 8, end, any_option, NULL);
	}
	if (type == 5) {
		sum->stats++;
		return end - body >= 12 && u32(body) < sum->ifaces &&
		       options(body + 12, end, stats_option, sum);
	}
	return type == 6 && read_packet(reader, body, end);
}

static bool read_blocks(struct reader *reader, const uint8_t *at, size_t left)
{
	while (left > 0) {
		uint32_t bytes = left >= 12 ? u32(at + 4) : 0;

		if (bytes < 12 || bytes % 4 != 0 || bytes > left || u32(at + bytes - 4) != bytes ||
		    !read_block(reader, u32(at), at + 8, at + bytes - 4))
			return false;
		at += bytes;
		left -= bytes;
	}
	return reader->in_section;
}

// @return  malloc'ed; NULL: it could not be read.
static uint8_t *slurp(FILE *file, size_t *bytes)
{
	size_t room = 1 << 16;
	uint8_t *data = malloc(room);

	*bytes = 0;
	while (data != NULL) {
		size_t n = fread(data + *bytes, 1, room - *bytes, file);

		*bytes += n;
		if (n == 0)
			break;
		if (*bytes == room)
			data = realloc(data, room *= 2);
	}
	return data;
}

bool pcapng_read(const char *path,
		 struct pcapng_sum *sum,
		 void (*see)(void *arg, const struct pcapng_packet *packet),
		 void *arg)
{
	struct reader reader = {.sum = sum, .see = see, .arg = arg};
	size_t bytes, length = strlen(path);
	bool packed = length > 4 && strcmp(path + length - 4, ".zst") == 0, good;
	char command[1200];
	uint8_t *data;
	FILE *file;

	snprintf(command, sizeof(command), "zstd -dcq '%s'", path);
	file = packed ? popen(command, "r") : fopen(path, "r");
	if (file == NULL)
		return false;
	data = slurp(file, &bytes);
	good = (packed ? pclose(file) : fclose(file)) == 0;
	good = data != NULL && read_blocks(&reader, data, bytes) && good;
	free(data);
	return good;
}
