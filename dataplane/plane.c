// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <push-packet/clock.h>

#include "analysis.h"
#include "caps.h"
#include "channel_priv.h"
#include "log.h"
#include "receiver_priv.h"
#include "rule_table.h"
#include "worker.h"

// After the programs are off, what is on its way arrives within a grace period; what does not
// arrive within this is reported as in flight.
#define DRAIN_POLL_NS (5 * 1000 * 1000)
#define DRAIN_POLLS 400
#define SETTLE_POLLS 4

static void *copy_array(const void *from, size_t count, size_t bytes)
{
	void *copy = calloc(count ?: 1, bytes);

	if (copy != NULL && count > 0)
		memcpy(copy, from, count * bytes);
	return copy;
}

static int
copy_config(struct pp_plane *plane, const struct pp_plane_config *config, struct pp_error *err)
{
	plane->config = *config;
	plane->config.iface =
		copy_array(config->iface, config->iface_count, sizeof(config->iface[0]));
	plane->config.consumer =
		copy_array(config->consumer, config->consumer_count, sizeof(config->consumer[0]));
	plane->iface = calloc(config->iface_count, sizeof(*plane->iface));
	for (uint32_t i = 0; i < config->consumer_count; i++)
		plane->forwards |= config->consumer[i].kind == PP_CONSUMER_FORWARD;
	plane->config.umem_shared |= plane->forwards;
	plane->consumer = calloc(config->consumer_count ?: 1, sizeof(*plane->consumer));
	if (plane->config.iface == NULL || plane->config.consumer == NULL || plane->iface == NULL ||
	    plane->consumer == NULL)
		return pp_plane_no_memory(err);
	plane->bindings = (struct pp_bindings){
		.copy = config->copy,
		.route = config->route,
		.iface = plane->config.iface,
		.iface_count = config->iface_count,
		.consumer = plane->config.consumer,
		.consumer_count = config->consumer_count,
	};
	return 0;
}

// A row for every queue that the interface can ever have, and one for those beyond.
static int see_ifaces(struct pp_plane *plane, struct pp_error *err)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		struct pp_plane_iface *iface = &plane->iface[i];
		uint32_t queues;
		int ret = pp_netif_get(plane->config.iface[i].name, &iface->netif);

		if (ret < 0)
			return pp_error_set(err, ret, 0, 0, "interface %s: %s",
					    plane->config.iface[i].name, strerror(-ret));
		queues = iface->netif.queue_max;
		if (queues > PP_QUEUES_PER_IFACE_MAX)
			queues = PP_QUEUES_PER_IFACE_MAX;
		plane->frame_kind[i] = (uint8_t)iface->netif.frame_kind;
		plane->rows.base[i] = (uint16_t)plane->rows.total;
		plane->rows.count[i] = (uint16_t)(queues + 1);
		plane->rows.total += queues + 2; // and one for what is sent
		memset(iface->worker, 0xff, sizeof(iface->worker));
	}
	plane->retired = calloc(plane->rows.total, sizeof(*plane->retired));
	return plane->retired == NULL ? pp_plane_no_memory(err) : 0;
}

static int load_taps(struct pp_plane *plane, struct pp_where *where, struct pp_error *err)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		struct pp_plane_iface *iface = &plane->iface[i];
		int ret = pp_plane_open_tap(plane, i, &iface->tap, err);

		ret = ret ?: pp_plane_out_open(plane, i, &plane->outs, &iface->out, err);

		// What is built in has been seen to load; what this process lacks is not about a file.
		if (ret < 0 && plane->engine.engine != NULL && where != NULL)
			where->kind = PP_WHERE_ENGINE_OBJECT;
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int open_taps(struct pp_plane *plane, struct pp_where *where, struct pp_error *err)
{
	int ret = load_taps(plane, where, err);

	if (ret == 0 || pp_plane_publish_simpler(plane, err) < 0)
		return ret;
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		pp_tap_close(plane->iface[i].tap);
		pp_tap_out_close(plane->iface[i].out);
		plane->iface[i].tap = NULL;
		plane->iface[i].out = NULL;
	}
	return load_taps(plane, where, err);
}

// A ring for every CPU that is online: an interrupt may come to any of them.
static int open_rings(struct pp_plane *plane, struct pp_error *err)
{
	uint16_t cpu[PP_CPUS_MAX];
	uint32_t cpus = pp_plane_online_cpus(cpu, PP_CPUS_MAX);

	if (plane->config.copy == PP_COPY_OFF)
		return 0;
	plane->ring = calloc(cpus, sizeof(*plane->ring));
	if (plane->ring == NULL)
		return pp_plane_no_memory(err);
	for (uint32_t i = 0; i < cpus; i++) {
		uint32_t key = cpu[i];
		int ret;

		ret = pp_copy_ring_open(&plane->ring[i], key, plane->config.copy_ring_bytes, err);
		if (ret < 0)
			return ret;
		plane->ring_count++;
		ret = pp_maps_set_copy_ring(&plane->maps, &plane->ring[i], err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int iface_error(struct pp_where *where, enum pp_where_kind kind, uint32_t iface, int ret)
{
	if (where != NULL)
		*where = (struct pp_where){kind, iface, 0};
	return ret;
}

// Before the first interface is touched: is any of them somebody else's?
static int check_free(const struct pp_plane *plane, struct pp_where *where, struct pp_error *err)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		int ret = pp_tap_check_free(plane->iface[i].netif.ifindex,
					    plane->config.iface[i].name, err);

		if (ret < 0)
			return iface_error(where, PP_WHERE_IFACE, i, ret);
	}
	return 0;
}

static int attach_each(struct pp_plane *plane, struct pp_where *where, struct pp_error *err)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		enum pp_where_kind kind;
		int ret = pp_plane_iface_attach(plane, i, &kind, err);

		if (ret < 0)
			return iface_error(where, kind, i, ret);
	}
	return 0;
}

// Whether the memory that all share could be used if no socket asked for zero-copy.
static bool can_bind_copy(const struct pp_plane *plane)
{
	if (plane->pool == NULL || plane->bind_copy)
		return false;
	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		if (plane->config.iface[i].bind == PP_BIND_ZEROCOPY)
			return false;
	return true;
}

static int attach_all(struct pp_plane *plane, struct pp_where *where, struct pp_error *err)
{
	int ret;

	plane->shared_ports = pp_plane_count_ports(plane);
	ret = attach_each(plane, where, err);
	if (ret != -EOPNOTSUPP || !can_bind_copy(plane))
		return ret;
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		pp_tap_detach(plane->iface[i].tap);
		if (plane->iface[i].out != NULL)
			pp_tap_out_detach(plane->iface[i].out);
		pp_plane_close_ports(plane, i);
	}
	plane->bind_copy = true;
	return attach_each(plane, where, err);
}

static int open_all(struct pp_plane *plane,
		    const struct pp_plane_config *config,
		    const struct pp_ruleset *rules,
		    struct pp_where *where,
		    struct pp_error *err)
{
	int ret = 0;

	ret = ret ?: copy_config(plane, config, err);
	ret = ret ?: pp_ruleset_copy(&plane->rules, rules);
	ret = ret ?: see_ifaces(plane, err);
	ret = ret ?: check_free(plane, where, err);
	ret = ret
		      ?: pp_maps_init(&plane->maps, plane->rows.total,
				      plane->config.copy == PP_COPY_OFF
					      ? 0
					      : plane->config.copy_ring_bytes,
				      err);
	ret = ret ?: pp_plane_engine_init(&plane->engine, &plane->config, err);
	ret = ret ?: pp_plane_apply_first(plane, where, err);
	ret = ret ?: open_taps(plane, where, err);
	ret = ret ?: open_rings(plane, err);
	ret = ret ?: pp_plane_create_threads(plane, err);
	ret = ret ?: pp_plane_watch(plane, err);
	ret = ret ?: attach_all(plane, where, err);
	return ret;
}

static void init_lock(struct pp_plane *plane)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&plane->lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

void pp_plane_lock(const struct pp_plane *plane)
{
	pthread_mutex_lock((pthread_mutex_t *)&plane->lock);
}

void pp_plane_unlock(const struct pp_plane *plane)
{
	pthread_mutex_unlock((pthread_mutex_t *)&plane->lock);
}

int pp_plane_open(struct pp_plane **out,
		  const struct pp_plane_config *config,
		  const struct pp_ruleset *rules,
		  struct pp_where *where,
		  struct pp_error *err)
{
	struct pp_plane *plane;
	int ret;

	ret = pp_plane_check(config, rules, where, err);
	if (ret < 0)
		return ret;
	if (where != NULL)
		*where = (struct pp_where){PP_WHERE_NONE, 0, 0};
	ret = pp_caps_check(err);
	if (ret < 0)
		return ret;
	plane = calloc(1, sizeof(*plane));
	if (plane == NULL)
		return pp_plane_no_memory(err);
	pp_log_install();
	plane->netlink_fd = -1;
	init_lock(plane);
	pp_maps_clear(&plane->maps);
	pp_error_set(err, 0, 0, 0, "out of memory");
	ret = open_all(plane, config, rules, where, err);
	if (ret < 0) {
		pp_plane_close(plane);
		return ret;
	}
	*out = plane;
	return 0;
}

int pp_plane_start(struct pp_plane *plane, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < plane->config.consumer_count; i++)
		if (plane->consumer[i].analysis != NULL)
			ret = pp_analysis_start(plane->consumer[i].analysis, err);
	for (uint32_t i = 0; ret == 0 && i < plane->worker_count; i++)
		ret = pp_worker_start(plane->worker[i], err);
	plane->started = ret == 0;
	return ret;
}

static bool drained(const struct pp_plane *plane)
{
	struct pp_ledger_row total;
	struct pp_ledger_in_flight f;

	pp_plane_total(plane, &total);
	pp_ledger_in_flight(&total, &f);
	// What the program reads itself may wait for it.
	if (plane->config.route != PP_ROUTE_WORKERS)
		f.rx = 0;
	if (plane->config.copy != PP_COPY_WORKERS)
		f.ring = 0;
	if (f.verdict || f.rx || f.worker || f.analysis || f.ring || f.copy_worker ||
	    f.copy_analysis)
		return false;
	// What the program sent is its to reclaim.
	for (uint32_t i = 0;
	     plane->config.route == PP_ROUTE_WORKERS && i < plane->config.iface_count; i++)
		for (uint32_t queue = 0; queue < PP_QUEUES_PER_IFACE_MAX; queue++)
			if (plane->iface[i].port[queue] != NULL &&
			    pp_port_sending(plane->iface[i].port[queue]) > 0)
				return false;
	return true;
}

// A packet that a program saw just before it was taken off counts a moment later: nothing may be
// on its way for some looks in a row.
static void drain(const struct pp_plane *plane)
{
	const struct timespec pause = {.tv_nsec = DRAIN_POLL_NS};
	int settled = 0;

	for (int i = 0; i < DRAIN_POLLS && settled < SETTLE_POLLS; i++) {
		nanosleep(&pause, NULL);
		settled = drained(plane) ? settled + 1 : 0;
	}
}

static void detach_all(struct pp_plane *plane)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		if (plane->iface[i].tap != NULL)
			pp_tap_detach(plane->iface[i].tap);
		if (plane->iface[i].out != NULL)
			pp_tap_out_detach(plane->iface[i].out);
	}
}

static int stop_workers(const struct pp_plane *plane, uint64_t limit_ns, struct pp_error *err)
{
	uint64_t now_ns = pp_clock_ns(CLOCK_MONOTONIC);
	uint64_t until_ns = limit_ns < UINT64_MAX - now_ns ? now_ns + limit_ns : UINT64_MAX;
	int ret = 0;

	for (uint32_t i = 0; i < plane->worker_count; i++)
		if (plane->worker[i] != NULL)
			pp_worker_end(plane->worker[i]);
	for (uint32_t i = 0; i < plane->worker_count; i++)
		if (plane->worker[i] != NULL && pp_worker_stop(plane->worker[i], until_ns) < 0)
			ret = pp_error_set(err, -ETIMEDOUT, 0, 0,
					   "an analyser on worker %u (threads: 0) does not return",
					   i);
	return ret;
}

// @param workers  They have ended. Else what runs on them is not told that it ends: it may be in a call.
static int
stop_analysers(const struct pp_plane *plane, bool workers, uint64_t limit_ns, struct pp_error *err)
{
	char names[160] = "";
	size_t len = 0;

	for (uint32_t i = 0; i < plane->config.consumer_count; i++)
		if (plane->consumer[i].analysis != NULL)
			pp_analysis_end(plane->consumer[i].analysis);
	for (uint32_t i = 0; i < plane->config.consumer_count; i++) {
		struct pp_analysis *analysis = plane->consumer[i].analysis;

		if (analysis == NULL || (!workers && pp_analysis_on_workers(analysis)) ||
		    pp_analysis_stop(analysis, limit_ns) == 0)
			continue;
		if (len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len > 0 ? ", " : "",
						plane->config.consumer[i].name);
	}
	return len == 0 ? 0
			: pp_error_set(err, -ETIMEDOUT, 0, 0, "analyser %s does not return", names);
}

int pp_plane_stop_within(struct pp_plane *plane, uint64_t limit_ns, struct pp_error *err)
{
	int ret, other;

	if (!plane->stopped) {
		detach_all(plane);
		if (plane->started)
			drain(plane);
		plane->stopped = true;
	}
	// Those that have ended are not waited for again.
	ret = stop_workers(plane, limit_ns, err);
	other = stop_analysers(plane, ret == 0, limit_ns, ret < 0 ? NULL : err);
	return ret ?: other;
}

void pp_plane_stop(struct pp_plane *plane)
{
	pp_plane_stop_within(plane, UINT64_MAX, NULL);
}

// The mirror of open_all().
void pp_plane_close(struct pp_plane *plane)
{
	if (plane == NULL)
		return;
	if (plane->iface != NULL && plane->consumer != NULL)
		pp_plane_stop(plane);
	plane->closing = true;
	if (plane->iface != NULL)
		pp_plane_close_channels(plane);
	pp_plane_close_receivers(plane);
	for (uint32_t i = 0; plane->iface != NULL && i < plane->config.iface_count; i++) {
		pp_plane_close_ports(plane, i);
		pp_tap_close(plane->iface[i].tap);
		pp_tap_out_close(plane->iface[i].out);
	}
	if (plane->netlink_fd >= 0)
		close(plane->netlink_fd);
	pp_plane_destroy_threads(plane);
	for (uint32_t i = 0; i < plane->ring_count; i++)
		pp_copy_ring_close(&plane->ring[i]);
	free(plane->ring);
	pp_maps_fini(&plane->maps);
	pp_plane_engine_fini(&plane->engine);
	free(plane->retired);
	pp_rule_table_destroy(plane->rule_table);
	pp_ruleset_destroy(plane->rules);
	free(plane->consumer);
	if (plane->iface != NULL)
		pp_plane_free_channels(plane);
	pp_plane_free_receivers(plane);
	free(plane->iface);
	free(plane->config.consumer);
	free(plane->config.iface);
	pthread_mutex_destroy(&plane->lock);
	free(plane);
}
