// SPDX-License-Identifier: MIT OR Apache-2.0
#include "tap.h"

#include "maps.h"
#include "tap_object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <push-packet/clock.h>

struct pp_tap {
	const struct pp_maps *maps;
	struct pp_tap_config config;
	struct bpf_object *object[2]; // xdp, xdp.frags; NULL: not loaded
	int prog_fd[2]; // of object; -1
	int link_fd; // -1: detached
	uint8_t mode;
	bool frags;
	uint64_t load_ns;
};

// What bpf_link_create answers where the plain program cannot take frames of the MTU.
static bool is_mtu_errno(int err)
{
	return err == -ERANGE || err == -EINVAL || err == -EOPNOTSUPP;
}

static int load_variant(struct pp_tap *tap, bool frags, struct pp_error *err)
{
	enum pp_tap_program program = frags ? PP_TAP_XDP_FRAGS : PP_TAP_XDP;
	uint64_t begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
	int ret;

	if (tap->object[frags] != NULL)
		return 0;
	ret = pp_tap_object_open(&tap->object[frags], tap->maps, &tap->config, program, err);
	if (ret < 0)
		return ret;
	tap->prog_fd[frags] = pp_tap_object_prog_fd(tap->object[frags], program);
	tap->load_ns += pp_clock_ns(CLOCK_MONOTONIC) - begin_ns;
	return 0;
}

int pp_tap_load_frags(struct pp_tap *tap, struct pp_error *err)
{
	return load_variant(tap, true, err);
}

int pp_tap_open(struct pp_tap **out,
		const struct pp_maps *maps,
		const struct pp_tap_config *config,
		struct pp_error *err)
{
	struct pp_tap *tap = calloc(1, sizeof(*tap));
	int ret;

	if (tap == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	*tap = (struct pp_tap){
		.maps = maps,
		.config = *config,
		.prog_fd = {-1, -1},
		.link_fd = -1,
	};
	ret = load_variant(tap, false, err);
	if (ret < 0) {
		free(tap);
		return ret;
	}
	*out = tap;
	return 0;
}

void pp_tap_close(struct pp_tap *tap)
{
	if (tap == NULL)
		return;
	pp_tap_detach(tap);
	bpf_object__close(tap->object[false]);
	bpf_object__close(tap->object[true]);
	free(tap);
}

int pp_tap_prog_fd(const struct pp_tap *tap, bool frags)
{
	return tap->prog_fd[frags];
}

static int attach_variant(struct pp_tap *tap, uint32_t ifindex, uint8_t mode, bool frags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = mode == PP_XDP_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(pp_tap_prog_fd(tap, frags), (int)ifindex, BPF_XDP, &opts);

	if (fd < 0)
		return -errno;
	tap->link_fd = fd;
	tap->mode = mode;
	tap->frags = frags;
	return 0;
}

// @return  As the plain variant is answered, unless the other one is taken, or the kernel refuses to load
//          it.
static int attach_mode(struct pp_tap *tap, uint32_t ifindex, uint8_t mode)
{
	int ret = attach_variant(tap, ifindex, mode, false);
	struct pp_error unused;
	int loaded;

	if (!is_mtu_errno(ret))
		return ret;
	loaded = pp_tap_load_frags(tap, &unused);
	if (loaded < 0)
		return loaded == -EINVAL ? ret : loaded;
	return attach_variant(tap, ifindex, mode, true) == 0 ? 0 : ret;
}

static uint32_t prog_id_on(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	if (bpf_xdp_query((int)ifindex, 0, &opts) < 0)
		return 0;
	return opts.prog_id ?: opts.drv_prog_id ?: opts.skb_prog_id;
}

static int busy_error(const char *name, uint32_t prog_id, struct pp_error *err)
{
	return pp_error_set(
		err, -EBUSY, 0, 0,
		"interface %s has an XDP program already (id %u): another push-packet or "
		"tool holds it; stop that first",
		name, prog_id);
}

int pp_tap_check_free(uint32_t ifindex, const char *name, struct pp_error *err)
{
	uint32_t prog_id = prog_id_on(ifindex);

	return prog_id == 0 ? 0 : busy_error(name, prog_id, err);
}

static int attach_error(int ret, const char *name, uint32_t ifindex, struct pp_error *err)
{
	if (ret == -EBUSY || ret == -EEXIST)
		return busy_error(name, prog_id_on(ifindex), err);
	if (ret == -EOPNOTSUPP)
		return pp_error_set(err, ret, 0, 0, "interface %s has no native XDP; set mode: skb",
				    name);
	return pp_error_set(err, ret, 0, 0, "cannot attach to interface %s: %s", name,
			    strerror(-ret));
}

int pp_tap_attach(
	struct pp_tap *tap, uint32_t ifindex, const char *name, uint8_t mode, struct pp_error *err)
{
	int ret;

	pp_tap_detach(tap);
	ret = attach_mode(tap, ifindex, mode == PP_XDP_SKB ? PP_XDP_SKB : PP_XDP_NATIVE);
	if (ret < 0 && ret != -EBUSY && ret != -EEXIST && mode == PP_XDP_AUTO)
		ret = attach_mode(tap, ifindex, PP_XDP_SKB);
	return ret < 0 ? attach_error(ret, name, ifindex, err) : 0;
}

void pp_tap_detach(struct pp_tap *tap)
{
	if (tap->link_fd < 0)
		return;
	bpf_link_detach(tap->link_fd);
	close(tap->link_fd);
	tap->link_fd = -1;
}

// The kernel skips an update that changes nothing: so to the other variant and back.
int pp_tap_renew(struct pp_tap *tap)
{
	struct pp_error unused;
	int ret;

	if (tap->link_fd < 0)
		return -ENOTCONN;
	ret = load_variant(tap, !tap->frags, &unused);
	if (ret < 0)
		return ret;
	if (bpf_link_update(tap->link_fd, pp_tap_prog_fd(tap, !tap->frags), NULL))
		return -errno;
	return bpf_link_update(tap->link_fd, pp_tap_prog_fd(tap, tap->frags), NULL) ? -errno : 0;
}

int pp_tap_replace(struct pp_tap *tap, struct pp_tap *old)
{
	if (old->link_fd < 0)
		return 0;
	if (bpf_link_update(old->link_fd, pp_tap_prog_fd(tap, old->frags), NULL)) {
		// The interface has gone: this one is put on it when it returns.
		if (errno != ENOLINK)
			return -errno;
		pp_tap_detach(old);
		return 0;
	}
	tap->link_fd = old->link_fd;
	tap->mode = old->mode;
	tap->frags = old->frags;
	old->link_fd = -1;
	return 0;
}

bool pp_tap_alive(const struct pp_tap *tap)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);

	return tap->link_fd >= 0 && bpf_obj_get_info_by_fd(tap->link_fd, &info, &len) == 0 &&
	       info.xdp.ifindex != 0;
}

uint32_t pp_tap_verified_insns(const struct pp_tap *tap)
{
	uint32_t most = 0;

	for (int i = 0; i < 2; i++) {
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(tap->prog_fd[i], &info, &len) == 0 &&
		    info.verified_insns > most)
			most = info.verified_insns;
	}
	return most;
}

uint64_t pp_tap_load_ns(const struct pp_tap *tap)
{
	return tap->load_ns;
}

bool pp_tap_attached(const struct pp_tap *tap)
{
	return tap->link_fd >= 0;
}

uint8_t pp_tap_mode(const struct pp_tap *tap)
{
	return tap->mode;
}

bool pp_tap_frags(const struct pp_tap *tap)
{
	return tap->frags;
}
