// SPDX-License-Identifier: MIT OR Apache-2.0
#include <string.h>

#include "config_sections.h"

void pp_config_timestamps(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {"off", "on", NULL};
	uint8_t choice;

	(void)arg;
	if (pp_config_read_choice(r, value, words, &choice))
		r->config->plane.timestamps = choice;
}

static void read_count(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint64_t count;

	(void)arg;
	if (pp_config_read_number_or(r, value, "auto", 1, PP_WORKERS_MAX, &count))
		r->config->plane.worker_count = (uint32_t)count;
}

static bool cpu_is_listed(const struct pp_plane_config *plane, uint64_t cpu)
{
	for (uint32_t i = 0; i < plane->worker_cpu_count; i++) {
		if (plane->worker_cpu[i] == cpu)
			return true;
	}
	return false;
}

static void read_cpus(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct pp_plane_config *plane = &r->config->plane;
	uint32_t count = pp_config_read_list(r, value, PP_WORKERS_MAX, "CPUs");
	uint64_t cpu;

	(void)arg;
	for (uint32_t i = 0; i < count; i++) {
		const struct pp_yaml *item = &value->item[i];

		if (!pp_config_read_number(r, item, 0, PP_CPUS_MAX - 1, &cpu))
			continue;
		if (cpu_is_listed(plane, cpu)) {
			pp_config_error(r, item, "CPU %lu is listed twice", cpu);
			continue;
		}
		r->config->worker_cpu_at[plane->worker_cpu_count] = pp_config_spot(r, item);
		plane->worker_cpu[plane->worker_cpu_count++] = (uint16_t)cpu;
	}
}

static void read_idle(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {[PP_IDLE_BUSY] = "busy",
					    [PP_IDLE_ADAPTIVE] = "adaptive",
					    [PP_IDLE_INTERRUPT] = "interrupt",
					    NULL};

	(void)arg;
	pp_config_read_choice(r, value, words, &r->config->plane.idle);
}

void pp_config_workers(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const struct pp_config_key keys[] = {{"count", read_count, PP_ITEM_WORKER_COUNT},
						    {"cpus", read_cpus, PP_ITEM_WORKER_CPUS},
						    {"idle", read_idle, PP_ITEM_IDLE},
						    {0}};

	pp_config_read_map(r, value, keys, arg);
}
