// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/crew.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thread.h"

#define BURST 64
#define SLEEP_MS 10
#define SPINS 200 // empty rounds before a thread sleeps

struct member {
	struct pp_crew *crew;
	struct pp_channel **channel;
	struct pp_receiver **receiver;
	struct pollfd *fd;
	uint32_t channel_count;
	uint32_t receiver_count;
	uint32_t index;
	pthread_t thread;
	bool running;
};

struct pp_crew {
	struct pp_crew_config config;
	uint32_t next; // member that the next channel or receiver goes to
	bool stop;
	struct member member[PP_WORKERS_MAX];
};

static uint32_t serve_channels(struct member *member)
{
	const struct pp_crew_config *config = &member->crew->config;
	struct pp_frame frame[BURST];
	uint32_t total = 0;

	for (uint32_t i = 0; i < member->channel_count; i++) {
		int n = pp_channel_receive(member->channel[i], frame, BURST);

		if (n > 0) {
			config->on_frames(config->arg, member->channel[i], frame, (uint32_t)n);
			total += (uint32_t)n;
		}
	}
	return total;
}

static uint32_t serve_receivers(struct member *member)
{
	const struct pp_crew_config *config = &member->crew->config;
	struct pp_event event[BURST];
	uint32_t total = 0;

	for (uint32_t i = 0; i < member->receiver_count; i++) {
		int n = pp_receiver_burst(member->receiver[i], event, BURST);

		if (n > 0) {
			config->on_events(config->arg, event, (uint32_t)n);
			pp_receiver_release(member->receiver[i]);
			total += (uint32_t)n;
		}
	}
	return total;
}

// Descriptors change when an interface returns.
static void sleep_in_poll(struct member *member)
{
	nfds_t n = 0;

	for (uint32_t i = 0; i < member->channel_count; i++) {
		int fd = pp_channel_fd(member->channel[i]);

		if (fd >= 0)
			member->fd[n++] = (struct pollfd){fd, POLLIN, 0};
	}
	for (uint32_t i = 0; i < member->receiver_count; i++)
		member->fd[n++] = (struct pollfd){pp_receiver_fd(member->receiver[i]), POLLIN, 0};
	poll(member->fd, n, SLEEP_MS);
}

static void *member_run(void *arg)
{
	struct member *member = arg;
	uint32_t spins = 0;

	while (!__atomic_load_n(&member->crew->stop, __ATOMIC_ACQUIRE)) {
		if (serve_channels(member) + serve_receivers(member) > 0)
			spins = 0;
		else if (member->crew->config.idle != PP_IDLE_BUSY && ++spins > SPINS)
			sleep_in_poll(member);
	}
	return NULL;
}

static int add_channel(struct member *member, struct pp_channel *channel)
{
	struct pp_channel **list =
		realloc(member->channel, (member->channel_count + 1) * sizeof(*list));

	if (list == NULL) {
		pp_channel_close(channel);
		return -ENOMEM;
	}
	member->channel = list;
	list[member->channel_count++] = channel;
	return 0;
}

static int add_receiver(struct member *member, struct pp_receiver *receiver)
{
	struct pp_receiver **list =
		realloc(member->receiver, (member->receiver_count + 1) * sizeof(*list));

	if (list == NULL) {
		pp_receiver_close(receiver);
		return -ENOMEM;
	}
	member->receiver = list;
	list[member->receiver_count++] = receiver;
	return 0;
}

static struct member *next_member(struct pp_crew *crew)
{
	return &crew->member[crew->next++ % crew->config.thread_count];
}

static int open_channels(struct pp_crew *crew, struct pp_plane *plane, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < pp_plane_iface_count(plane); i++)
		for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++) {
			struct member *member = next_member(crew);
			struct pp_channel *channel;

			ret = pp_channel_open(&channel, plane, i, queue, err);
			if (ret == -ENOENT || ret == -EBUSY) {
				crew->next--;
				continue;
			}
			if (ret < 0)
				return ret;
			ret = add_channel(member, channel);
			if (ret < 0)
				return pp_error_set(err, ret, 0, 0, "out of memory");
		}
	return 0;
}

static int open_receivers(struct pp_crew *crew, struct pp_plane *plane, struct pp_error *err)
{
	for (int cpu = 0; cpu < PP_CPUS_MAX; cpu++) {
		struct member *member = next_member(crew);
		struct pp_receiver *receiver;
		int ret = pp_receiver_open(&receiver, plane, cpu, err);

		if (ret == -ENOENT || ret == -EBUSY) {
			crew->next--;
			continue;
		}
		if (ret < 0)
			return ret;
		ret = add_receiver(member, receiver);
		if (ret < 0)
			return pp_error_set(err, ret, 0, 0, "out of memory");
	}
	return 0;
}

static int start_member(struct pp_crew *crew, uint32_t index, struct pp_error *err)
{
	struct member *member = &crew->member[index];
	char name[16];
	int ret;

	member->crew = crew;
	member->index = index;
	member->fd =
		calloc(member->channel_count + member->receiver_count + 1, sizeof(*member->fd));
	if (member->fd == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	snprintf(name, sizeof(name), "pp-crew-%u", index % 1000);
	ret = pp_thread_start(&member->thread, name, crew->config.cpu[index], member_run, member,
			      err);
	member->running = ret == 0;
	return ret;
}

int pp_crew_start(struct pp_crew **out,
		  struct pp_plane *plane,
		  const struct pp_crew_config *config,
		  struct pp_error *err)
{
	struct pp_crew *crew;
	int ret = 0;

	if (config->thread_count == 0 || config->thread_count > PP_WORKERS_MAX ||
	    (config->on_frames == NULL && config->on_events == NULL))
		return pp_error_set(err, -EINVAL, 0, 0,
				    "a crew needs 1 to %d threads and a function", PP_WORKERS_MAX);
	crew = calloc(1, sizeof(*crew));
	if (crew == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	crew->config = *config;
	if (config->on_frames != NULL)
		ret = open_channels(crew, plane, err);
	if (ret == 0 && config->on_events != NULL)
		ret = open_receivers(crew, plane, err);
	for (uint32_t i = 0; ret == 0 && i < config->thread_count; i++)
		ret = start_member(crew, i, err);
	if (ret < 0) {
		pp_crew_stop(crew);
		return ret;
	}
	*out = crew;
	return 0;
}

void pp_crew_stop(struct pp_crew *crew)
{
	if (crew == NULL)
		return;
	__atomic_store_n(&crew->stop, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < crew->config.thread_count; i++) {
		struct member *member = &crew->member[i];

		if (member->running)
			pthread_join(member->thread, NULL);
		for (uint32_t j = 0; j < member->channel_count; j++)
			pp_channel_close(member->channel[j]);
		for (uint32_t j = 0; j < member->receiver_count; j++)
			pp_receiver_close(member->receiver[j]);
		free(member->channel);
		free(member->receiver);
		free(member->fd);
	}
	free(crew);
}
