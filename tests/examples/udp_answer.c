// SPDX-License-Identifier: MIT OR Apache-2.0
// Take one UDP port over IPv4 away from the kernel and send each datagram back to its sender.
// usage: udp_answer IFACE PORT COUNT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/channel.h>
#include <push-packet/setup.h>

static void swap(uint8_t *a, uint8_t *b, size_t bytes)
{
	uint8_t keep[16];

	memcpy(keep, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, keep, bytes);
}

// Sender and receiver change places; the checksums, which are sums, stay right.
static void turn_round(struct pp_frame *frame)
{
	uint8_t *ip = frame->data + 14, *udp = ip + (ip[0] & 15) * 4;

	swap(frame->data, frame->data + 6, 6);
	swap(ip + 12, ip + 16, 4);
	swap(udp, udp + 2, 2);
}

static int answer(struct pp_channel *channel, int count)
{
	struct pp_frame frame[32];
	int n = 0;

	while (n >= 0 && count > 0) {
		n = pp_channel_receive_wait(channel, frame, 32, -1);
		for (int i = 0; i < n; i++)
			turn_round(&frame[i]);
		for (int sent = 0; sent < n;) {
			int now = pp_channel_send(channel, frame + sent, (uint32_t)(n - sent));

			if (now < 0)
				return now;
			sent += now;
		}
		count -= n;
	}
	while (n >= 0 && pp_channel_flush(channel) > 0)
		;
	return n;
}

int main(int argc, char **argv)
{
	struct pp_channel *channel;
	struct pp_setup *setup;
	struct pp_plane *plane = NULL;
	struct pp_error err;
	char rule[100];
	int ret;

	if (argc != 4 || pp_setup_create(&setup) < 0)
		return 2;
	snprintf(rule, sizeof(rule), "route family ip4 proto udp dport %s", argv[2]);
	pp_setup_config(setup)->copy = PP_COPY_OFF;
	ret = pp_setup_interface(setup, argv[1], &err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, rule, &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	if (ret >= 0)
		ret = pp_channel_open(&channel, plane, 0, 0, &err);
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
	else
		ret = answer(channel, atoi(argv[3]));
	pp_plane_close(plane);
	return ret < 0;
}
