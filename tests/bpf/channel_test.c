// SPDX-License-Identifier: MIT OR Apache-2.0
// Channels: what an embedding program receives and sends itself. Every test ends with every frame where it
// belongs.
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channel_lab.h"

TestSuite(channel, .init = lab_init, .fini = lab_fini, .timeout = 60);

Test(channel, borrows_frames_with_what_the_program_noted)
{
	struct pp_frame frame[10];
	const struct pp_ruleset_entry *rule;

	lab_open_channels(false);
	rule = pp_ruleset_at(pp_plane_rules(plane), 0);
	lab_send_packets(1, 10);
	lab_receive_packets(1, frame, 10);
	for (int i = 0; i < 10; i++) {
		const struct pp_meta *meta = pp_frame_meta(&frame[i]);

		cr_expect_eq(meta->rule_id, rule->id);
		cr_expect_eq(meta->iface, 1);
		cr_expect_eq(meta->queue, 0);
		cr_expect_eq(meta->len_bytes, PACKET_BYTES);
		cr_expect_eq(meta->generation, pp_ruleset_generation(pp_plane_rules(plane)));
		cr_expect_neq(meta->time_ns, 0);
	}
	cr_expect_eq(pp_channel_release(channel[1], frame, 10), 0);
	lab_expect_all_home();
}

Test(channel, copies_out)
{
	struct pp_meta meta = {0};
	uint8_t packet[PACKET_BYTES];

	lab_open_channels(false);
	lab_send_packets(0, 1);
	cr_assert_eq(pp_channel_wait(channel[0], 2000), 1);
	cr_expect_eq(pp_channel_receive_copy(channel[0], packet, 60, &meta), 60);
	cr_expect_eq(meta.len_bytes, PACKET_BYTES);
	cr_expect_eq(packet[14], 0x45);
	cr_expect_eq(pp_channel_receive_copy(channel[0], packet, 60, &meta), 0);
	lab_expect_all_home();
}

Test(channel, sends_taken_and_copied_and_received_frames)
{
	struct pp_frame frame[20];
	uint8_t packet[PACKET_BYTES];

	lab_open_channels(false);
	cr_assert_eq(pp_channel_take(channel[0], frame, 20), 20);
	for (int i = 0; i < 20; i++)
		frame[i].len_bytes = (uint32_t)lab_build(frame[i].data, (uint8_t)i);
	cr_assert_eq(pp_channel_send(channel[0], frame, 20), 20);
	lab_expect_arrived(0, 20);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(
			pp_channel_send_copy(channel[0], packet, lab_build(packet, (uint8_t)i)), 0);
	lab_expect_arrived(0, 20);
	lab_send_packets(0, 20);
	lab_receive_packets(0, frame, 20);
	cr_assert_eq(pp_channel_send(channel[0], frame, 20), 20);
	lab_expect_arrived(0, 20);
	lab_flush(0);
	lab_expect_all_home();
}

Test(channel, forwards_between_interfaces_without_a_copy)
{
	struct pp_frame frame[50];

	lab_open_channels(true);
	cr_assert(pp_channel_shares(channel[0], channel[1]));
	for (int round = 0; round < 20; round++) {
		lab_send_packets(0, 50);
		lab_receive_packets(0, frame, 50);
		cr_assert_eq(pp_channel_send(channel[1], frame, 50), 50);
		lab_expect_arrived(1, 50);
		lab_flush(1);
	}
	lab_expect_all_home();
}

Test(channel, descriptor_tells_of_packets_and_of_close)
{
	struct pollfd fd = {.events = POLLIN};
	struct pp_frame frame[3];

	lab_open_channels(false);
	fd.fd = pp_channel_fd(channel[0]);
	cr_assert_geq(fd.fd, 0);
	cr_expect_eq(poll(&fd, 1, 10), 0);
	lab_send_packets(0, 3);
	cr_expect_eq(poll(&fd, 1, 2000), 1);
	lab_receive_packets(0, frame, 3);
	cr_expect_eq(pp_channel_receive(channel[0], frame, 1), 0);
	cr_expect_eq(poll(&fd, 1, 10), 0);
	pp_channel_wake(channel[0]);
	cr_expect_eq(poll(&fd, 1, 1000), 1);
	cr_expect_eq(pp_channel_receive(channel[0], frame, 1), 0);
	cr_expect_eq(poll(&fd, 1, 10), 0);
	lab_send_packets(0, 1);
	cr_expect_eq(poll(&fd, 1, 2000), 1);
}

Test(channel, opens_closes_and_counts_a_thousand_times)
{
	struct pp_ledger_row total;
	struct pp_frame frame[4];

	lab_open_channels(true);
	for (int i = 0; i < 1000; i++) {
		lab_send_packets(0, 4);
		lab_receive_packets(0, frame, 4);
		cr_assert_eq(pp_channel_release(channel[0], frame, 2), 0);
		cr_assert_eq(pp_channel_send(channel[1], frame + 2, 2), 2);
		if (i % 20 == 0) {
			lab_flush(1);
			cr_assert_eq(pp_channel_close(channel[0]), 0);
			cr_assert_eq(pp_channel_open(&channel[0], plane, 0, 0, &err), 0);
		}
	}
	lab_flush(1);
	lab_expect_all_home();
	pp_plane_total(plane, &total);
	cr_expect_eq(total.v[PP_LEDGER_TO_PROGRAM], 4000);
	cr_expect(pp_ledger_balanced(&total));
}

Test(channel, interface_that_goes_and_returns)
{
	struct pp_plane_event event[8];
	struct pp_frame frame[4];
	uint32_t n = 0;

	lab_open_channels(false);
	lab_send_packets(1, 4);
	lab_receive_packets(1, frame, 4);
	cr_assert_eq(system("ip link del B0"), 0);
	for (int i = 0; i < 100 && n == 0; i++)
		n = pp_plane_poll(plane, event, 8);
	cr_expect_eq(pp_channel_receive(channel[1], frame, 1), -ENETDOWN);
	cr_expect_eq(pp_channel_give_back(channel[1], frame, 4), 0);
	cr_expect_eq(pp_channel_give_back(channel[1], frame, 4), -EINVAL);
	cr_assert_eq(system("ip link add B0 type veth peer name B1 && ip link set B0 up && "
			    "ip link set B1 up"),
		     0);
	for (int i = 0; i < 300 && pp_channel_receive(channel[1], frame, 1) < 0; i++) {
		const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

		pp_plane_poll(plane, event, 8);
		nanosleep(&pause, NULL);
	}
	cr_expect_eq(pp_channel_receive(channel[1], frame, 1), 0);
	lab_expect_all_home();
}
