// SPDX-License-Identifier: MIT OR Apache-2.0
// Channels: what an embedding program receives and sends itself. Every test ends with every frame where it
// belongs.
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "channel_lab.h"

TestSuite(channel, .init = lab_init, .fini = lab_fini, .timeout = 900);

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

// PP_ROUNDS=20000: a million packets each way.
Test(channel, forwards_between_interfaces_without_a_copy)
{
	const int rounds = getenv("PP_ROUNDS") != NULL ? atoi(getenv("PP_ROUNDS")) : 20;
	struct pp_frame frame[50];

	lab_open_channels(true);
	cr_assert(pp_channel_shares(channel[0], channel[1]));
	for (int round = 0; round < rounds; round++)
		for (int from = 0; from < PAIRS; from++) {
			lab_send_packets(from, 50);
			lab_receive_packets(from, frame, 50);
			cr_assert_eq(pp_channel_send(channel[!from], frame, 50), 50);
			lab_expect_arrived(!from, 50);
			lab_flush(!from);
		}
	lab_expect_all_home();
}

static unsigned int count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

// AddressSanitizer would keep 256 MiB of freed memory: resident_kib() is to tell of leaks.
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64";
}

static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size, resident = 0;

	cr_assert_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
	fclose(file);
	return resident * 4;
}

// PP_CYCLES=1000: more of them.
Test(channel, planes_open_and_close_without_a_leak)
{
	const int cycles = getenv("PP_CYCLES") != NULL ? atoi(getenv("PP_CYCLES")) : 20;
	struct pp_frame frame[8];
	unsigned int fds = 0;
	long kib = 0;

	for (int i = 0; i < cycles; i++) {
		lab_open_channels(i % 2 == 0);
		lab_send_packets(0, 8);
		lab_receive_packets(0, frame, 8);
		cr_assert_eq(pp_channel_release(channel[0], frame, 4), 0);
		cr_assert_eq(pp_channel_send(channel[0], frame + 4, 4), 4);
		lab_flush(0);
		lab_expect_all_home();
		pp_plane_close(plane);
		plane = NULL;
		if (i == 9) {
			fds = count_fds();
			kib = resident_kib();
		}
	}
	cr_expect_eq(count_fds(), fds);
	cr_expect_lt(resident_kib(), kib + 4096, "%ld KiB, %ld after ten", resident_kib(), kib);
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

static const char letter[PAIRS] = {'A', 'B'};

static void delete_pair(int pair)
{
	struct pp_plane_event event[8];
	char command[64];
	uint32_t n = 0;

	snprintf(command, sizeof(command), "ip link del %c0", letter[pair]);
	cr_assert_eq(system(command), 0);
	for (int i = 0; i < 100 && n == 0; i++)
		n = pp_plane_poll(plane, event, 8);
	cr_expect_eq(pp_channel_receive(channel[pair], NULL, 0), -ENETDOWN);
}

static void return_pair(int pair)
{
	char command[160];
	char c = letter[pair];

	snprintf(command, sizeof(command),
		 "ip link add %c0 type veth peer name %c1 && ip link set %c0 up && "
		 "ip link set %c1 up",
		 c, c, c, c);
	cr_assert_eq(system(command), 0);
}

static void wait_for_pair(int pair)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	struct pp_plane_event event[8];
	struct pp_frame frame;
	int ret = -1;

	for (int i = 0; i < 2000 && ret < 0; i++) {
		pp_plane_poll(plane, event, 8);
		nanosleep(&pause, NULL);
		ret = pp_channel_receive(channel[pair], &frame, 1);
	}
	cr_expect_eq(ret, 0);
}

Test(channel, interface_that_goes_and_returns)
{
	struct pp_frame frame[4];

	lab_open_channels(false);
	lab_send_packets(1, 4);
	lab_receive_packets(1, frame, 4);
	delete_pair(1);
	cr_expect_eq(pp_channel_give_back(channel[1], frame, 4), 0);
	cr_expect_eq(pp_channel_give_back(channel[1], frame, 4), -EINVAL);
	return_pair(1);
	wait_for_pair(1);
	lab_expect_all_home();
}

// In an epoll of the program's own.
Test(channel, descriptor_stays_over_close_and_over_another_socket)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	lab_open_channels(true);
	for (int i = 0; i < PAIRS; i++)
		cr_assert_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, pp_channel_fd(channel[i]), &event), 0);
	cr_expect_eq(epoll_wait(epoll, &event, 1, 10), 0);
	cr_assert_eq(pp_channel_close(channel[0]), 0);
	cr_expect_eq(epoll_wait(epoll, &event, 1, 1000), 1);
	cr_assert_eq(pp_channel_open(&channel[0], plane, 0, 0, &err), 0);
	cr_expect_eq(epoll_wait(epoll, &event, 1, 10), 0);
	delete_pair(1);
	cr_expect_eq(epoll_wait(epoll, &event, 1, 1000), 1);
	return_pair(1);
	wait_for_pair(1);
	cr_expect_eq(epoll_wait(epoll, &event, 1, 10), 0);
	lab_listen_again(1);
	for (int i = 0; i < PAIRS; i++) {
		struct pp_frame frame;

		lab_send_packets(i, 1);
		cr_expect_eq(epoll_wait(epoll, &event, 1, 1000), 1);
		lab_receive_packets(i, &frame, 1);
		cr_expect_eq(pp_channel_release(channel[i], &frame, 1), 0);
		cr_expect_eq(pp_channel_receive(channel[i], &frame, 1), 0);
		cr_expect_eq(epoll_wait(epoll, &event, 1, 10), 0);
	}
	close(epoll);
	lab_expect_all_home();
}

// While the program has frames of its queue.
static void return_too_soon(int pair)
{
	struct pp_plane_event event[8];

	delete_pair(pair);
	return_pair(pair);
	cr_assert_eq(pp_plane_poll(plane, event, 8), 2);
	cr_expect_not_null(strstr(event[1].text, "frames of queue 0 are still away"), "%s",
			   event[1].text);
}

Test(channel, interface_that_returns_before_the_frames_do)
{
	struct pp_plane_event event[8];
	struct pp_frame frame[4];

	lab_open_channels(false);
	lab_send_packets(1, 4);
	lab_receive_packets(1, frame, 4);
	return_too_soon(1);
	cr_expect_eq(pp_plane_poll(plane, event, 8), 0);
	cr_expect_eq(pp_channel_give_back(channel[1], frame, 4), 0);
	wait_for_pair(1);
	lab_expect_all_home();
}

static void forward_both_ways(void)
{
	struct pp_frame frame[50];

	cr_assert(pp_channel_shares(channel[0], channel[1]));
	for (int from = 0; from < PAIRS; from++) {
		lab_send_packets(from, 50);
		lab_receive_packets(from, frame, 50);
		cr_assert_eq(pp_channel_send(channel[!from], frame, 50), 50);
		lab_expect_arrived(!from, 50);
		lab_flush(!from);
	}
	lab_expect_all_home();
}

// The one that registered the memory that the other goes on with.
Test(channel, first_interface_of_a_shared_memory_goes_and_returns)
{
	struct pp_frame frame[8];

	lab_open_channels(true);
	for (int i = 0; i < 3; i++) {
		lab_send_packets(0, 8);
		lab_receive_packets(0, frame, 8);
		cr_assert_eq(pp_channel_send(channel[1], frame, 4), 4);
		delete_pair(0);
		lab_expect_arrived(1, 4);
		lab_flush(1);
		cr_expect_eq(pp_channel_give_back(channel[0], frame + 4, 4), 0);
		return_pair(0);
		wait_for_pair(0);
		lab_listen_again(0);
		forward_both_ways();
	}
}

Test(channel, first_interface_of_a_shared_memory_returns_before_its_frames_do)
{
	struct pp_frame frame[4];

	lab_open_channels(true);
	lab_send_packets(0, 4);
	lab_receive_packets(0, frame, 4);
	return_too_soon(0);
	// While the old socket is there and bound to nothing, the other goes and returns.
	delete_pair(1);
	return_pair(1);
	cr_expect_eq(pp_channel_give_back(channel[0], frame, 4), 0);
	for (int i = 0; i < PAIRS; i++) {
		wait_for_pair(i);
		lab_listen_again(i);
	}
	forward_both_ways();
}

Test(channel, all_interfaces_of_a_shared_memory_go_and_return)
{
	lab_open_channels(true);
	for (int i = 0; i < PAIRS; i++)
		delete_pair(i);
	for (int i = PAIRS; i-- > 0;)
		return_pair(i);
	for (int i = 0; i < PAIRS; i++) {
		wait_for_pair(i);
		lab_listen_again(i);
	}
	forward_both_ways();
}
