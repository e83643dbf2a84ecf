// SPDX-License-Identifier: MIT OR Apache-2.0
// Copies: what lies in the ring, to the byte, and what is counted when it cannot.
#include "tap_test.h"

#include <linux/if_ether.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

TestSuite(copy, .fini = close_run);

static struct tap_run_fate copied(uint32_t verdict, uint32_t exit, uint32_t rule_id)
{
	return (struct tap_run_fate){verdict, exit, PP_COUNT_COPIED, rule_id};
}

static void big_udp(uint32_t bytes)
{
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_l4(&packet, 17, 1000, 2000);
	packet_payload(&packet, bytes - packet.len_bytes);
	packet_finish(&packet);
	cr_assert_eq(packet.len_bytes, bytes);
}

static void check_record(const struct pp_meta *record, uint32_t cap_bytes)
{
	cr_assert_not_null(record, "no record of %u bytes", packet.len_bytes);
	cr_expect_eq(record->len_bytes, packet.len_bytes);
	cr_expect_eq(record->cap_bytes, cap_bytes);
	cr_assert_leq(record->cap_bytes, packet.len_bytes);
	cr_expect_arr_eq((const uint8_t *)(record + 1), packet.data, record->cap_bytes);
}

// Both variants where the packet fits into one buffer: a record each, of exactly the size it needs.
static void check_copies(uint32_t cap_bytes)
{
	uint32_t variants = packet.len_bytes <= TAP_RUN_LINEAR_MAX ? 2 : 1;
	uint64_t record_bytes = PP_COPY_RECORD_BYTES(cap_bytes);
	uint64_t before;

	cr_assert_null(tap_run_record(&run));
	before = run.ring.front->produced;
	expect_fate(0, copied(XDP_PASS, PP_COUNT_PASSED, 1));
	cr_expect_eq(run.ring.front->produced - before, variants * record_bytes);
	for (uint32_t i = 0; i < variants; i++)
		check_record(tap_run_record(&run), cap_bytes);
	cr_expect_null(tap_run_record(&run), "one record a packet");
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

Test(copy, record_holds_the_first_take_bytes_of_any_packet)
{
	static const uint32_t takes[] = {1, 2, 7, 8, 9, 14, 63, 64, 65, 128, 1500, 4096, 65536};
	char rule[64];

	open_run(NULL);
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
		snprintf(rule, sizeof(rule), "copy take %u proto udp", takes[i]);
		use_rules(rule);
		for (uint32_t bytes = 60; bytes < 70; bytes++) {
			big_udp(bytes);
			check_copies(least(takes[i], bytes));
		}
		big_udp(1514);
		check_copies(least(takes[i], 1514));
		big_udp(9014);
		check_copies(least(takes[i], 9014));
	}
}

Test(copy, without_take_the_record_holds_the_whole_packet)
{
	open_run("copy proto udp");
	for (uint32_t bytes = 46; bytes <= TAP_RUN_LINEAR_MAX; bytes += 13) {
		big_udp(bytes);
		check_copies(bytes);
	}
}

Test(copy, packet_in_several_buffers_is_put_together)
{
	open_run("copy proto udp");
	for (uint32_t bytes = TAP_RUN_LINEAR_MAX + 1; bytes <= 65536; bytes += 3121) {
		big_udp(bytes);
		check_copies(bytes);
	}
	big_udp(65536);
	check_copies(65536);
}

Test(copy, packet_longer_than_any_record_is_cut_and_says_how_long_it_was)
{
	open_run("copy proto udp");
	big_udp(65537);
	check_copies(PP_COPY_BYTES_MAX);
	big_udp(72000);
	check_copies(PP_COPY_BYTES_MAX);
}

Test(copy, shortest_frame_is_copied)
{
	open_run("copy any");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	cr_assert_eq(packet.len_bytes, ETH_HLEN);
	check_copies(ETH_HLEN);
}

Test(copy, record_says_who_judged_where_and_for_whom)
{
	const struct pp_meta *record;

	open_run("pass dport 9\ncopy take 20 to count-b dport 2");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, copied(XDP_PASS, PP_COUNT_PASSED, 2));
	record = tap_run_record(&run);
	check_record(record, 20);
	cr_expect_eq(record->rule_id, 2);
	cr_expect_eq(record->slot, 2);
	cr_expect_eq(record->generation, pp_ruleset_generation(run.rules));
	cr_expect_eq(record->iface, 0);
	cr_expect_eq(record->queue, 0);
	cr_expect_eq(record->consumer, 1);
	cr_expect_eq(record->time_ns, 0, "timestamps are off on pp0");
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(copy, record_carries_the_time_where_the_interface_wants_it)
{
	const struct pp_meta *record;
	uint64_t before;

	open_run("copy dport 2");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	before = now_ns();
	expect_fate(TAP_RUN_TIMED_IFACE, copied(XDP_PASS, PP_COUNT_PASSED, 1));
	record = tap_run_record(&run);
	check_record(record, packet.len_bytes);
	cr_expect_eq(record->iface, TAP_RUN_TIMED_IFACE);
	cr_expect_geq(record->time_ns, before);
	cr_expect_leq(record->time_ns, now_ns());
}

Test(copy, queue_and_rows_follow_the_receive_queue)
{
	open_run("copy dport 2");
	cr_assert_eq(tap_run_enter_queues(&run, 5), 0);
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	for (run.queue = 0; run.queue < 5; run.queue++) {
		const struct pp_meta *record;

		expect_fate(TAP_RUN_TIMED_IFACE, copied(XDP_PASS, PP_COUNT_PASSED, 1));
		record = tap_run_record(&run);
		check_record(record, packet.len_bytes);
		cr_expect_eq(record->queue, run.queue);
		check_record(tap_run_record(&run), packet.len_bytes);
	}
}

Test(copy, then_drop_copies_and_drops)
{
	open_run("copy take 64 then drop dport 2");
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1, 2);
	expect_fate(0, copied(XDP_DROP, PP_COUNT_DROPPED, 1));
	check_record(tap_run_record(&run), 64);
	check_record(tap_run_record(&run), 64);
}

Test(copy, then_route_without_socket_copies_and_passes)
{
	open_run("copy take 64 then route dport 2");
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1, 2);
	expect_fate(0, copied(XDP_PASS, PP_COUNT_ROUTE_NO_SOCKET, 1));
	check_record(tap_run_record(&run), 64);
	check_record(tap_run_record(&run), 64);
}

Test(copy, full_ring_is_counted_and_the_verdict_stands)
{
	struct tap_run_fate full = {XDP_DROP, PP_COUNT_DROPPED, PP_COUNT_COPY_RING_FULL, 1};
	struct tap_run_fate fits = copied(XDP_DROP, PP_COUNT_DROPPED, 1);
	uint32_t record_bytes, n, records = 0;

	open_run("copy then drop dport 2000");
	big_udp(1500);
	record_bytes = PP_COPY_RECORD_BYTES(packet.len_bytes);
	n = TAP_RUN_RING_BYTES / record_bytes;
	for (uint32_t i = 0; i < n; i++)
		cr_assert_null(
			tap_run_differs(&run, 0, i & 1, packet.data, packet.len_bytes, &fits));
	for (uint32_t i = 0; i < 4; i++)
		expect_fate(0, full);
	// Those that were there are whole, and one given back makes room for one.
	for (const struct pp_meta *record; (record = tap_run_record(&run)) != NULL; records++)
		check_record(record, packet.len_bytes);
	cr_expect_eq(records, n);
	expect_fate(0, fits);
}

Test(copy, cpu_without_a_ring_is_counted_and_the_verdict_stands)
{
	struct tap_run_fate none = {XDP_DROP, PP_COUNT_DROPPED, PP_COUNT_COPY_NO_RING, 1};

	open_run("copy then drop dport 2");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	cr_assert_eq(bpf_map_delete_elem(run.maps.copy_rings_fd, &run.ring.cpu), 0);
	expect_fate(0, none);
	cr_expect_null(tap_run_record(&run));
}

Test(copy, packet_that_cannot_be_parsed_is_not_copied)
{
	open_run("copy any");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	packet.len_bytes = 20;
	expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_IP_SHORT));
	cr_expect_null(tap_run_record(&run));
}
