// SPDX-License-Identifier: MIT OR Apache-2.0
// Receive on one thread, keep the frames on another, which gives them back from there.
// usage: keep_frames IFACE COUNT
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <push-packet/channel.h>
#include <push-packet/setup.h>

#define KEPT 256 // frames between the threads, a power of two

static struct pp_frame kept[KEPT];
static unsigned int put, taken; // grow; put by one thread, taken by the other
static int wanted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *analyse(void *channel)
{
	unsigned long long bytes = 0;

	for (int i = 0; i < wanted; i++) {
		struct pp_frame frame;

		pthread_mutex_lock(&lock);
		while (put == taken)
			pthread_cond_wait(&changed, &lock);
		frame = kept[taken++ % KEPT];
		pthread_cond_signal(&changed);
		pthread_mutex_unlock(&lock);
		bytes += frame.len_bytes;
		pp_channel_give_back(channel, &frame, 1);
	}
	printf("%d packets, %llu bytes\n", wanted, bytes);
	return NULL;
}

static void keep(const struct pp_frame *frame)
{
	pthread_mutex_lock(&lock);
	while (put - taken == KEPT)
		pthread_cond_wait(&changed, &lock);
	kept[put++ % KEPT] = *frame;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static int run(struct pp_channel *channel)
{
	struct pp_channel_stats stats;
	struct pp_frame frame[64];
	pthread_t thread;
	int n = 0;

	pthread_create(&thread, NULL, analyse, channel);
	for (int left = wanted; left > 0 && n >= 0; left -= n) {
		n = pp_channel_receive_wait(channel, frame, left < 64 ? (uint32_t)left : 64, -1);
		for (int i = 0; i < n; i++)
			keep(&frame[i]);
	}
	if (n < 0)
		return n; // the analyser ends with the process
	pthread_join(thread, NULL);
	pp_channel_stats(channel, &stats);
	printf("%u frames still held\n", stats.held);
	return 0;
}

int main(int argc, char **argv)
{
	struct pp_channel *channel;
	struct pp_setup *setup;
	struct pp_plane *plane = NULL;
	struct pp_error err;
	int ret;

	if (argc != 3 || pp_setup_create(&setup) < 0)
		return 2;
	wanted = atoi(argv[2]);
	ret = pp_setup_interface(setup, argv[1], &err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, "route proto udp", &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	if (ret >= 0)
		ret = pp_channel_open(&channel, plane, 0, 0, &err);
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
	else
		ret = run(channel);
	pp_plane_close(plane);
	return ret < 0;
}
