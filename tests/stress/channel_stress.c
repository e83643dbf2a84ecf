// SPDX-License-Identifier: MIT OR Apache-2.0
// A channel that one thread waits on and receives from, another gives frames back to, and a third closes and
// opens, while packets come. Needs root: a veth pair in a namespace of its own.
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/crew.h>
#include <push-packet/setup.h>

#define ROUNDS 30

static struct pp_plane *plane;
static struct pp_channel *channel;
static struct pp_belt *belt;
static bool stop;
static uint64_t received, returned, refused;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static void *receive(void *arg)
{
	struct pp_frame frame[64];

	while (!stopped()) {
		int n = pp_channel_receive_wait(channel, frame, 64, 20);
		uint32_t taken;

		if (n <= 0)
			continue;
		received += (uint32_t)n;
		taken = pp_belt_push(belt, frame, (uint32_t)n);
		// Closed in between: release() still takes them.
		if (pp_channel_release(channel, frame + taken, (uint32_t)n - taken) < 0)
			refused++;
		returned += (uint32_t)n - taken;
	}
	pp_belt_end(belt);
	return arg;
}

static void *give(void *arg)
{
	uint64_t *given = arg;
	struct pp_frame frame[16];
	uint32_t n;

	while ((n = pp_belt_pop(belt, frame, 16, -1)) > 0) {
		if (pp_channel_give_back(channel, frame, n) < 0)
			__atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
		*given += n;
	}
	return arg;
}

static void *send_packets(void *arg)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	uint8_t packet[100] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	to.sll_ifindex = (int)if_nametoindex("A1");
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		while (!stopped())
			if (send(fd, packet, sizeof(packet), 0) < 0)
				sched_yield();
	close(fd);
	return arg;
}

static int open_all(struct pp_error *err)
{
	struct pp_setup *setup;
	int ret = pp_setup_create(&setup);

	if (ret < 0)
		return ret;
	pp_setup_config(setup)->copy = PP_COPY_OFF;
	ret = pp_setup_interface(setup, "A0", err);
	ret = ret < 0 ? ret : pp_setup_rules(setup, "route any", err);
	ret = ret < 0 ? ret : pp_setup_open(setup, &plane, err);
	pp_setup_destroy(setup);
	return ret < 0 ? ret : pp_channel_open(&channel, plane, 0, 0, err);
}

static int run(void)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	pthread_t thread[3];
	struct pp_channel_stats stats;
	struct pp_channel *same;
	struct pp_error err;
	uint64_t given = 0;

	pthread_create(&thread[0], NULL, receive, NULL);
	pthread_create(&thread[1], NULL, give, &given);
	pthread_create(&thread[2], NULL, send_packets, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		nanosleep(&pause, NULL);
		if (pp_channel_close(channel) < 0 ||
		    pp_channel_open(&same, plane, 0, 0, &err) < 0 || same != channel)
			return 1;
		pp_channel_stats(channel, &stats);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	pp_channel_stats(channel, &stats);
	printf("# %llu received, %u held\n", (unsigned long long)received, stats.held);
	return received == 0 || received != given + returned || stats.held != 0 ||
	       stats.free + stats.receiving + stats.returned != stats.frames;
}

int main(void)
{
	struct pp_error err;
	int ret;

	if (unshare(CLONE_NEWNET) < 0 ||
	    system("ip link add A0 type veth peer name A1 && ip link set A0 up && "
		   "ip link set A1 up") != 0) {
		printf("1..0 # SKIP needs root\n");
		return 77;
	}
	ret = pp_belt_create(&belt, 1024);
	ret = ret < 0 ? ret : open_all(&err);
	if (ret < 0) {
		printf("not ok - opens: %s\n1..1\n", err.text);
		return 1;
	}
	ret = run();
	pp_plane_close(plane);
	pp_belt_destroy(belt);
	printf("%s - closes_and_opens_while_threads_receive_and_give_back\n1..1\n",
	       ret == 0 && refused == 0 ? "ok" : "not ok");
	return ret != 0 || refused != 0;
}
