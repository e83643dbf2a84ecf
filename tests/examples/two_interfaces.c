// SPDX-License-Identifier: MIT OR Apache-2.0
// Forward UDP between two interfaces, both ways, without copying a packet in user space.
// usage: two_interfaces IFACE IFACE COUNT
#include <stdio.h>
#include <stdlib.h>

#include <push-packet/channel.h>
#include <push-packet/setup.h>

// Give to one channel what the other received. What it has no room for goes back.
static int forward(struct pp_channel *from, struct pp_channel *to)
{
	struct pp_frame frame[64];
	int sent = 0, n = pp_channel_receive(from, frame, 64);

	if (n > 0)
		sent = pp_channel_send(to, frame, (uint32_t)n);
	if (n > 0 && sent < n)
		pp_channel_release(from, frame + (sent < 0 ? 0 : sent),
				   (uint32_t)(n - (sent < 0 ? 0 : sent)));
	return n < 0 ? n : sent;
}

static int run(struct pp_channel *channel[2], int count)
{
	while (count > 0) {
		int there = forward(channel[0], channel[1]);
		int back = forward(channel[1], channel[0]);

		if (there < 0 || back < 0)
			return there < 0 ? there : back;
		count -= there + back;
	}
	while (pp_channel_flush(channel[0]) > 0 || pp_channel_flush(channel[1]) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	struct pp_channel *channel[2];
	struct pp_setup *setup;
	struct pp_plane *plane = NULL;
	struct pp_error err;
	int ret;

	if (argc != 4 || pp_setup_create(&setup) < 0)
		return 2;
	pp_setup_config(setup)->copy = PP_COPY_OFF;
	pp_setup_config(setup)->umem_shared = true;
	ret = pp_setup_interface(setup, argv[1], &err);
	if (ret >= 0)
		ret = pp_setup_interface(setup, argv[2], &err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, "route proto udp", &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	for (uint32_t i = 0; i < 2 && ret >= 0; i++)
		ret = pp_channel_open(&channel[i], plane, i, 0, &err);
	if (ret < 0)
		fprintf(stderr, "%s\n", err.text);
	else
		ret = run(channel, atoi(argv[3]));
	pp_plane_close(plane);
	return ret < 0;
}
