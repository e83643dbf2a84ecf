// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"
#include "worker.h"

uint32_t pp_plane_count_ports(const struct pp_plane *plane)
{
	uint32_t n = 0;

	if (plane->config.route == PP_ROUTE_OFF)
		return 0;
	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		for (uint32_t queue = 0; queue < plane->iface[i].netif.queue_count; queue++)
			n += pp_plane_wants_queue(&plane->config.iface[i], queue);
	return n;
}

// Of the interface that has the most.
static uint32_t most_ports(const struct pp_plane *plane)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		uint32_t n = 0;

		for (uint32_t queue = 0; queue < plane->iface[i].netif.queue_count; queue++)
			n += pp_plane_wants_queue(&plane->config.iface[i], queue);
		most = n > most ? n : most;
	}
	return most;
}

static bool is_forwarded_to(const struct pp_plane *plane, uint32_t iface)
{
	const struct pp_plane_config *config = &plane->config;

	for (uint32_t i = 0; i < config->consumer_count; i++)
		if (config->consumer[i].kind == PP_CONSUMER_FORWARD &&
		    strcmp(config->consumer[i].forward_to, config->iface[iface].name) == 0)
			return true;
	return false;
}

// Of so many workers, those that have a queue of the interface to send by (plane_port.c,
// next_worker()).
static uint32_t count_senders(const struct pp_plane *plane, uint32_t iface, uint32_t workers)
{
	const struct pp_netif *netif = &plane->iface[iface].netif;
	bool sends[PP_WORKERS_MAX] = {false};
	uint32_t n = 0;

	for (uint32_t queue = 0; queue < netif->queue_count && queue < netif->tx_queue_count;
	     queue++)
		if (pp_plane_wants_queue(&plane->config.iface[iface], queue))
			sends[queue % workers] = true;
	for (uint32_t i = 0; i < workers; i++)
		n += sends[i];
	return n;
}

static bool all_can_forward(const struct pp_plane *plane, uint32_t workers)
{
	for (uint32_t i = 0; i < plane->config.iface_count; i++)
		if (is_forwarded_to(plane, i) && count_senders(plane, i, workers) < workers)
			return false;
	return true;
}

// As many as there is work for, and no more than can send wherever rules may forward to: a worker
// without a queue there would lose what it receives.
static uint32_t auto_workers(const struct pp_plane *plane, uint32_t cpus)
{
	uint32_t workers = (plane->forwards ? most_ports(plane) : pp_plane_count_ports(plane)) ?: 1;

	if (workers > cpus)
		workers = cpus ?: 1;
	if (workers > PP_WORKERS_MAX)
		workers = PP_WORKERS_MAX;
	while (workers > 1 && !all_can_forward(plane, workers))
		workers--;
	return workers;
}

// The number of workers was asked for.
static void warn_of_silent_workers(struct pp_plane *plane)
{
	char text[200];

	for (uint32_t i = 0; i < plane->config.iface_count; i++) {
		uint32_t senders = count_senders(plane, i, plane->worker_count);

		if (!is_forwarded_to(plane, i) || senders == plane->worker_count)
			continue;
		snprintf(text, sizeof(text),
			 "interface %s: %u of %u workers have a queue to forward by; what the "
			 "others are to forward there is lost (tx_no_socket): set workers.count: "
			 "auto",
			 plane->config.iface[i].name, senders, plane->worker_count);
		pp_plane_warn(plane, i, text);
	}
}

// One worker a queue, at most one a CPU; where the configuration names none, from the last CPU
// down: interrupts and the rest of the system like the first.
static uint32_t place_workers(const struct pp_plane *plane, int32_t place[PP_WORKERS_MAX])
{
	const struct pp_plane_config *config = &plane->config;
	uint16_t cpu[PP_CPUS_MAX];
	uint32_t cpus = pp_plane_cpus(cpu, PP_CPUS_MAX);
	uint32_t workers = config->worker_count;

	if (config->route != PP_ROUTE_WORKERS && config->copy != PP_COPY_WORKERS)
		return 0;
	if (workers == 0 && config->worker_cpu_count > 0)
		workers = config->worker_cpu_count;
	if (workers == 0)
		workers = auto_workers(plane, cpus);
	if (workers > PP_WORKERS_MAX)
		workers = PP_WORKERS_MAX;
	for (uint32_t i = 0; i < workers; i++) {
		if (config->worker_cpu_count > 0)
			place[i] = config->worker_cpu[i % config->worker_cpu_count];
		else
			place[i] = cpus > 0 ? cpu[cpus - 1 - i % cpus] : -1;
	}
	return workers;
}

static int create_analysis(struct pp_plane *plane, uint32_t index, struct pp_error *err)
{
	const struct pp_plane_config *config = &plane->config;
	const struct pp_analysis_params params = {
		.config = &config->consumer[index],
		.worker_count = plane->worker_count,
		.handoff_bytes = config->handoff_bytes,
		.timestamps = config->timestamps,
		.rows = &plane->rows,
		.frame_kind = plane->frame_kind,
		.iface_count = config->iface_count,
		.iface = config->iface,
		.rules = &plane->rule_table,
	};

	return pp_analysis_create(&plane->consumer[index].analysis, &params, err);
}

static int create_base(struct pp_plane *plane, uint32_t index, struct pp_error *err)
{
	struct pp_plane_consumer *consumer = &plane->consumer[index];

	if (plane->config.consumer[index].kind != PP_CONSUMER_COUNT)
		return 0;
	consumer->base = calloc(PP_SLOTS_MAX, sizeof(*consumer->base));
	return consumer->base == NULL ? pp_plane_no_memory(err) : 0;
}

// An analyser must not find an error unwritten.
static int create_consumers(struct pp_plane *plane, struct pp_error *err)
{
	struct pp_error unseen = {0};
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < plane->config.consumer_count; i++) {
		struct pp_consumer_config *config = &plane->config.consumer[i];

		if (!pp_consumer_is_analyser(config->kind))
			continue;
		ret = create_base(plane, i, err);
		ret = ret ?: create_analysis(plane, i, err ?: &unseen);
		config->option = NULL; // the caller's
		config->option_count = 0;
	}
	return ret;
}

static struct pp_worker_consumer
consumer_of_worker(const struct pp_plane *plane, uint32_t consumer, uint32_t worker)
{
	struct pp_analysis *analysis = plane->consumer[consumer].analysis;
	struct pp_worker_consumer out = {.kind = plane->config.consumer[consumer].kind,
					 .stamp = plane->config.consumer[consumer].stamp};

	if (out.kind == PP_CONSUMER_FORWARD)
		out.forward_iface = (uint16_t)pp_bindings_iface(
			&plane->bindings, plane->config.consumer[consumer].forward_to);
	if (analysis != NULL)
		out.lanes = pp_analysis_lanes(analysis, worker);
	return out;
}

// A ring is read by the worker on its CPU, or else by one of the others.
static bool reads_ring(uint32_t cpu, uint32_t worker, const int32_t place[], uint32_t workers)
{
	for (uint32_t i = 0; i < workers; i++)
		if (place[i] == (int32_t)cpu)
			return i == worker;
	return cpu % workers == worker;
}

static int
create_worker(struct pp_plane *plane, uint32_t index, const int32_t place[], struct pp_error *err)
{
	struct pp_worker_params params = {
		.index = index,
		.cpu = place[index],
		.idle = plane->config.idle,
		.rows = &plane->rows,
		.wake = plane->maps.wake,
		.rules = &plane->rule_table,
		.consumer_count = plane->config.consumer_count,
	};
	int ret;

	params.ring = calloc(plane->ring_count ?: 1, sizeof(*params.ring));
	if (params.ring == NULL)
		return pp_plane_no_memory(err);
	for (uint32_t i = 0; plane->config.copy == PP_COPY_WORKERS && i < plane->ring_count; i++)
		if (reads_ring(plane->ring[i].cpu, index, place, plane->worker_count))
			params.ring[params.ring_count++] = &plane->ring[i];
	for (uint32_t i = 0; i < params.consumer_count; i++)
		params.consumer[i] = consumer_of_worker(plane, i, index);
	ret = pp_worker_create(&plane->worker[index], &params, err);
	free(params.ring);
	return ret;
}

int pp_plane_create_threads(struct pp_plane *plane, struct pp_error *err)
{
	int32_t place[PP_WORKERS_MAX];
	int ret;
	uint32_t count = place_workers(plane, place);

	plane->worker = calloc(count ?: 1, sizeof(*plane->worker));
	if (plane->worker == NULL)
		return pp_plane_no_memory(err);
	plane->worker_count = count;
	if (count > 0)
		warn_of_silent_workers(plane);
	ret = create_consumers(plane, err);
	for (uint32_t i = 0; ret == 0 && i < plane->worker_count; i++)
		ret = create_worker(plane, i, place, err);
	return ret;
}

void pp_plane_destroy_threads(struct pp_plane *plane)
{
	for (uint32_t i = 0; i < plane->worker_count; i++)
		pp_worker_destroy(plane->worker[i]);
	free(plane->worker);
	for (uint32_t i = 0; plane->consumer != NULL && i < plane->config.consumer_count; i++) {
		free(plane->consumer[i].base);
		pp_analysis_destroy(plane->consumer[i].analysis);
	}
}
