// SPDX-License-Identifier: MIT OR Apache-2.0
#include "tap_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "clsact.h"
#include "tap_object.h"

// Newer than the headers of Debian 12 (include/uapi/linux/bpf.h, Linux 6.6).
#define TCX_EGRESS ((enum bpf_attach_type)47)

struct pp_tap_out {
	struct bpf_object *object;
	int prog_fd; // of object
	int link_fd; // tcx; -1: none
	struct pp_clsact clsact;
	uint8_t how; // enum pp_egress_attach; AUTO: detached
};

int pp_tap_out_open(struct pp_tap_out **out,
		    const struct pp_maps *maps,
		    const struct pp_tap_config *config,
		    struct pp_error *err)
{
	struct pp_tap_out *tap = calloc(1, sizeof(*tap));
	int ret;

	if (tap == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	tap->link_fd = -1;
	pp_clsact_clear(&tap->clsact);
	ret = pp_tap_object_open(&tap->object, maps, config, PP_TAP_OUT, err);
	if (ret < 0) {
		free(tap);
		return ret;
	}
	tap->prog_fd = pp_tap_object_prog_fd(tap->object, PP_TAP_OUT);
	*out = tap;
	return 0;
}

void pp_tap_out_close(struct pp_tap_out *tap)
{
	if (tap == NULL)
		return;
	pp_tap_out_detach(tap);
	bpf_object__close(tap->object);
	free(tap);
}

// libbpf 1.1 knows no tcx, and passes on what it does not know.
static int attach_tcx(struct pp_tap_out *tap, uint32_t ifindex)
{
	int fd = bpf_link_create(tap->prog_fd, (int)ifindex, TCX_EGRESS, NULL);

	if (fd < 0)
		return -errno;
	tap->link_fd = fd;
	tap->how = PP_EGRESS_TCX;
	return 0;
}

static int
attach_clsact(struct pp_tap_out *tap, uint32_t ifindex, const char *name, struct pp_error *err)
{
	int ret = pp_clsact_attach(&tap->clsact, ifindex, name, tap->prog_fd, err);

	if (ret == 0)
		tap->how = PP_EGRESS_CLSACT;
	return ret;
}

int pp_tap_out_attach(struct pp_tap_out *tap,
		      uint32_t ifindex,
		      const char *name,
		      uint8_t how,
		      struct pp_error *err)
{
	int ret = -EINVAL;

	pp_tap_out_detach(tap);
	pp_tap_out_sweep(ifindex);
	if (how != PP_EGRESS_CLSACT)
		ret = attach_tcx(tap, ifindex);
	// What a kernel without tcx says to it.
	if (ret == -EINVAL && how != PP_EGRESS_TCX)
		return attach_clsact(tap, ifindex, name, err);
	if (ret == -EINVAL)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0,
				    "this kernel has no tcx for %s (Linux 6.6 has); set "
				    "egress-attach: auto",
				    name);
	return ret < 0 ? pp_error_set(err, ret, 0, 0, "cannot attach to what %s sends: %s", name,
				      strerror(-ret))
		       : 0;
}

void pp_tap_out_detach(struct pp_tap_out *tap)
{
	if (tap->how == PP_EGRESS_TCX) {
		bpf_link_detach(tap->link_fd);
		close(tap->link_fd);
		tap->link_fd = -1;
	}
	if (tap->how == PP_EGRESS_CLSACT)
		pp_clsact_detach(&tap->clsact);
	tap->how = PP_EGRESS_AUTO;
}

int pp_tap_out_replace(struct pp_tap_out *tap, struct pp_tap_out *old)
{
	int ret = 0;

	if (old->how == PP_EGRESS_TCX && bpf_link_update(old->link_fd, tap->prog_fd, NULL))
		ret = -errno;
	if (old->how == PP_EGRESS_CLSACT)
		ret = pp_clsact_set(&old->clsact, tap->prog_fd);
	// The interface has gone: this one is put on it when it returns.
	if (ret == -ENOLINK) {
		pp_tap_out_detach(old);
		return 0;
	}
	if (ret < 0)
		return ret;
	tap->link_fd = old->link_fd;
	tap->clsact = old->clsact;
	tap->how = old->how;
	old->link_fd = -1;
	pp_clsact_clear(&old->clsact);
	old->how = PP_EGRESS_AUTO;
	return 0;
}

void pp_tap_out_sweep(uint32_t ifindex)
{
	pp_clsact_sweep(ifindex);
}

uint8_t pp_tap_out_attached(const struct pp_tap_out *tap)
{
	return tap->how;
}

// A tcx link begins its part of the information with the interface, as one of XDP does.
bool pp_tap_out_alive(const struct pp_tap_out *tap)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);

	if (tap->how == PP_EGRESS_CLSACT)
		return pp_clsact_alive(&tap->clsact);
	return tap->how == PP_EGRESS_TCX &&
	       bpf_obj_get_info_by_fd(tap->link_fd, &info, &len) == 0 && info.xdp.ifindex != 0;
}

uint32_t pp_tap_out_verified_insns(const struct pp_tap_out *tap)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(tap->prog_fd, &info, &len) == 0 ? info.verified_insns : 0;
}

int pp_tap_out_prog_fd(const struct pp_tap_out *tap)
{
	return tap->prog_fd;
}
