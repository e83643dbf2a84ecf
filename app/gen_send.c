// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_send.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

#include "gen_link.h"
#include "gen_live.h"
#include "gen_pace.h"
#include "gen_socket.h"
#include "gen_tun.h"

#define MAC_BYTES 6
#define ETHER_BYTES 14
#define TAG_BYTES 4
#define DRAIN_DEFAULT_NS 500000000u
#define WAIT_STEP_NS 2000000u
// Up to this rate auto takes a socket: it sleeps between bursts where a live run spins, so a
// receiver on the same core gets its share.
#define SOCKET_RATE_PPS 1000000u

struct run {
	const struct pp_gen_options *opt;
	struct pp_gen_sent *out;
	struct pp_error *err;
	struct pp_gen_spec spec;
	struct pp_gen_link link;
	struct pp_gen_link peer; // ifindex 0: none, or not to be seen
	struct pp_gen_plan plan;
	struct pp_gen_pace pace;
	// The way in use; the others are NULL.
	struct pp_gen_live *live;
	struct pp_gen_socket *sock;
	struct pp_gen_tun *tun;
};

static int no_interface(struct run *run, int ret)
{
	if (ret == -ENODEV)
		return pp_error_set(run->err, ret, 0, 0, "%s: no such interface", run->opt->iface);
	return pp_error_set(run->err, ret, 0, 0, "%s: %s", run->opt->iface, strerror(-ret));
}

static int look_at_link(struct run *run)
{
	int ret = pp_gen_link_get(run->opt->iface, &run->link);

	if (ret < 0)
		return no_interface(run, ret);
	run->peer = (struct pp_gen_link){0};
	if (pp_gen_link_peer(&run->link, &run->peer) < 0)
		run->peer.ifindex = 0;
	return 0;
}

static bool is_tun(const struct pp_gen_link *link)
{
	return strcmp(link->kind, "tun") == 0;
}

// Open a tun before anything else: it has carrier from then on.
static int open_tun(struct run *run)
{
	bool asked = run->opt->via == PP_GEN_VIA_TUN || run->opt->via == PP_GEN_VIA_TAP, tap,
	     create;
	int ret = pp_gen_link_get(run->opt->iface, &run->link);

	create = ret == -ENODEV && asked;
	if (ret < 0 && !create)
		return no_interface(run, ret);
	if (!create && !is_tun(&run->link) && asked)
		return pp_error_set(run->err, -EINVAL, 0, 0,
				    "%s: it is not a tun or tap device: leave --via away",
				    run->opt->iface);
	if (!create && (!is_tun(&run->link) || run->opt->via == PP_GEN_VIA_LIVE ||
			run->opt->via == PP_GEN_VIA_SOCKET))
		return 0;
	tap = create ? run->opt->via == PP_GEN_VIA_TAP : !pp_gen_link_is_raw_ip(&run->link);
	return pp_gen_tun_open(&run->tun, run->opt->iface, tap, create, &run->out->back, run->err);
}

static bool has_xdp(struct run *run)
{
	if (look_at_link(run) < 0)
		return false;
	return (run->peer.ifindex != 0 ? run->peer : run->link).xdp_attached != XDP_ATTACHED_NONE;
}

static int wait_for_xdp(struct run *run)
{
	uint64_t end_ns = pp_gen_now_ns() + run->opt->wait_xdp_ns;

	if (run->opt->wait_xdp_ns == 0)
		return 0;
	if (run->peer.ifindex == 0 && run->tun == NULL)
		return pp_error_set(run->err, -EINVAL, 0, 0,
				    "%s: --wait-xdp is for tun and tap devices, and for a veth "
				    "whose other end can be seen from this network namespace",
				    run->opt->iface);
	while (!has_xdp(run)) {
		if (run->pace.stopped)
			return 0;
		if (pp_gen_now_ns() >= end_ns)
			return pp_error_set(run->err, -ETIMEDOUT, 0, 0,
					    "%s: no XDP program came in the time of --wait-xdp",
					    run->opt->iface);
		pp_gen_pace_sleep(&run->pace, pp_gen_now_ns() + WAIT_STEP_NS);
	}
	return 0;
}

static void complete_spec(struct run *run)
{
	run->spec = run->opt->spec;
	run->spec.raw_ip = pp_gen_link_is_raw_ip(&run->link);
	if (!run->opt->src_mac_set)
		memcpy(run->spec.src_mac, run->link.mac, MAC_BYTES);
	if (run->opt->dst_mac_set)
		return;
	memset(run->spec.dst_mac, 0xff, MAC_BYTES);
	if (run->peer.ifindex != 0)
		memcpy(run->spec.dst_mac, run->peer.mac, MAC_BYTES);
	else if (is_tun(&run->link))
		memcpy(run->spec.dst_mac, run->link.mac, MAC_BYTES);
}

// What XDP transmit allows beyond the MTU: an Ethernet header and a tag. Whether the kernel can
// make such a frame shows with the first one.
static uint32_t live_size_max(struct run *run)
{
	uint32_t mtu = run->link.mtu_bytes;

	if (run->peer.ifindex != 0 && run->peer.mtu_bytes < mtu)
		mtu = run->peer.mtu_bytes;
	return mtu + ETHER_BYTES + TAG_BYTES;
}

static int open_live(struct run *run)
{
	int ret;

	if (run->spec.raw_ip)
		return pp_error_set(run->err, -EINVAL, 0, 0,
				    "%s: live frames need Ethernet: use --via tun or socket",
				    run->opt->iface);
	ret = pp_gen_plan_init(&run->plan, &run->spec, live_size_max(run), run->err);
	if (ret < 0)
		return ret;
	run->out->via = PP_GEN_VIA_LIVE;
	return pp_gen_live_open(&run->live, &run->link, &run->plan, run->opt->rate_pps, run->err);
}

static int open_socket(struct run *run)
{
	uint32_t size_max = pp_gen_socket_size_max(&run->link, &run->spec);
	int ret = pp_gen_plan_init(&run->plan, &run->spec, size_max, run->err);

	if (ret < 0)
		return ret;
	run->out->via = PP_GEN_VIA_SOCKET;
	return pp_gen_socket_open(&run->sock, &run->link, &run->plan, run->err);
}

static int plan_tun(struct run *run)
{
	int ret = pp_gen_plan_init(&run->plan, &run->spec, PP_GEN_TUN_SIZE_MAX, run->err);

	if (ret < 0)
		return ret;
	if (pp_gen_tun_set_plan(run->tun, &run->plan) < 0)
		return pp_error_set(run->err, -ENOMEM, 0, 0, "out of memory");
	run->out->via = PP_GEN_VIA_TUN;
	run->pace.watch_fd = pp_gen_tun_fd(run->tun);
	run->pace.watch = pp_gen_tun_receive;
	run->pace.watch_arg = run->tun;
	return 0;
}

// What auto tried first did not work: remember why and use a socket.
static int fall_back(struct run *run)
{
	snprintf(run->out->why, sizeof(run->out->why), "%.199s", run->err->text);
	pp_gen_live_close(run->live);
	run->live = NULL;
	pp_gen_plan_fini(&run->plan);
	return open_socket(run);
}

static int open_way(struct run *run)
{
	int ret;

	if (run->tun != NULL)
		return plan_tun(run);
	if (run->opt->via == PP_GEN_VIA_SOCKET)
		return open_socket(run);
	if (run->opt->via == PP_GEN_VIA_LIVE)
		return open_live(run);
	if (strcmp(run->link.kind, "veth") != 0)
		return open_socket(run);
	if (run->opt->rate_pps > 0 && run->opt->rate_pps <= SOCKET_RATE_PPS) {
		pp_error_set(run->err, 0, 0, 0,
			     "at up to %u pps a socket shares its core better; --via live spins",
			     SOCKET_RATE_PPS);
		return fall_back(run);
	}
	ret = open_live(run);
	return ret < 0 ? fall_back(run) : 0;
}

static int check_up(struct run *run)
{
	if (!run->link.up)
		return pp_error_set(run->err, -ENETDOWN, 0, 0, "%s is down: ip link set %s up",
				    run->opt->iface, run->opt->iface);
	return 0;
}

// Only the first live frame shows whether live frames arrive.
static int probe_live(struct run *run)
{
	uint64_t sent = 0;
	int ret;

	if (run->live == NULL || run->pace.stopped)
		return 0;
	ret = pp_gen_live_probe(run->live, &sent, run->err);
	run->pace.sent = sent;
	if (ret < 0 && run->opt->via == PP_GEN_VIA_AUTO)
		return fall_back(run);
	return ret;
}

static int send_bursts(struct run *run)
{
	uint64_t n, sent;
	int ret = 0;

	if (run->opt->rate_pps > 0)
		pp_gen_pace_go_first();
	run->pace.start_ns = pp_gen_now_ns();
	while (ret == 0 && (n = pp_gen_pace_next(&run->pace, PP_GEN_BURST_MAX)) > 0) {
		ret = run->sock != NULL ? pp_gen_socket_send(run->sock, n, &sent, run->err)
					: pp_gen_tun_send(run->tun, n, &sent, run->err);
		run->pace.sent += sent;
	}
	run->out->elapsed_ns = pp_gen_now_ns() - run->pace.start_ns;
	return ret;
}

static int send_all(struct run *run)
{
	int ret = probe_live(run);

	run->out->size_bytes = run->plan.size_bytes;
	run->out->flows = run->plan.flows;
	if (ret < 0)
		return ret;
	if (run->live != NULL)
		ret = pp_gen_live_run(run->live, &run->pace, &run->out->elapsed_ns, run->err);
	else
		ret = send_bursts(run);
	run->out->sent = run->pace.sent;
	return ret;
}

static int count_dropped(struct run *run)
{
	if (run->live != NULL)
		return pp_gen_live_refused(run->live, &run->out->driver_dropped, run->err);
	if (run->sock != NULL)
		run->out->driver_dropped = pp_gen_socket_dropped(run->sock);
	else
		run->out->driver_dropped = 0; // a write that succeeds was received
	return 0;
}

// Read what still comes back.
static void drain(struct run *run)
{
	uint64_t quiet_ns = run->opt->drain_ns, seen;
	bool stopped = run->pace.stopped;

	if (run->tun == NULL)
		return;
	if (quiet_ns == PP_GEN_NO_END)
		quiet_ns = DRAIN_DEFAULT_NS;
	run->pace.stopped = false;
	do {
		seen = run->out->back.received + run->out->back.other;
		pp_gen_pace_sleep(&run->pace, pp_gen_now_ns() + quiet_ns);
	} while (run->out->back.received + run->out->back.other != seen && !run->pace.stopped);
	if (!run->pace.stopped)
		pp_gen_pace_sleep(&run->pace, pp_gen_now_ns() + run->opt->hold_ns);
	run->pace.stopped |= stopped;
}

static int run_all(struct run *run)
{
	int ret = open_tun(run), drop_ret;

	if (ret == 0)
		ret = look_at_link(run);
	if (ret == 0)
		ret = wait_for_xdp(run);
	if (ret < 0)
		return ret;
	complete_spec(run);
	ret = open_way(run);
	if (ret == 0)
		ret = check_up(run);
	if (ret < 0)
		return ret;
	pp_gen_pace_sleep(&run->pace, pp_gen_now_ns() + run->opt->start_delay_ns);
	ret = send_all(run);
	drop_ret = count_dropped(run);
	drain(run);
	return ret < 0 ? ret : drop_ret;
}

int pp_gen_send(const struct pp_gen_options *opt, struct pp_gen_sent *out, struct pp_error *err)
{
	struct run run = {.opt = opt, .out = out, .err = err};
	int ret;

	*out = (struct pp_gen_sent){.driver_dropped = -1, .via = opt->via};
	pp_gen_check_init(&out->back, opt->spec.seed, 0);
	ret = pp_gen_pace_init(&run.pace, opt->rate_pps, opt->count, opt->for_ns);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "signalfd: %s", strerror(-ret));
	ret = run_all(&run);
	out->stopped = run.pace.stopped;
	pp_gen_live_close(run.live);
	pp_gen_socket_close(run.sock);
	pp_gen_tun_close(run.tun);
	pp_gen_plan_fini(&run.plan);
	pp_gen_pace_fini(&run.pace);
	return ret;
}
