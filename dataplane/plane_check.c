// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "analysis.h"
#include "rule_word.h"

#define POWER_OF_TWO(n) ((n) != 0 && ((n) & ((n)-1)) == 0)

static void set_where(struct pp_where *where, enum pp_where_kind kind, uint32_t index, uint32_t sub)
{
	if (where != NULL)
		*where = (struct pp_where){kind, index, sub};
}

uint32_t pp_plane_cpus(uint16_t cpu[], uint32_t max)
{
	size_t bytes = CPU_ALLOC_SIZE(PP_CPUS_MAX);
	cpu_set_t *set = CPU_ALLOC(PP_CPUS_MAX);
	uint32_t n = 0;

	if (set != NULL && sched_getaffinity(0, bytes, set) == 0)
		for (uint32_t i = 0; i < PP_CPUS_MAX && n < max; i++)
			if (CPU_ISSET_S(i, bytes, set))
				cpu[n++] = (uint16_t)i;
	CPU_FREE(set);
	return n;
}

uint32_t pp_plane_online_cpus(uint16_t cpu[], uint32_t max)
{
	FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	unsigned int first, last;
	uint32_t n = 0;
	int got;

	// Ranges such as 0-3,8,10-11 (Documentation/admin-guide/cputopology.rst).
	while (file != NULL && (got = fscanf(file, "%u-%u", &first, &last)) >= 1) {
		for (unsigned int i = first; i <= (got == 2 ? last : first) && n < max; i++)
			cpu[n++] = (uint16_t)i;
		if (fgetc(file) != ',')
			break;
	}
	if (file != NULL)
		fclose(file);
	return n > 0 ? n : pp_plane_cpus(cpu, max);
}

static bool cpu_exists(uint32_t wanted)
{
	uint16_t cpu[PP_CPUS_MAX];
	uint32_t n = pp_plane_cpus(cpu, PP_CPUS_MAX);

	for (uint32_t i = 0; i < n; i++)
		if (cpu[i] == wanted)
			return true;
	return false;
}

static int cpu_error(uint32_t cpu, struct pp_error *err)
{
	uint16_t list[PP_CPUS_MAX];
	uint32_t n = pp_plane_cpus(list, PP_CPUS_MAX);

	return pp_error_set(err, -EINVAL, 0, 0,
			    "CPU %u does not exist or is not allowed to this process, which has "
			    "%u CPUs, %u to %u",
			    cpu, n, n > 0 ? list[0] : 0, n > 0 ? list[n - 1] : 0);
}

static int check_queues(const struct pp_iface_config *config,
			uint32_t index,
			const struct pp_netif *netif,
			struct pp_where *where,
			struct pp_error *err)
{
	for (uint32_t i = 0; !config->queues_all && i < config->queue_count; i++) {
		if (config->queue[i] < netif->queue_count &&
		    config->queue[i] < PP_QUEUES_PER_IFACE_MAX)
			continue;
		set_where(where, PP_WHERE_IFACE_QUEUE, index, i);
		return pp_error_set(err, -EINVAL, 0, 0,
				    "interface %s has no receive queue %u: it has %u, counted "
				    "from 0 (at most %d can have a socket)",
				    config->name, config->queue[i], netif->queue_count,
				    PP_QUEUES_PER_IFACE_MAX);
	}
	return 0;
}

// What would be read past the end of an array, were it not refused.
static int check_bounds(const struct pp_plane_config *config, struct pp_error *err)
{
	if (config->iface_count == 0 || config->iface_count > PP_IFACES_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "1 to %d interfaces are needed",
				    PP_IFACES_MAX);
	for (uint32_t i = 0; i < config->iface_count; i++)
		if (config->iface[i].queue_count > PP_QUEUES_PER_IFACE_MAX)
			return pp_error_set(err, -EINVAL, 0, 0, "at most %d queues",
					    PP_QUEUES_PER_IFACE_MAX);
	if (config->consumer_count > PP_CONSUMERS_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "at most %d consumers", PP_CONSUMERS_MAX);
	for (uint32_t i = 0; i < config->consumer_count; i++)
		if (config->consumer[i].kind >= PP_CONSUMER_KINDS)
			return pp_error_set(err, -EINVAL, 0, 0, "consumer %s is of no known kind",
					    config->consumer[i].name);
	if (config->copy > PP_COPY_OFF || config->route > PP_ROUTE_OFF)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "copy and route are a PP_COPY_ and a PP_ROUTE_ value");
	if (config->layout > PP_LAYOUT_SPREAD || config->hugepages > PP_HUGEPAGES_ON)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "layout and hugepages are a PP_LAYOUT_ and a PP_HUGEPAGES_ "
				    "value");
	if (config->worker_cpu_count > PP_WORKERS_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "at most %d CPUs for workers",
				    PP_WORKERS_MAX);
	return 0;
}

static int check_iface(const struct pp_plane_config *config,
		       uint32_t index,
		       struct pp_where *where,
		       struct pp_error *err)
{
	const struct pp_iface_config *iface = &config->iface[index];
	struct pp_netif netif;
	int ret = pp_netif_get(iface->name, &netif);

	set_where(where, PP_WHERE_IFACE, index, 0);
	if (ret == -ENODEV)
		return pp_error_set(err, ret, 0, 0, "no interface is named '%s'", iface->name);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "cannot ask about interface %s: %s",
				    iface->name, strerror(-ret));
	for (uint32_t i = 0; i < index; i++)
		if (strcmp(config->iface[i].name, iface->name) == 0)
			return pp_error_set(err, -EINVAL, 0, 0, "interface %s is there twice",
					    iface->name);
	if (netif.frame_kind < 0)
		return pp_error_set(
			err, -EOPNOTSUPP, 0, 0,
			"interface %s (link type %u) carries neither Ethernet nor raw IP",
			iface->name, netif.hw_type);
	if (netif.frame_kind == PP_FRAME_RAW_IP && iface->mode == PP_XDP_NATIVE) {
		set_where(where, PP_WHERE_IFACE_MODE, index, 0);
		return pp_error_set(err, -EOPNOTSUPP, 0, 0,
				    "interface %s carries raw IP packets (tun, WireGuard) and has "
				    "no native XDP; set mode: skb",
				    iface->name);
	}
	if (iface->mode == PP_XDP_SKB && iface->bind == PP_BIND_ZEROCOPY) {
		set_where(where, PP_WHERE_IFACE_BIND, index, 0);
		return pp_error_set(err, -EINVAL, 0, 0,
				    "zero-copy needs native XDP; with mode: skb set bind: copy");
	}
	return check_queues(iface, index, &netif, where, err);
}

static int
check_workers(const struct pp_plane_config *config, struct pp_where *where, struct pp_error *err)
{
	if (config->worker_count > PP_WORKERS_MAX) {
		set_where(where, PP_WHERE_WORKER_COUNT, 0, 0);
		return pp_error_set(err, -EINVAL, 0, 0, "at most %d workers", PP_WORKERS_MAX);
	}
	for (uint32_t i = 0; i < config->worker_cpu_count; i++) {
		if (cpu_exists(config->worker_cpu[i]))
			continue;
		set_where(where, PP_WHERE_WORKER_CPU, i, 0);
		return cpu_error(config->worker_cpu[i], err);
	}
	return 0;
}

// Frames are sent as they were received, so both sides must carry Ethernet: on raw IP there is no place
// for a header, and from it there is none to send. What rules route there from raw IP is tx_bad.
static int check_forward(const struct pp_plane_config *config,
			 uint32_t index,
			 struct pp_where *where,
			 struct pp_error *err)
{
	const struct pp_consumer_config *consumer = &config->consumer[index];
	const char *to = consumer->forward_to;
	struct pp_netif netif;
	bool ours = false;

	if (consumer->kind != PP_CONSUMER_FORWARD)
		return 0;
	for (uint32_t i = 0; i < config->iface_count; i++)
		ours |= strcmp(config->iface[i].name, to) == 0;
	set_where(where, PP_WHERE_CONSUMER_FORWARD, index, 0);
	if (!ours)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "consumer %s forwards to '%s', which is none of the configured "
				    "interfaces",
				    consumer->name, to);
	if (pp_netif_get(to, &netif) == 0 && netif.frame_kind != PP_FRAME_ETHERNET)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0,
				    "consumer %s forwards Ethernet frames, and %s carries raw IP",
				    consumer->name, to);
	set_where(where, PP_WHERE_CONSUMER, index, 0);
	return 0;
}

static int check_threads(const struct pp_plane_config *config,
			 const struct pp_consumer_config *consumer,
			 struct pp_error *err)
{
	const struct pp_analyser_ops *ops = pp_analysis_ops(consumer);

	if (!pp_consumer_is_analyser(consumer->kind))
		return consumer->threads == 0
			       ? 0
			       : pp_error_set(err, -EINVAL, 0, 0,
					      "consumer %s: only analysers have threads, and %s is "
					      "none",
					      consumer->name,
					      pp_consumer_kind_name(consumer->kind));
	if (ops == NULL)
		return pp_error_set(err, -EINVAL, 0, 0, "consumer %s has no analyser",
				    consumer->name);
	if (config->route != PP_ROUTE_WORKERS && config->copy != PP_COPY_WORKERS)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "consumer %s: an analyser gets packets from workers, and "
				    "neither route nor copy has any here",
				    consumer->name);
	if (consumer->threads > PP_ANALYSER_THREADS_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "consumer %s: at most %d threads",
				    consumer->name, PP_ANALYSER_THREADS_MAX);
	if (consumer->threads == 0 && !(ops->flags & PP_ANALYSER_ON_WORKER))
		return pp_error_set(err, -EINVAL, 0, 0,
				    "consumer %s: analyser %s cannot run on a worker; threads: 1 "
				    "to %d",
				    consumer->name, ops->name, PP_ANALYSER_THREADS_MAX);
	return 0;
}

static int check_consumer_cpus(const struct pp_consumer_config *consumer,
			       uint32_t index,
			       struct pp_where *where,
			       struct pp_error *err)
{
	if (consumer->cpu_count > PP_ANALYSER_THREADS_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "consumer %s: at most %d CPUs",
				    consumer->name, PP_ANALYSER_THREADS_MAX);
	set_where(where, PP_WHERE_CONSUMER_CPU, index, 0);
	if (consumer->cpu >= 0 && !cpu_exists((uint32_t)consumer->cpu))
		return cpu_error((uint32_t)consumer->cpu, err);
	for (uint32_t i = 0; i < consumer->cpu_count; i++) {
		set_where(where, PP_WHERE_CONSUMER_CPU, index, i);
		if (!cpu_exists(consumer->cpus[i]))
			return cpu_error(consumer->cpus[i], err);
	}
	return 0;
}

static int
probe_consumer(const struct pp_consumer_config *consumer, uint32_t *at, struct pp_error *err)
{
	const struct pp_analyser_ops *ops = pp_analysis_ops(consumer);
	struct pp_error unseen = {0};

	if (ops == NULL || ops->probe == NULL)
		return 0;
	return ops->probe(consumer->option, consumer->option_count, at, err ?: &unseen);
}

// A name goes into names of files.
static int check_name(const struct pp_consumer_config *consumer, struct pp_error *err)
{
	char name[PP_NAME_BYTES];

	if (pp_rule_word_name(consumer->name, strnlen(consumer->name, PP_NAME_BYTES), name))
		return 0;
	return pp_error_set(err, -EINVAL, 0, 0,
			    "a consumer's name has 1 to %d letters, digits and . _ -, this is "
			    "'%.*s'",
			    PP_NAME_BYTES - 1, PP_NAME_BYTES, consumer->name);
}

static int check_consumer(const struct pp_plane_config *config,
			  uint32_t index,
			  struct pp_where *where,
			  struct pp_error *err)
{
	const struct pp_consumer_config *consumer = &config->consumer[index];
	uint32_t at = 0;
	int ret;

	set_where(where, PP_WHERE_CONSUMER_THREADS, index, 0);
	ret = check_threads(config, consumer, err);
	ret = ret ?: check_consumer_cpus(consumer, index, where, err);
	if (ret < 0)
		return ret;
	ret = pp_consumer_check_options(consumer, &at, err);
	ret = ret ?: probe_consumer(consumer, &at, err);
	if (at < consumer->option_count)
		set_where(where, PP_WHERE_CONSUMER_OPTION, index, at);
	else
		set_where(where, PP_WHERE_CONSUMER, index, 0);
	return ret;
}

static int
check_consumers(const struct pp_plane_config *config, struct pp_where *where, struct pp_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < config->consumer_count; i++) {
		const struct pp_consumer_config *consumer = &config->consumer[i];

		set_where(where, PP_WHERE_CONSUMER, i, 0);
		ret = check_name(consumer, err);
		if (ret < 0)
			return ret;
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(config->consumer[j].name, consumer->name) == 0)
				return pp_error_set(err, -EINVAL, 0, 0,
						    "consumer %s is there twice", consumer->name);
		ret = check_forward(config, i, where, err);
		ret = ret ?: check_consumer(config, i, where, err);
	}
	return ret;
}

static int
check_size(const char *name, uint32_t n, uint32_t min, uint32_t max, struct pp_error *err)
{
	if (POWER_OF_TWO(n) && n >= min && n <= max)
		return 0;
	return pp_error_set(err, -EINVAL, 0, 0, "%s is %u; a power of two from %u to %u is needed",
			    name, n, min, max);
}

static int
check_sizes(const struct pp_plane_config *config, struct pp_where *where, struct pp_error *err)
{
	uint32_t needed = pp_plane_frames_needed(config);
	int ret = 0;

	set_where(where, PP_WHERE_NONE, 0, 0);
	ret = ret ?: check_size("the receive ring", config->rx_slots, 64, 65536, err);
	ret = ret ?: check_size("the transmit ring", config->tx_slots, 64, 65536, err);
	ret = ret ?: check_size("the fill ring", config->fill_slots, 64, 65536, err);
	ret = ret ?: check_size("the completion ring", config->completion_slots, 64, 65536, err);
	ret = ret ?: check_size("the handoff ring", config->handoff_bytes, 4096, 1u << 30, err);
	ret = ret
		      ?: check_size("the copy ring", config->copy_ring_bytes,
				    PP_COPY_RING_BYTES_MIN, PP_COPY_RING_BYTES_MAX, err);
	ret = ret ?: check_size("the chunk", config->chunk_bytes, 2048, 4096, err);
	if (ret < 0 || config->frames == 0 || config->frames >= needed)
		return ret;
	set_where(where, PP_WHERE_FRAMES, 0, 0);
	return pp_error_set(err, -EINVAL, 0, 0,
			    "%u frames are too few: the rings need %u (fill %u + rx %u + tx %u + "
			    "completion %u + burst %u)",
			    config->frames, needed, config->fill_slots, config->rx_slots,
			    config->tx_slots, config->completion_slots, PP_BURST);
}

int pp_plane_check(const struct pp_plane_config *config,
		   const struct pp_ruleset *rules,
		   struct pp_where *where,
		   struct pp_error *err)
{
	int ret;

	set_where(where, PP_WHERE_NONE, 0, 0);
	ret = check_bounds(config, err);
	for (uint32_t i = 0; ret == 0 && i < config->iface_count; i++)
		ret = check_iface(config, i, where, err);
	ret = ret ?: check_workers(config, where, err);
	ret = ret ?: check_consumers(config, where, err);
	ret = ret ?: check_sizes(config, where, err);
	ret = ret ?: pp_plane_check_engine_name(config, where, err);
	ret = ret ?: pp_plane_check_rules(config, rules, where, err);
	return ret;
}
