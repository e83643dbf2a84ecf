// SPDX-License-Identifier: MIT OR Apache-2.0
// Copied and routed packets, changes of interfaces and signals in an event loop of the program's own.
// usage: event_loop IFACE; ends with SIGTERM
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <push-packet/channel.h>
#include <push-packet/receiver.h>
#include <push-packet/setup.h>

static struct pp_plane *plane;
static struct pp_receiver *receiver;
static struct pp_channel *channel;
static unsigned int copied, routed;

static void on_copies(void)
{
	struct pp_event event[64];
	int n;

	while ((n = pp_receiver_burst(receiver, event, 64)) > 0) {
		copied += (unsigned int)n;
		pp_receiver_release(receiver);
	}
}

static void on_routed(void)
{
	struct pp_frame frame[64];
	int n;

	while ((n = pp_channel_receive(channel, frame, 64)) > 0) {
		routed += (unsigned int)n;
		pp_channel_release(channel, frame, (uint32_t)n);
	}
}

static void on_interfaces(void)
{
	struct pp_plane_event event[8];
	uint32_t n = pp_plane_poll(plane, event, 8);

	for (uint32_t i = 0; i < n; i++)
		printf("%s\n", event[i].text);
}

// What is to be watched, and what is called then; NULL: the end.
static int watch(int loop, int fd, void (*call)(void))
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = (void *)call}};

	return fd < 0 ? fd : epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
}

static void run(int loop)
{
	struct epoll_event event;

	for (;;) {
		int n = epoll_wait(loop, &event, 1, 1000);

		if (n == 0)
			on_interfaces(); // once a second at least
		else if (n > 0 && event.data.ptr == NULL)
			return;
		else if (n > 0)
			((void (*)(void))event.data.ptr)();
	}
}

int main(int argc, char **argv)
{
	struct pp_setup *setup;
	struct pp_error err;
	int loop = epoll_create1(0), ret;
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	if (argc != 2 || pp_setup_create(&setup) < 0)
		return 2;
	ret = pp_setup_interface(setup, argv[1], &err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, "copy proto udp dport 53\nroute proto udp dport 7",
				     &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	if (ret >= 0)
		ret = pp_receiver_open(&receiver, plane, PP_RECEIVER_ALL, &err);
	if (ret >= 0)
		ret = pp_channel_open(&channel, plane, 0, 0, &err);
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
		return 1;
	}
	if (watch(loop, pp_receiver_fd(receiver), on_copies) < 0 ||
	    watch(loop, pp_channel_fd(channel), on_routed) < 0 ||
	    watch(loop, pp_plane_fd(plane), on_interfaces) < 0 ||
	    watch(loop, signalfd(-1, &term, 0), NULL) < 0)
		return 1;
	printf("running\n");
	fflush(stdout);
	run(loop);
	printf("%u copied, %u routed\n", copied, routed);
	pp_plane_close(plane);
	return 0;
}
