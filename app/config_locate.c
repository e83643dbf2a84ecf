// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config_sections.h"

#include <stdlib.h>

void pp_config_destroy(struct pp_config *config)
{
	if (!config)
		return;
	for (uint32_t i = 0; i < config->file_count; i++)
		free(config->file[i]);
	free(config->file);
	free(config->text);
	free(config->rule_id);
	pp_engine_unload(&config->plane.own);
	pp_config_free_consumers(config);
	pp_statements_destroy(config->statements);
	pp_ruleset_destroy(config->rules);
	free(config);
}

struct pp_spot pp_config_locate(const struct pp_config *config, const struct pp_where *where)
{
	uint32_t i = where->index;

	switch (where->kind) {
	case PP_WHERE_IFACE:
		return config->iface_at[i].name;
	case PP_WHERE_IFACE_MODE:
		return config->iface_at[i].mode;
	case PP_WHERE_IFACE_BIND:
		return config->iface_at[i].bind;
	case PP_WHERE_IFACE_EGRESS:
		return config->iface_at[i].egress;
	case PP_WHERE_IFACE_QUEUE:
		return config->iface[i].queues_all ? config->iface_at[i].name
						   : config->iface_at[i].queue[where->sub];
	case PP_WHERE_CONSUMER:
		return config->consumer_at[i].name;
	case PP_WHERE_WORKER_COUNT:
		return config->item_at[PP_ITEM_WORKER_COUNT];
	case PP_WHERE_WORKER_CPU:
		return config->worker_cpu_at[i];
	case PP_WHERE_CONSUMER_CPU:
		return config->consumer[i].cpu_count ? config->consumer_at[i].cpus[where->sub]
						     : config->consumer_at[i].cpu;
	case PP_WHERE_CONSUMER_FORWARD:
		return config->consumer_at[i].interface;
	case PP_WHERE_CONSUMER_THREADS:
		return config->consumer_at[i].threads;
	case PP_WHERE_CONSUMER_OPTION:
		return config->consumer_at[i].option[where->sub];
	case PP_WHERE_FRAMES:
		return config->item_at[PP_ITEM_FRAMES];
	case PP_WHERE_ENGINE:
		return config->item_at[PP_ITEM_ENGINE];
	case PP_WHERE_ENGINE_OBJECT:
		return config->item_at[PP_ITEM_ENGINE_OBJECT];
	case PP_WHERE_HUGEPAGES:
		return config->item_at[PP_ITEM_HUGEPAGES];
	case PP_WHERE_RULE:
		return pp_config_locate_rule(config, i);
	case PP_WHERE_NONE:
		break;
	}
	return config->at;
}
