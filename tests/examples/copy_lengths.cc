// SPDX-License-Identifier: MIT OR Apache-2.0
// The first example in C++: what was opened is closed by its owner.
// usage: copy_lengths_cc IFACE COUNT
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <push-packet/receiver.h>
#include <push-packet/setup.h>

static pp_error err;

static int need(int ret)
{
	if (ret < 0)
		throw std::runtime_error(err.text);
	return ret;
}

template <typename T, void (*close)(T *)> struct closer {
	void operator()(T *p) const
	{
		close(p);
	}
};
using plane_ptr = std::unique_ptr<pp_plane, closer<pp_plane, pp_plane_close>>;
using setup_ptr = std::unique_ptr<pp_setup, closer<pp_setup, pp_setup_destroy>>;

static plane_ptr open_plane(const char *iface)
{
	pp_setup *setup;
	pp_plane *plane;

	need(pp_setup_create(&setup));
	setup_ptr owner(setup);
	need(pp_setup_interface(setup, iface, &err));
	need(pp_setup_rules(setup, "copy any", &err));
	need(pp_setup_open(setup, &plane, &err));
	return plane_ptr(plane);
}

int main(int argc, char **argv)
try {
	if (argc != 3)
		return 2;
	plane_ptr plane = open_plane(argv[1]);
	pp_receiver *receiver;
	pp_event event[64];

	need(pp_receiver_open(&receiver, plane.get(), PP_RECEIVER_ALL, &err));
	for (int left = std::atoi(argv[2]); left > 0;) {
		int n = need(pp_receiver_burst_wait(receiver, event, 64, -1));

		for (int i = 0; i < n; i++)
			std::printf("%u bytes\n", event[i].meta->len_bytes);
		left -= n;
		pp_receiver_release(receiver);
	}
} catch (const std::exception &error) {
	std::fprintf(stderr, "%s\n", error.what());
	return 1;
}
