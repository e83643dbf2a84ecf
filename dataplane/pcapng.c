// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/pcapng.h>

#include <string.h>

#include <linux/bpf.h>

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_IFACE 1u
#define BLOCK_STATS 5u
#define BLOCK_PACKET 6u

#define OPT_END 0u
#define OPT_COMMENT 1u
#define SHB_OS 3u
#define SHB_APPLICATION 4u
#define IDB_NAME 2u
#define IDB_DESCRIPTION 3u
#define IDB_TSRESOL 9u
#define EPB_FLAGS 2u
#define EPB_DROPS 4u
#define EPB_QUEUE 6u
#define EPB_VERDICT 7u
#define ISB_START 2u
#define ISB_END 3u
#define ISB_RECEIVED 4u
#define ISB_DROPPED 5u
#define ISB_DELIVERED 8u

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define SECTION_BYTES_UNKNOWN UINT64_MAX
#define LINK_ETHERNET 1u
#define LINK_RAW 101u
#define TSRESOL_NS 9u
#define FLAGS_INBOUND 1u
#define FLAGS_OUTBOUND 2u
#define VERDICT_XDP 2u // type: Linux eBPF XDP, 8 bytes follow

#define BLOCK_FRAME_BYTES 12u // type and length in front, length again behind
#define OPTION_BYTES 4u // code and length

// A block in the making. Without room nothing is stored and everything is counted.
struct block {
	uint8_t *out;
	size_t room;
	size_t used;
};

static size_t padded(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

static void put(struct block *block, const void *data, size_t bytes)
{
	static const uint8_t zero[3];
	size_t pad = padded(bytes) - bytes;

	if (bytes > 0)
		memcpy(block->out + block->used, data, bytes);
	memcpy(block->out + block->used + bytes, zero, pad);
	block->used += bytes + pad;
}

static void put_u32(struct block *block, uint32_t value)
{
	memcpy(block->out + block->used, &value, sizeof(value));
	block->used += sizeof(value);
}

// Two numbers of 32 bits, as the format has all 64-bit ones in the fixed part that are not a
// section's length.
static void put_time(struct block *block, uint64_t time_ns)
{
	put_u32(block, (uint32_t)(time_ns >> 32));
	put_u32(block, (uint32_t)time_ns);
}

static void put_option(struct block *block, uint32_t code, const void *data, size_t bytes)
{
	uint16_t head[2] = {(uint16_t)code, (uint16_t)bytes};

	put(block, head, sizeof(head));
	put(block, data, bytes);
}

static void put_time_option(struct block *block, uint32_t code, uint64_t time_ns)
{
	uint32_t halves[2] = {(uint32_t)(time_ns >> 32), (uint32_t)time_ns};

	put_option(block, code, halves, sizeof(halves));
}

static size_t text_bytes(const char *text)
{
	return text != NULL ? strnlen(text, PP_PCAPNG_TEXT_MAX) : 0;
}

static size_t text_option_bytes(size_t bytes)
{
	return bytes > 0 ? OPTION_BYTES + padded(bytes) : 0;
}

static void put_text(struct block *block, uint32_t code, const char *text, size_t bytes)
{
	if (bytes > 0)
		put_option(block, code, text, bytes);
}

// @return  Whether the block, of so many bytes with all that frames it, has room.
static int begin(struct block *block, uint32_t type, size_t bytes)
{
	if (block->out == NULL || bytes > block->room)
		return 0;
	put_u32(block, type);
	put_u32(block, (uint32_t)bytes);
	return 1;
}

static void end(struct block *block, size_t bytes)
{
	put_u32(block, OPT_END);
	put_u32(block, (uint32_t)bytes);
}

size_t pp_pcapng_section(uint8_t *out, size_t room, const struct pp_pcapng_section *section)
{
	const uint64_t section_bytes = SECTION_BYTES_UNKNOWN;
	const uint16_t version[2] = {1, 0};
	struct block block = {.out = out, .room = room};
	size_t os = text_bytes(section->os);
	size_t application = text_bytes(section->application);
	size_t comment = text_bytes(section->comment);
	size_t bytes = BLOCK_FRAME_BYTES + 16 + OPTION_BYTES + text_option_bytes(os) +
		       text_option_bytes(application) + text_option_bytes(comment);

	if (!begin(&block, BLOCK_SECTION, bytes))
		return bytes;
	put_u32(&block, BYTE_ORDER_MAGIC);
	put(&block, version, sizeof(version));
	put(&block, &section_bytes, sizeof(section_bytes));
	put_text(&block, OPT_COMMENT, section->comment, comment);
	put_text(&block, SHB_OS, section->os, os);
	put_text(&block, SHB_APPLICATION, section->application, application);
	end(&block, bytes);
	return bytes;
}

size_t pp_pcapng_iface(uint8_t *out, size_t room, const struct pp_pcapng_iface *iface)
{
	const uint16_t link[2] = {iface->frame_kind == PP_FRAME_RAW_IP ? LINK_RAW : LINK_ETHERNET,
				  0};
	const uint8_t tsresol = TSRESOL_NS;
	struct block block = {.out = out, .room = room};
	size_t name = text_bytes(iface->name);
	size_t description = text_bytes(iface->description);
	size_t bytes = BLOCK_FRAME_BYTES + 8 + (OPTION_BYTES + 4) + OPTION_BYTES +
		       text_option_bytes(name) + text_option_bytes(description);

	if (!begin(&block, BLOCK_IFACE, bytes))
		return bytes;
	put(&block, link, sizeof(link));
	put_u32(&block, iface->snap_bytes);
	put_text(&block, IDB_NAME, iface->name, name);
	put_text(&block, IDB_DESCRIPTION, iface->description, description);
	put_option(&block, IDB_TSRESOL, &tsresol, sizeof(tsresol));
	end(&block, bytes);
	return bytes;
}

// The verdict is a byte that says whose it is, then the verdict itself.
static void put_verdict(struct block *block, int verdict)
{
	const uint64_t code = (uint64_t)verdict;
	uint8_t data[1 + sizeof(code)] = {VERDICT_XDP};

	memcpy(data + 1, &code, sizeof(code));
	put_option(block, EPB_VERDICT, data, sizeof(data));
}

static size_t packet_bytes(const struct pp_pcapng_packet *packet, size_t comment)
{
	return BLOCK_FRAME_BYTES + 20 + padded(packet->cap_bytes) + text_option_bytes(comment) +
	       (OPTION_BYTES + 4) + (packet->drops > 0 ? OPTION_BYTES + 8 : 0) +
	       (packet->queue != PP_QUEUE_OUT ? OPTION_BYTES + 4 : 0) +
	       (packet->verdict != PP_PCAPNG_NO_VERDICT ? OPTION_BYTES + 12 : 0) + OPTION_BYTES;
}

size_t pp_pcapng_packet(uint8_t *out, size_t room, const struct pp_pcapng_packet *packet)
{
	const uint32_t flags = packet->queue == PP_QUEUE_OUT ? FLAGS_OUTBOUND : FLAGS_INBOUND;
	struct block block = {.out = out, .room = room};
	size_t comment = packet->comment == NULL		      ? 0
			 : packet->comment_bytes < PP_PCAPNG_TEXT_MAX ? packet->comment_bytes
								      : PP_PCAPNG_TEXT_MAX;
	size_t bytes = packet_bytes(packet, comment);

	if (!begin(&block, BLOCK_PACKET, bytes))
		return bytes;
	put_u32(&block, packet->iface);
	put_time(&block, packet->time_ns);
	put_u32(&block, packet->cap_bytes);
	put_u32(&block, packet->len_bytes);
	put(&block, packet->data, packet->cap_bytes);
	put_text(&block, OPT_COMMENT, packet->comment, comment);
	put_option(&block, EPB_FLAGS, &flags, sizeof(flags));
	if (packet->drops > 0)
		put_option(&block, EPB_DROPS, &packet->drops, sizeof(packet->drops));
	if (packet->queue != PP_QUEUE_OUT)
		put_option(&block, EPB_QUEUE, &packet->queue, sizeof(packet->queue));
	if (packet->verdict != PP_PCAPNG_NO_VERDICT)
		put_verdict(&block, packet->verdict);
	end(&block, bytes);
	return bytes;
}

size_t pp_pcapng_stats(uint8_t *out, size_t room, const struct pp_pcapng_stats *stats)
{
	const struct {
		uint32_t code;
		uint64_t value;
	} counter[] = {{ISB_RECEIVED, stats->received},
		       {ISB_DROPPED, stats->dropped},
		       {ISB_DELIVERED, stats->delivered}};
	struct block block = {.out = out, .room = room};
	size_t bytes = BLOCK_FRAME_BYTES + 12 + 2 * (OPTION_BYTES + 8) + OPTION_BYTES;

	for (size_t i = 0; i < sizeof(counter) / sizeof(counter[0]); i++)
		if (counter[i].value != PP_PCAPNG_UNKNOWN)
			bytes += OPTION_BYTES + sizeof(counter[i].value);
	if (!begin(&block, BLOCK_STATS, bytes))
		return bytes;
	put_u32(&block, stats->iface);
	put_time(&block, stats->time_ns);
	put_time_option(&block, ISB_START, stats->start_ns);
	put_time_option(&block, ISB_END, stats->end_ns);
	for (size_t i = 0; i < sizeof(counter) / sizeof(counter[0]); i++)
		if (counter[i].value != PP_PCAPNG_UNKNOWN)
			put_option(&block, counter[i].code, &counter[i].value,
				   sizeof(counter[i].value));
	end(&block, bytes);
	return bytes;
}

int pp_pcapng_verdict(uint32_t verdict)
{
	static const int code[PP_VERDICT_COUNT] = {[PP_VERDICT_PASS] = XDP_PASS,
						   [PP_VERDICT_DROP] = XDP_DROP,
						   [PP_VERDICT_ROUTE] = XDP_REDIRECT};

	return verdict < PP_VERDICT_COUNT ? code[verdict] : PP_PCAPNG_NO_VERDICT;
}
