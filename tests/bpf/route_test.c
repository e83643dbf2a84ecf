// SPDX-License-Identifier: MIT OR Apache-2.0
// Routing: metadata in front of the packet, and back to the stack where no socket takes it.
#include "tap_test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

TestSuite(route, .fini = close_run);

static const struct tap_run_fate redirected = {XDP_REDIRECT, PP_COUNT_REDIRECTED, .rule_id = 1};
static const struct tap_run_fate no_socket = {XDP_PASS, PP_COUNT_ROUTE_NO_SOCKET, .rule_id = 1};

static void check_untouched(void)
{
	cr_expect_eq(run.out_bytes, packet.len_bytes, "no metadata may stay: GRO would not merge");
	cr_expect_arr_eq(run.out, packet.data, packet.len_bytes);
}

static void check_meta(uint32_t iface, uint8_t consumer)
{
	struct pp_meta meta;

	cr_assert_eq(run.out_bytes, sizeof(meta) + packet.len_bytes);
	memcpy(&meta, run.out, sizeof(meta));
	cr_expect_eq(meta.rule_id, 1);
	cr_expect_eq(meta.slot, 1);
	cr_expect_eq(meta.generation, pp_ruleset_generation(run.rules));
	cr_expect_eq(meta.len_bytes, packet.len_bytes);
	cr_expect_eq(meta.cap_bytes, packet.len_bytes);
	cr_expect_eq(meta.queue, run.queue);
	cr_expect_eq(meta.iface, iface);
	cr_expect_eq(meta.consumer, consumer);
	cr_expect_eq(meta.time_ns != 0, iface == TAP_RUN_TIMED_IFACE);
	cr_expect_arr_eq(run.out + sizeof(meta), packet.data, packet.len_bytes);
}

static void udp(uint32_t payload)
{
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, "192.0.2.1", "198.51.100.1");
	packet_l4(&packet, 17, 1, 2);
	packet_payload(&packet, payload);
	packet_finish(&packet);
}

Test(route, without_a_socket_the_packet_passes_as_it_came)
{
	open_run("route dport 2");
	for (uint32_t payload = 0; payload < 20000; payload = payload * 2 + 18) {
		udp(payload);
		expect_fate(0, no_socket);
		check_untouched();
	}
}

Test(route, to_a_socket_goes_with_metadata_in_front)
{
	int fd = -1;

	open_run("route dport 2 to sink-b");
	cr_assert_eq(tap_run_add_socket(&run, 0, 0, &fd), 0);
	for (uint32_t payload = 0; payload < 20000; payload = payload * 2 + 18) {
		udp(payload);
		expect_fate(0, redirected);
		check_meta(0, 3);
	}
	close(fd);
}

Test(route, socket_of_one_interface_and_queue_takes_no_others_packets)
{
	int fd = -1;

	open_run("route dport 2");
	cr_assert_eq(tap_run_enter_queues(&run, 5), 0);
	cr_assert_eq(tap_run_add_socket(&run, TAP_RUN_TIMED_IFACE, 1, &fd), 0);
	udp(18);
	for (run.queue = 0; run.queue < 5; run.queue++) {
		bool mine = run.queue == 1;

		expect_fate(TAP_RUN_TIMED_IFACE, mine ? redirected : no_socket);
		if (mine)
			check_meta(TAP_RUN_TIMED_IFACE, 2);
		else
			check_untouched();
		expect_fate(0, no_socket);
	}
	close(fd);
}

// The last row is that of every queue beyond those known, and never has a socket.
Test(route, queues_beyond_those_known_share_the_last_row)
{
	int fd[2] = {-1, -1};

	open_run("route dport 2");
	cr_assert_eq(tap_run_enter_queues(&run, 8), 0);
	cr_assert_eq(tap_run_add_socket(&run, 0, 0, &fd[0]), 0);
	cr_assert_eq(tap_run_add_socket(&run, 0, 1, &fd[1]), 0);
	udp(18);
	for (run.queue = 2; run.queue < 8; run.queue++)
		expect_fate(0, no_socket);
	cr_expect_eq(run.before.row[2].v[PP_COUNT_ROUTE_NO_SOCKET], 12);
	close(fd[0]);
	close(fd[1]);
}

Test(route, closed_socket_takes_nothing)
{
	int fd = -1;

	open_run("route dport 2");
	cr_assert_eq(tap_run_add_socket(&run, 0, 0, &fd), 0);
	udp(18);
	expect_fate(0, redirected);
	close(fd);
	// The kernel takes a closed socket out of the map; the program sees it at once.
	expect_fate(0, no_socket);
	check_untouched();
}

Test(route, copy_then_route_does_both)
{
	const struct pp_meta *record;
	int fd = -1;

	open_run("copy take 10 then route dport 2");
	cr_assert_eq(tap_run_add_socket(&run, 0, 0, &fd), 0);
	udp(18);
	expect_fate(0,
		    ((struct tap_run_fate){XDP_REDIRECT, PP_COUNT_REDIRECTED, PP_COUNT_COPIED, 1}));
	check_meta(0, 2);
	record = tap_run_record(&run);
	cr_assert_not_null(record);
	cr_expect_eq(record->cap_bytes, 10);
	cr_expect_eq(record->consumer, 0);
	cr_expect_arr_eq((const uint8_t *)(record + 1), packet.data, 10);
	close(fd);
}

// A driver or a program before ours may have put metadata there. User space looks right in front of
// the packet and cannot know how much there is, so ours takes its place.
Test(route, metadata_that_was_there_does_not_come_between)
{
	int fd = -1;

	open_run("route dport 2");
	cr_assert_eq(tap_run_add_socket(&run, 0, 0, &fd), 0);
	udp(18);
	for (run.meta_bytes = 4; run.meta_bytes <= 32; run.meta_bytes += 4) {
		expect_fate(0, redirected);
		check_meta(0, 2);
	}
	close(fd);
	expect_fate(0, no_socket);
	check_untouched();
}

Test(route, metadata_that_was_there_stays_with_packets_that_are_not_routed)
{
	open_run("pass dport 2");
	udp(18);
	run.meta_bytes = 16;
	expect_fate(0, PASSED(1));
	cr_expect_eq(run.out_bytes, 16 + packet.len_bytes);
}
