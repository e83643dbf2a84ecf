// SPDX-License-Identifier: MIT OR Apache-2.0
// Channels: what is wrong is an error and harms nothing; close meets threads that wait, programs that
// have every frame, other planes.
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channel_lab.h"

TestSuite(channel_misuse, .init = lab_init, .fini = lab_fini, .timeout = 60);

Test(channel_misuse, refuses_what_is_wrong)
{
	struct pp_frame frame[2], stolen;
	uint8_t mine[4096] = {0};
	struct pp_channel_stats stats;

	lab_open_channels(false);
	cr_expect_not(pp_channel_shares(channel[0], channel[1]));
	cr_assert_eq(pp_channel_take(channel[0], frame, 2), 2);
	cr_expect_eq(frame[0].len_bytes, pp_channel_frame_bytes(channel[0]));
	frame[0].len_bytes++;
	cr_expect_eq(pp_channel_send(channel[0], frame, 2), -EMSGSIZE);
	frame[0].data += 2000;
	frame[0].len_bytes = 100;
	cr_expect_eq(pp_channel_send(channel[0], frame, 2), -EMSGSIZE);
	frame[0].len_bytes = UINT32_MAX;
	cr_expect_eq(pp_channel_send(channel[0], frame, 2), -EMSGSIZE);
	frame[0].data -= 2000;
	frame[0].len_bytes = 13;
	cr_expect_eq(pp_channel_send(channel[0], frame, 2), -EINVAL);
	frame[0].len_bytes = 100;
	cr_expect_eq(pp_channel_send(channel[1], frame, 2), -EINVAL);
	cr_expect_eq(pp_channel_release(channel[1], frame, 2), -EINVAL);
	cr_expect_eq(pp_channel_give_back(channel[1], frame, 2), -EINVAL);
	stolen = (struct pp_frame){mine, 100, 0};
	cr_expect_eq(pp_channel_send(channel[0], &stolen, 1), -EINVAL);
	cr_expect_eq(pp_channel_release(channel[0], &stolen, 1), -EINVAL);
	cr_expect_eq(pp_channel_send_copy(channel[0], mine, 4096), -EMSGSIZE);
	cr_expect_eq(pp_channel_send_copy(channel[0], mine, 13), -EINVAL);
	cr_expect_eq(pp_channel_release(channel[0], frame, 1), 0);
	cr_expect_eq(pp_channel_release(channel[0], frame, 1), -EINVAL);
	cr_expect_eq(pp_channel_give_back(channel[0], frame, 1), -EINVAL);
	cr_expect_eq(pp_channel_send(channel[0], frame, 1), -EINVAL);
	cr_expect_eq(pp_channel_give_back(channel[0], frame + 1, 1), 0);
	cr_expect_eq(pp_channel_give_back(channel[0], frame + 1, 1), -EINVAL);
	pp_channel_stats(channel[0], &stats);
	cr_expect_gt(stats.refused, 0);
	lab_expect_all_home();
}

Test(channel_misuse, used_after_close_says_so)
{
	struct pp_frame frame[3];
	uint8_t packet[PACKET_BYTES];
	struct pp_channel *again;

	lab_open_channels(false);
	cr_expect_eq(pp_channel_open(&again, plane, 0, 0, &err), -EBUSY);
	cr_expect_eq(pp_channel_open(&again, plane, 0, 9, &err), -ENOENT);
	lab_send_packets(0, 3);
	lab_receive_packets(0, frame, 3);
	lab_send_packets(0, 5);
	cr_expect_eq(pp_channel_close(channel[0]), 3);
	cr_expect_eq(pp_channel_close(channel[0]), -ESHUTDOWN);
	cr_expect_eq(pp_channel_receive(channel[0], frame, 3), -ESHUTDOWN);
	cr_expect_eq(pp_channel_wait(channel[0], -1), -ESHUTDOWN);
	cr_expect_eq(pp_channel_take(channel[0], frame, 3), -ESHUTDOWN);
	cr_expect_eq(pp_channel_send(channel[0], frame, 3), -ESHUTDOWN);
	cr_expect_eq(pp_channel_flush(channel[0]), -ESHUTDOWN);
	cr_expect_eq(pp_channel_fd(channel[0]), -ESHUTDOWN);
	cr_expect_eq(pp_channel_send_copy(channel[0], packet, lab_build(packet, 0)), -ESHUTDOWN);
	cr_expect_eq(pp_channel_release(channel[0], frame, 1), 0);
	cr_expect_eq(pp_channel_give_back(channel[0], frame + 1, 2), 0);
	cr_expect_eq(pp_channel_release(channel[0], frame, 1), -EINVAL);
	cr_assert_eq(pp_channel_open(&again, plane, 0, 0, &err), 0, "%s", err.text);
	cr_expect_eq(again, channel[0]);
	lab_send_packets(0, 3);
	lab_receive_packets(0, frame, 3);
	cr_expect_eq(pp_channel_release(channel[0], frame, 3), 0);
	lab_expect_all_home();
}

static void *block(void *arg)
{
	struct pp_frame frame[PACKET_BYTES];

	return (void *)(intptr_t)pp_channel_receive_wait(arg, frame, 1, -1);
}

static intptr_t end_of(pthread_t thread)
{
	void *ret;

	cr_assert_eq(pthread_join(thread, &ret), 0);
	return (intptr_t)ret;
}

Test(channel_misuse, wakes_who_waits)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	struct pp_frame frame;
	pthread_t thread;

	lab_open_channels(false);
	pthread_create(&thread, NULL, block, channel[0]);
	nanosleep(&pause, NULL);
	cr_expect_eq(pp_channel_wait(channel[0], 0), -EBUSY);
	pp_channel_wake(channel[0]);
	cr_expect_eq(end_of(thread), 0);
	pthread_create(&thread, NULL, block, channel[0]);
	nanosleep(&pause, NULL);
	pp_channel_close(channel[0]);
	cr_expect_eq(end_of(thread), -ESHUTDOWN);
	pthread_create(&thread, NULL, block, channel[1]);
	nanosleep(&pause, NULL);
	pp_plane_close(plane);
	plane = NULL;
	cr_expect_eq(end_of(thread), -ESHUTDOWN);
	(void)frame;
}

static void *hold_and_return(void *arg)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	struct pp_frame *frame = arg;

	nanosleep(&pause, NULL);
	cr_expect_eq(pp_channel_give_back(channel[0], frame, 100), 0);
	return NULL;
}

Test(channel_misuse, goes_on_when_the_program_had_every_frame)
{
	struct pp_channel_stats stats;
	struct pp_frame *frame;
	pthread_t thread;
	uint32_t n = 0;

	lab_open_channels(false);
	pp_channel_stats(channel[0], &stats);
	frame = calloc(stats.frames + 64, sizeof(*frame));
	while (n < stats.frames) {
		int ret;

		lab_send_packets(0, 1);
		ret = pp_channel_receive_wait(channel[0], frame + n, 64, 1000);
		cr_assert_gt(ret, 0, "%d after %u of %u", ret, n, stats.frames);
		n += (uint32_t)ret;
		ret = pp_channel_take(channel[0], frame + n, 32);
		n += (uint32_t)ret;
	}
	lab_send_packets(0, 1);
	cr_expect_eq(pp_channel_receive_wait(channel[0], frame + n, 1, 100), 0);
	pthread_create(&thread, NULL, hold_and_return, frame);
	cr_expect_eq(pp_channel_wait(channel[0], 300), 0);
	pthread_join(thread, NULL);
	lab_send_packets(0, 1);
	cr_expect_eq(pp_channel_receive_wait(channel[0], frame, 1, 2000), 1);
	cr_expect_eq(pp_channel_release(channel[0], frame, 1), 0);
	cr_expect_eq(pp_channel_release(channel[0], frame + 100, n - 100), 0);
	free(frame);
	lab_expect_all_home();
}

Test(channel_misuse, rule_that_needs_what_is_switched_off_is_an_error)
{
	struct pp_iface_config iface[PAIRS];
	struct pp_plane_config config;

	lab_configure(&config, iface);
	cr_expect_eq(lab_open_with(&config, "copy proto udp"), -EINVAL);
	cr_expect_not_null(strstr(err.text, "copying is off"));
	config.route = PP_ROUTE_OFF;
	cr_expect_eq(lab_open_with(&config, "route proto udp"), -EINVAL);
	cr_expect_not_null(strstr(err.text, "routing is off"));
	cr_assert_eq(lab_open_with(&config, "drop proto udp"), 0, "%s", err.text);
	cr_expect_eq(pp_channel_open(&channel[0], plane, 0, 0, &err), -EOPNOTSUPP);
	cr_expect_eq(pp_plane_worker_count(plane), 0);
	channel[0] = NULL;
}

Test(channel_misuse, two_planes_know_nothing_of_each_other)
{
	struct pp_iface_config iface[PAIRS];
	struct pp_plane_config config;
	struct pp_plane *first;
	struct pp_frame frame;

	lab_configure(&config, iface);
	config.iface_count = 1;
	cr_assert_eq(lab_open_with(&config, "route proto udp dport 7"), 0, "%s", err.text);
	first = plane;
	config.iface = &iface[1];
	cr_assert_eq(lab_open_with(&config, "route proto udp dport 7"), 0, "%s", err.text);
	cr_assert_eq(pp_channel_open(&channel[0], first, 0, 0, &err), 0, "%s", err.text);
	cr_assert_eq(pp_channel_open(&channel[1], plane, 0, 0, &err), 0, "%s", err.text);
	lab_send_packets(0, 1);
	lab_send_packets(1, 1);
	lab_receive_packets(0, &frame, 1);
	cr_expect_eq(pp_channel_release(channel[1], &frame, 1), -EINVAL);
	cr_expect_eq(pp_channel_release(channel[0], &frame, 1), 0);
	pp_plane_close(first);
	channel[0] = NULL;
	lab_receive_packets(1, &frame, 1);
	cr_expect_eq(pp_channel_release(channel[1], &frame, 1), 0);
	lab_expect_all_home();
}
