// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "analyser.h"
#include "count.h"
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
	if (workers == 0) {
		workers = pp_plane_count_ports(plane) ?: 1;
		if (workers > cpus)
			workers = cpus ?: 1;
	}
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

static int create_analyser(struct pp_plane *plane, uint32_t index, struct pp_error *err)
{
	const struct pp_plane_config *config = &plane->config;
	const struct pp_analyser_params params = {
		.index = index,
		.cpu = config->consumer[index].cpu,
		.worker_count = plane->worker_count,
		.handoff_bytes = config->handoff_bytes,
		.frames_away_max = pp_port_frames(config) * (pp_plane_count_ports(plane) ?: 1),
		.rows = &plane->rows,
		.frame_kind = plane->frame_kind,
		.rules = &plane->rule_table,
	};

	return pp_analyser_create(&plane->consumer[index].analyser, &params, err);
}

static int create_tables(struct pp_plane *plane, uint32_t index, struct pp_error *err)
{
	struct pp_count_table **table = calloc(plane->worker_count ?: 1, sizeof(*table));

	plane->consumer[index].table = table;
	if (table == NULL)
		return pp_plane_no_memory(err);
	for (uint32_t i = 0; i < plane->worker_count; i++)
		if (pp_count_create(&table[i], plane->frame_kind) < 0)
			return pp_plane_no_memory(err);
	return 0;
}

static int create_consumers(struct pp_plane *plane, struct pp_error *err)
{
	for (uint32_t i = 0; i < plane->config.consumer_count; i++) {
		int ret = 0;

		if (plane->config.consumer[i].kind != PP_CONSUMER_COUNT)
			continue;
		plane->consumer[i].base = calloc(PP_SLOTS_MAX, sizeof(*plane->consumer[i].base));
		if (plane->consumer[i].base == NULL)
			return pp_plane_no_memory(err);
		if (plane->config.consumer[i].threads > 0)
			ret = create_analyser(plane, i, err);
		else
			ret = create_tables(plane, i, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static struct pp_worker_consumer
consumer_of_worker(const struct pp_plane *plane, uint32_t consumer, uint32_t worker)
{
	struct pp_analyser *analyser = plane->consumer[consumer].analyser;
	struct pp_worker_consumer out = {.kind = plane->config.consumer[consumer].kind};

	if (plane->consumer[consumer].table != NULL)
		out.table = plane->consumer[consumer].table[worker];
	if (analyser != NULL) {
		out.handoff = pp_analyser_handoff(analyser, worker);
		out.returns = pp_analyser_returns(analyser, worker);
	}
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
		struct pp_count_table **table = plane->consumer[i].table;

		for (uint32_t j = 0; table != NULL && j < plane->worker_count; j++)
			pp_count_destroy(table[j]);
		free(table);
		free(plane->consumer[i].base);
		pp_analyser_destroy(plane->consumer[i].analyser);
	}
}
