// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/pcapng.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <linux/bpf.h>

static uint8_t block[PP_PCAPNG_PACKET_ROOM(PP_COPY_BYTES_MAX)];

static uint32_t u32_at(size_t at)
{
	uint32_t value;

	memcpy(&value, block + at, sizeof(value));
	return value;
}

static uint16_t u16_at(size_t at)
{
	uint16_t value;

	memcpy(&value, block + at, sizeof(value));
	return value;
}

// What any reader checks first.
static void check_frame(uint32_t type, size_t bytes)
{
	cr_assert_eq(u32_at(0), type);
	cr_assert_eq(bytes % 4, 0);
	cr_assert_eq(u32_at(4), bytes, "the length in front");
	cr_assert_eq(u32_at(bytes - 4), bytes, "the length behind");
	cr_assert_eq(u32_at(bytes - 8), 0, "the end of options");
}

// @return  Where an option's value is; 0: it is not there. bytes: of the value.
static size_t find_option(size_t at, size_t end, uint16_t code, uint16_t *bytes)
{
	while (at < end && u16_at(at) != 0) {
		*bytes = u16_at(at + 2);
		if (u16_at(at) == code)
			return at + 4;
		at += 4 + ((*bytes + 3u) & ~3u);
	}
	return 0;
}

static void check_text(size_t at, size_t end, uint16_t code, const char *want)
{
	uint16_t bytes;
	size_t value = find_option(at, end, code, &bytes);

	cr_assert_neq(value, 0, "option %u", code);
	cr_assert_eq(bytes, strlen(want), "option %u", code);
	cr_assert_eq(memcmp(block + value, want, bytes), 0, "option %u", code);
}

Test(pcapng, section_tells_byte_order_and_who_wrote_it)
{
	const struct pp_pcapng_section section = {
		.application = "push-packet 1", .os = "Linux", .comment = "clock"};
	size_t bytes = pp_pcapng_section(block, sizeof(block), &section);

	check_frame(0x0a0d0d0a, bytes);
	cr_expect_eq(u32_at(8), 0x1a2b3c4d);
	cr_expect_eq(u16_at(12), 1);
	cr_expect_eq(u16_at(14), 0);
	cr_expect_eq(u32_at(16), UINT32_MAX);
	cr_expect_eq(u32_at(20), UINT32_MAX);
	check_text(24, bytes, 1, "clock");
	check_text(24, bytes, 3, "Linux");
	check_text(24, bytes, 4, "push-packet 1");
}

Test(pcapng, interface_has_link_type_and_nanoseconds)
{
	for (uint8_t kind = PP_FRAME_ETHERNET; kind <= PP_FRAME_RAW_IP; kind++) {
		const struct pp_pcapng_iface iface = {
			.frame_kind = kind, .snap_bytes = 96, .name = "eth0"};
		size_t bytes = pp_pcapng_iface(block, sizeof(block), &iface);
		uint16_t len;
		size_t resolution;

		check_frame(1, bytes);
		cr_expect_eq(u16_at(8), kind == PP_FRAME_RAW_IP ? 101 : 1);
		cr_expect_eq(u32_at(12), 96);
		check_text(16, bytes, 2, "eth0");
		resolution = find_option(16, bytes, 9, &len);
		cr_assert_neq(resolution, 0);
		cr_expect_eq(len, 1);
		cr_expect_eq(block[resolution], 9);
	}
}

Test(pcapng, packet_of_every_length_is_whole_and_padded)
{
	uint8_t data[70];

	memset(data, 0xab, sizeof(data));
	for (uint32_t n = 0; n <= sizeof(data); n++) {
		const struct pp_pcapng_packet packet = {.iface = 3,
							.time_ns = 0x123456789abcdef0,
							.data = data,
							.cap_bytes = n,
							.len_bytes = n + 1000,
							.queue = 7,
							.verdict = XDP_DROP,
							.drops = 1ull << 40,
							.comment = "rule 17 webX",
							.comment_bytes = 11};
		size_t bytes = pp_pcapng_packet(block, sizeof(block), &packet), at, value;
		uint64_t verdict, drops;
		uint16_t len;

		check_frame(6, bytes);
		cr_assert_leq(bytes, PP_PCAPNG_PACKET_ROOM(n));
		cr_expect_eq(u32_at(8), 3);
		cr_expect_eq(u32_at(12), 0x12345678);
		cr_expect_eq(u32_at(16), 0x9abcdef0);
		cr_expect_eq(u32_at(20), n);
		cr_expect_eq(u32_at(24), n + 1000);
		cr_expect_eq(memcmp(block + 28, data, n), 0);
		at = 28 + ((n + 3) & ~3u);
		for (size_t i = 28 + n; i < at; i++)
			cr_expect_eq(block[i], 0, "padding");
		check_text(at, bytes, 1, "rule 17 web");
		value = find_option(at, bytes, 2, &len);
		cr_expect_eq(len, 4);
		cr_expect_eq(u32_at(value), 1, "inbound");
		value = find_option(at, bytes, 6, &len);
		cr_expect_eq(len, 4);
		cr_expect_eq(u32_at(value), 7);
		value = find_option(at, bytes, 7, &len);
		cr_expect_eq(len, 9);
		cr_expect_eq(block[value], 2, "an XDP verdict");
		memcpy(&verdict, block + value + 1, sizeof(verdict));
		cr_expect_eq(verdict, XDP_DROP);
		value = find_option(at, bytes, 4, &len);
		cr_expect_eq(len, 8);
		memcpy(&drops, block + value, sizeof(drops));
		cr_expect_eq(drops, 1ull << 40);
	}
}

Test(pcapng, what_was_sent_is_outbound_and_has_no_queue)
{
	const struct pp_pcapng_packet packet = {.verdict = XDP_PASS, .queue = PP_QUEUE_OUT};
	size_t bytes = pp_pcapng_packet(block, sizeof(block), &packet), value;
	uint16_t len;

	check_frame(6, bytes);
	value = find_option(28, bytes, 2, &len);
	cr_expect_eq(len, 4);
	cr_expect_eq(u32_at(value), 2, "outbound");
	cr_expect_eq(find_option(28, bytes, 6, &len), 0, "queue");
}

Test(pcapng, what_is_not_known_is_left_out)
{
	const struct pp_pcapng_packet packet = {.verdict = PP_PCAPNG_NO_VERDICT};
	const struct pp_pcapng_stats stats = {
		.received = 5, .dropped = PP_PCAPNG_UNKNOWN, .delivered = PP_PCAPNG_UNKNOWN};
	size_t bytes = pp_pcapng_packet(block, sizeof(block), &packet);
	uint16_t len;

	check_frame(6, bytes);
	cr_expect_eq(find_option(28, bytes, 1, &len), 0, "comment");
	cr_expect_eq(find_option(28, bytes, 4, &len), 0, "drops");
	cr_expect_eq(find_option(28, bytes, 7, &len), 0, "verdict");
	bytes = pp_pcapng_stats(block, sizeof(block), &stats);
	check_frame(5, bytes);
	cr_expect_neq(find_option(20, bytes, 4, &len), 0);
	cr_expect_eq(find_option(20, bytes, 5, &len), 0);
	cr_expect_eq(find_option(20, bytes, 8, &len), 0);
}

Test(pcapng, without_room_for_all_of_a_block_nothing_is_stored)
{
	static const uint8_t data[9] = "packet 1";
	const struct pp_pcapng_section section = {.application = "a", .comment = "b"};
	const struct pp_pcapng_iface iface = {.name = "eth0"};
	const struct pp_pcapng_packet packet = {.data = data, .cap_bytes = 9, .verdict = XDP_PASS};
	const struct pp_pcapng_stats stats = {0};
	size_t want[4] = {pp_pcapng_section(NULL, 0, &section), pp_pcapng_iface(NULL, 0, &iface),
			  pp_pcapng_packet(NULL, 0, &packet), pp_pcapng_stats(NULL, 0, &stats)};

	for (size_t i = 0; i < 4; i++)
		for (size_t room = 0; room <= want[i]; room++) {
			// Of that size exactly, so that a sanitizer sees what goes beyond.
			uint8_t *out = calloc(1, room ?: 1);
			size_t bytes = i == 0	? pp_pcapng_section(out, room, &section)
				       : i == 1 ? pp_pcapng_iface(out, room, &iface)
				       : i == 2 ? pp_pcapng_packet(out, room, &packet)
						: pp_pcapng_stats(out, room, &stats);

			cr_assert_eq(bytes, want[i]);
			cr_assert_eq(out[0] != 0, room == want[i], "block %zu, room %zu", i, room);
			free(out);
		}
}

Test(pcapng, long_texts_are_cut)
{
	char text[PP_PCAPNG_TEXT_MAX + 100];
	const struct pp_pcapng_packet packet = {
		.verdict = XDP_PASS, .drops = 1, .comment = text, .comment_bytes = sizeof(text)};
	const struct pp_pcapng_section section = {.comment = text};
	uint16_t len;
	size_t bytes;

	memset(text, 'x', sizeof(text));
	bytes = pp_pcapng_packet(block, sizeof(block), &packet);
	check_frame(6, bytes);
	cr_assert_leq(bytes, PP_PCAPNG_PACKET_ROOM(0));
	cr_assert_neq(find_option(28, bytes, 1, &len), 0);
	cr_expect_eq(len, PP_PCAPNG_TEXT_MAX);
	text[sizeof(text) - 1] = '\0';
	bytes = pp_pcapng_section(block, sizeof(block), &section);
	check_frame(0x0a0d0d0a, bytes);
}

Test(pcapng, verdicts_are_those_of_xdp)
{
	cr_expect_eq(pp_pcapng_verdict(PP_VERDICT_PASS), XDP_PASS);
	cr_expect_eq(pp_pcapng_verdict(PP_VERDICT_DROP), XDP_DROP);
	cr_expect_eq(pp_pcapng_verdict(PP_VERDICT_ROUTE), XDP_REDIRECT);
	cr_expect_eq(pp_pcapng_verdict(PP_VERDICT_COUNT), PP_PCAPNG_NO_VERDICT);
}
