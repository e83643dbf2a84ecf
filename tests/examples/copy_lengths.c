// SPDX-License-Identifier: MIT OR Apache-2.0
// Copy every packet of an interface, untouched on its way to the kernel, and print lengths.
// usage: copy_lengths IFACE COUNT
#include <stdio.h>
#include <stdlib.h>

#include <push-packet/receiver.h>
#include <push-packet/setup.h>

static int run(struct pp_plane *plane, int count, struct pp_error *err)
{
	struct pp_receiver *receiver;
	struct pp_event event[64];
	int n = pp_receiver_open(&receiver, plane, PP_RECEIVER_ALL, err);

	while (n >= 0 && count > 0) {
		n = pp_receiver_burst_wait(receiver, event, 64, -1);
		for (int i = 0; i < n; i++)
			printf("%u bytes\n", event[i].meta->len_bytes);
		count -= n;
		pp_receiver_release(receiver);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct pp_setup *setup;
	struct pp_plane *plane;
	struct pp_error err;
	int ret;

	if (argc != 3 || pp_setup_create(&setup) < 0)
		return 2;
	ret = pp_setup_interface(setup, argv[1], &err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, "copy any", &err);
	if (ret >= 0)
		ret = pp_setup_open(setup, &plane, &err);
	pp_setup_destroy(setup);
	if (ret >= 0) {
		ret = run(plane, atoi(argv[2]), &err);
		pp_plane_close(plane);
	}
	if (ret < 0)
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
	return ret < 0;
}
