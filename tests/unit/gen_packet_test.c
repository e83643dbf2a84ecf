// SPDX-License-Identifier: MIT OR Apache-2.0
#include <criterion/criterion.h>

#include "gen_check.h"
#include "gen_packet.h"
#include "gen_sum.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define MTU_FRAME 1514

static struct pp_gen_spec udp4(void)
{
	return (struct pp_gen_spec){
		.src_mac = {2, 0, 0, 0, 0, 2},
		.dst_mac = {2, 0, 0, 0, 0, 1},
		.ethertype = -1,
		.family = 4,
		.src = {.base = {192, 0, 2, 1}, .prefix_bits = 32},
		.dst = {.base = {198, 51, 100, 1}, .prefix_bits = 32},
		.sport = {1024, 1024},
		.dport = {9, 9},
		.proto = IPPROTO_UDP,
		.seq = true,
	};
}

static struct pp_gen_spec udp6(void)
{
	struct pp_gen_spec spec = udp4();

	spec.family = 6;
	spec.src = (struct pp_gen_addrs){.base = {0x20, 1, 0x0d, 0xb8, [15] = 1}, 128};
	spec.dst = (struct pp_gen_addrs){.base = {0x20, 1, 0x0d, 0xb8, [15] = 2}, 128};
	return spec;
}

static uint16_t port_at(const uint8_t *frame, uint32_t offset)
{
	return (uint16_t)(frame[offset] << 8 | frame[offset + 1]);
}

// A sum over a header or packet whose checksum is in place folds to zero.
static bool sums_up(const uint8_t *bytes, uint32_t n, uint64_t pseudo)
{
	return pp_gen_sum_fold(pp_gen_sum(bytes, n) + pseudo) == 0;
}

static bool is_good_udp4(const uint8_t *frame, uint32_t size)
{
	uint32_t udp_bytes = size - 34;
	uint64_t pseudo =
		pp_gen_sum(frame + 26, 8) + htons(IPPROTO_UDP) + htons((uint16_t)udp_bytes);

	return sums_up(frame + 14, 20, 0) && sums_up(frame + 34, udp_bytes, pseudo);
}

Test(gen_packet, checksums_hold_for_every_flow_and_size)
{
	struct pp_gen_spec spec = udp4();

	spec.src.prefix_bits = 29;
	spec.sport = (struct pp_gen_ports){65530, 65535};
	spec.dport = (struct pp_gen_ports){0, 2};
	for (uint32_t size = 60; size <= 200; size++) {
		struct pp_gen_cursor cursor = {0};
		struct pp_gen_plan plan;
		uint8_t frame[200];

		spec.size_bytes = size;
		cr_assert_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), 0);
		cr_assert_eq(plan.flows, 6 * 3 * 8);
		memcpy(frame, plan.image, size);
		for (int i = 0; i < 400; i++) {
			pp_gen_packet_write(&plan, &cursor, frame);
			cr_assert(is_good_udp4(frame, size), "size %u frame %d", size, i);
		}
		pp_gen_plan_fini(&plan);
	}
}

Test(gen_packet, a_udp_checksum_is_never_zero)
{
	struct pp_gen_spec spec = udp4();
	struct pp_gen_cursor cursor = {0};
	struct pp_gen_plan plan;
	uint32_t ones = 0;
	uint8_t frame[64];

	spec.size_bytes = 64;
	cr_assert_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), 0);
	memcpy(frame, plan.image, sizeof(frame));
	// 2^16 sequence numbers in a row meet every value of the checksum.
	for (int i = 0; i < 1 << 16; i++) {
		pp_gen_packet_write(&plan, &cursor, frame);
		cr_assert_neq(port_at(frame, 40), 0);
		ones += port_at(frame, 40) == 0xffff;
	}
	cr_expect_geq(ones, 1);
	pp_gen_plan_fini(&plan);
}

Test(gen_packet, flows_turn_ports_first_then_addresses_and_then_begin_again)
{
	struct pp_gen_spec spec = udp4();
	struct pp_gen_cursor cursor = {0};
	struct pp_gen_plan plan;
	uint8_t frame[64];

	spec.size_bytes = 64;
	spec.src = (struct pp_gen_addrs){.base = {192, 0, 2, 3}, .prefix_bits = 30};
	spec.sport = (struct pp_gen_ports){10, 11};
	spec.dport = (struct pp_gen_ports){20, 21};
	cr_assert_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), 0);
	cr_assert_eq(plan.flows, 16);
	memcpy(frame, plan.image, sizeof(frame));
	for (uint32_t i = 0; i < 40; i++) {
		uint32_t flow = i % 16;

		pp_gen_packet_write(&plan, &cursor, frame);
		cr_expect_eq(port_at(frame, 34), 10 + flow % 2);
		cr_expect_eq(port_at(frame, 36), 20 + flow / 2 % 2);
		cr_expect_eq(frame[29], (3 + flow / 4) % 4, "192.0.2.3, .0, .1, .2");
		cr_expect_eq(frame[42 + 7], flow);
		cr_expect_eq(frame[42 + 15], i / 16, "sequence number");
	}
	pp_gen_plan_fini(&plan);
}

Test(gen_packet, more_flows_than_the_ranges_give_are_refused)
{
	struct pp_gen_spec spec = udp4();
	struct pp_gen_plan plan;
	struct pp_error err;

	spec.sport = (struct pp_gen_ports){10, 19};
	spec.flows = 10;
	cr_assert_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, &err), 0);
	pp_gen_plan_fini(&plan);
	spec.flows = 11;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "give 10 flows"), "%s", err.text);
}

static uint32_t least_size(struct pp_gen_spec spec)
{
	struct pp_gen_plan plan;

	for (uint32_t size = 1; size <= MTU_FRAME; size++) {
		spec.size_bytes = size;
		if (pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL) == 0) {
			pp_gen_plan_fini(&plan);
			return size;
		}
	}
	return 0;
}

Test(gen_packet, the_least_size_is_what_the_headers_need)
{
	struct pp_gen_spec spec = udp4();

	cr_expect_eq(least_size(spec), 14 + 20 + 8 + 18);
	spec.vlan_count = 2;
	cr_expect_eq(least_size(spec), 14 + 8 + 20 + 8 + 18);
	spec.option_bytes = 40;
	cr_expect_eq(least_size(spec), 14 + 8 + 60 + 8 + 18);
	spec.proto = IPPROTO_TCP;
	spec.seq = false;
	cr_expect_eq(least_size(spec), 14 + 8 + 60 + 20);

	spec = udp6();
	spec.ext_count = 3;
	spec.ext[0] = IPPROTO_HOPOPTS;
	spec.ext[1] = IPPROTO_AH;
	spec.ext[2] = IPPROTO_DSTOPTS;
	cr_expect_eq(least_size(spec), 14 + 40 + 8 + 24 + 8 + 8 + 18);
	spec.raw_ip = true;
	cr_expect_eq(least_size(spec), 40 + 8 + 24 + 8 + 8 + 18);

	spec = udp4();
	spec.ethertype = 0x88b5;
	spec.seq = false;
	cr_expect_eq(least_size(spec), 14);
}

Test(gen_packet, a_size_out_of_range_is_refused_with_the_range)
{
	struct pp_gen_spec spec = udp4();
	struct pp_gen_plan plan;
	struct pp_error err;

	spec.size_bytes = 59;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "60 to 1514 bytes"), "%s", err.text);
	spec.size_bytes = MTU_FRAME + 1;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, &err), -EINVAL);
	spec.size_bytes = 69;
	spec.fragment = PP_GEN_FRAGMENT_BOTH;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "66 to 1514 bytes in steps of 8"), "%s", err.text);
}

Test(gen_packet, headers_that_contradict_each_other_are_refused)
{
	struct pp_gen_spec spec = udp4();
	struct pp_gen_plan plan;

	spec.ext_count = 1;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), -EINVAL);
	spec = udp6();
	spec.option_bytes = 8;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), -EINVAL);
	spec = udp4();
	spec.option_bytes = 6;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), -EINVAL);
	spec = udp4();
	spec.raw_ip = true;
	spec.vlan_count = 1;
	cr_expect_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), -EINVAL);
}

// Put two fragments together and look at the UDP checksum.
static void check_pair(const uint8_t *first, const uint8_t *later, uint32_t size, uint32_t l3_bytes)
{
	uint32_t data = size - l3_bytes, total = data * 2;
	uint8_t *datagram = malloc(total);
	uint64_t pseudo = htons(IPPROTO_UDP) + htons((uint16_t)total);

	pseudo += l3_bytes == 20 ? pp_gen_sum(first + 12, 8) : pp_gen_sum(first + 8, 32);
	memcpy(datagram, first + l3_bytes, data);
	memcpy(datagram + data, later + l3_bytes, data);
	cr_expect_eq(port_at(datagram, 4), total, "UDP length is the datagram's");
	cr_expect(sums_up(datagram, total, pseudo));
	free(datagram);
}

static void check_pairs(struct pp_gen_spec spec, uint32_t l3_bytes)
{
	const uint32_t ident = l3_bytes == 20 ? 4 : 44;
	struct pp_gen_cursor cursor = {0};
	struct pp_gen_plan plan;
	uint8_t *frame[2];

	spec.raw_ip = true;
	spec.fragment = PP_GEN_FRAGMENT_BOTH;
	spec.size_bytes = l3_bytes + 200;
	spec.sport.hi = spec.sport.lo + 2;
	cr_assert_eq(pp_gen_plan_init(&plan, &spec, MTU_FRAME, NULL), 0);
	frame[0] = malloc(plan.size_bytes);
	frame[1] = malloc(plan.size_bytes);
	for (int i = 0; i < 100; i++) {
		// Each buffer carries both kinds in turn, as a recycled page does.
		uint8_t *first = frame[i % 2], *later = frame[(i + 1) % 2];

		if (i == 0) {
			memcpy(first, plan.image, plan.size_bytes);
			memcpy(later, plan.image, plan.size_bytes);
		}
		pp_gen_packet_write(&plan, &cursor, first);
		pp_gen_packet_write(&plan, &cursor, later);
		check_pair(first, later, plan.size_bytes, l3_bytes);
		cr_expect_eq(memcmp(first + ident, later + ident, l3_bytes == 20 ? 2 : 4), 0,
			     "one identification for both");
	}
	free(frame[0]);
	free(frame[1]);
	pp_gen_plan_fini(&plan);
}

Test(gen_packet, two_fragments_make_one_good_datagram)
{
	check_pairs(udp4(), 20);
	check_pairs(udp6(), 48);
}

Test(gen_packet, crc32c_is_the_known_one)
{
	cr_expect_eq(~pp_gen_crc32c(PP_GEN_CRC32C_START, (const uint8_t *)"123456789", 9),
		     0xe3069283u);
}

struct stream {
	struct pp_gen_plan plan;
	struct pp_gen_cursor cursor;
	struct pp_gen_check check;
	uint8_t frame[300];
};

static void open_stream(struct stream *stream, uint32_t size, uint16_t flows)
{
	struct pp_gen_spec spec = udp4();

	spec.size_bytes = size;
	spec.sport.hi = (uint16_t)(spec.sport.lo + flows - 1);
	cr_assert_eq(pp_gen_plan_init(&stream->plan, &spec, MTU_FRAME, NULL), 0);
	stream->cursor = (struct pp_gen_cursor){0};
	memcpy(stream->frame, stream->plan.image, size);
	pp_gen_check_init(&stream->check, 0, 0);
}

static void close_stream(struct stream *stream)
{
	pp_gen_check_fini(&stream->check);
	pp_gen_plan_fini(&stream->plan);
}

static void next(struct stream *stream)
{
	pp_gen_packet_write(&stream->plan, &stream->cursor, stream->frame);
}

static void judge(struct stream *stream)
{
	pp_gen_check_frame(&stream->check, stream->frame, stream->plan.size_bytes);
}

Test(gen_check, a_stream_as_sent_is_in_order_and_intact)
{
	struct stream stream;

	open_stream(&stream, 200, 7);
	for (int i = 0; i < 100000; i++) {
		next(&stream);
		judge(&stream);
	}
	cr_expect_eq(stream.check.received, 100000);
	cr_expect_eq(stream.check.out_of_order + stream.check.duplicates + stream.check.corrupt, 0);
	cr_expect_eq(pp_gen_check_flows(&stream.check), 7);
	cr_expect_eq(pp_gen_check_missing(&stream.check), 0);
	close_stream(&stream);
}

Test(gen_check, every_changed_payload_byte_is_corrupt)
{
	struct stream stream;

	open_stream(&stream, 200, 1);
	next(&stream);
	for (uint32_t i = 42 + 4; i < 200; i++) {
		stream.frame[i] ^= 0x10;
		judge(&stream);
		stream.frame[i] ^= 0x10;
		cr_assert_eq(stream.check.corrupt, i - 42 - 4 + 1, "byte %u", i);
	}
	close_stream(&stream);
}

Test(gen_check, a_frame_cut_off_or_lengthened_is_corrupt)
{
	struct stream stream;

	open_stream(&stream, 200, 1);
	next(&stream);
	for (uint32_t len = 46; len < 200; len++)
		pp_gen_check_frame(&stream.check, stream.frame, len);
	pp_gen_check_frame(&stream.check, stream.frame, 204);
	cr_expect_eq(stream.check.corrupt, 200 - 46 + 1);
	cr_expect_eq(stream.check.received, stream.check.corrupt);
	close_stream(&stream);
}

Test(gen_check, duplicates_late_ones_and_holes_are_told_apart)
{
	struct stream stream;
	uint8_t kept[200];

	open_stream(&stream, 200, 1);
	next(&stream);
	memcpy(kept, stream.frame, sizeof(kept)); // sequence number 0
	for (int i = 1; i < 70000; i++) {
		next(&stream);
		if (i % 1000 != 0)
			judge(&stream);
	}
	cr_expect_eq(pp_gen_check_missing(&stream.check), 1 + 69);
	judge(&stream);
	cr_expect_eq(stream.check.duplicates, 1);
	memcpy(stream.frame, kept, sizeof(kept));
	judge(&stream);
	cr_expect_eq(stream.check.out_of_order, 1, "long after it was due");
	judge(&stream);
	cr_expect_eq(stream.check.duplicates, 2);
	cr_expect_eq(pp_gen_check_missing(&stream.check), 69);
	close_stream(&stream);
}

Test(gen_check, another_seed_or_a_stranger_is_not_ours)
{
	struct stream stream;
	uint8_t stranger[64] = {0};

	open_stream(&stream, 200, 1);
	stream.check.seed = 1;
	next(&stream);
	judge(&stream);
	cr_expect_eq(stream.check.corrupt, 1);
	pp_gen_check_frame(&stream.check, stranger, sizeof(stranger));
	pp_gen_check_frame(&stream.check, stranger, 0);
	cr_expect_eq(stream.check.other, 2);
	close_stream(&stream);
}
