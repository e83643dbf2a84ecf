// SPDX-License-Identifier: MIT OR Apache-2.0
// Receive routed packets of one queue as an embedding program does, until SIGTERM; for library.py.
// usage: library-receive IFACE burst|wait
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <push-packet/channel.h>
#include <push-packet/setup.h>

static volatile sig_atomic_t stop;

static void on_term(int number)
{
	(void)number;
	stop = 1;
}

static unsigned long long receive(struct pp_channel *channel, bool wait)
{
	struct pp_frame frame[64];
	unsigned long long total = 0;

	while (!stop) {
		int n = wait ? pp_channel_receive_wait(channel, frame, 64, 100)
			     : pp_channel_receive(channel, frame, 64);

		if (n <= 0)
			continue;
		total += (unsigned int)n;
		pp_channel_release(channel, frame, (uint32_t)n);
	}
	return total;
}

int main(int argc, char **argv)
{
	struct pp_channel *channel;
	struct pp_plane_config *config;
	struct pp_setup *setup;
	struct pp_plane *plane = NULL;
	struct pp_error err;
	int ret;

	if (argc != 3 || pp_setup_create(&setup) < 0)
		return 2;
	signal(SIGTERM, on_term);
	config = pp_setup_config(setup);
	config->copy = PP_COPY_OFF;
	config->fill_slots = 4096;
	config->frames = 16384;
	ret = pp_setup_interface(setup, argv[1], &err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, "route proto udp dport 9", &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	if (ret >= 0)
		ret = pp_channel_open(&channel, plane, 0, 0, &err);
	if (ret < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	puts("running");
	fflush(stdout);
	printf("%llu\n", receive(channel, strcmp(argv[2], "wait") == 0));
	pp_plane_close(plane);
	return 0;
}
