// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_sections.h"
#include "text_file.h"
#include "yaml.h"

static const struct pp_config_key sections[] = {{"interfaces", pp_config_interfaces},
						{"engine", pp_config_engine},
						{"workers", pp_config_workers},
						{"rings", pp_config_rings},
						{"umem", pp_config_umem},
						{"rules", pp_config_rules},
						{"consumers", pp_config_consumers},
						{"control", pp_config_control},
						{"timestamps", pp_config_timestamps},
						{0}};

// Where a key that is not in the file is complained about.
static void init_spots(struct pp_config *config)
{
	struct pp_spot at = {.file = config->file[0], .line = 1, .col = 1};

	config->at = at;
	config->worker_count_at = at;
	config->frames_at = at;
	config->engine_at = at;
	config->hugepages_at = at;
	config->default_at = at;
}

static int create(const char *path, struct pp_config **out)
{
	struct pp_config *config = calloc(1, sizeof(*config));

	if (!config)
		return -ENOMEM;
	config->file = calloc(1, sizeof(*config->file));
	if (!config->file || !(config->file[0] = strdup(path)) ||
	    pp_ruleset_create(&config->rules)) {
		pp_config_destroy(config);
		return -ENOMEM;
	}
	config->file_count = 1;
	init_spots(config);

	pp_plane_config_init(&config->plane);
	config->plane.iface = config->iface;
	config->plane.consumer = config->consumer;
	strcpy(config->control.socket, PP_CONFIG_SOCKET);
	config->control.mode = 0600;
	config->control.group = (gid_t)-1;
	*out = config;
	return 0;
}

static void read_tree(struct pp_config_reader *r, const struct pp_yaml *root)
{
	uint32_t errors = r->report->errors;

	if (!root) {
		pp_report_error(r->report, r->file, 1, 1,
				"the file is empty, expected interfaces:");
		return;
	}
	if (!pp_config_read_map(r, root, sections, NULL))
		return;
	if (!r->config->plane.iface_count && r->report->errors == errors)
		pp_config_error(r, root, "no interface: expected interfaces: with at least one");
}

static int read_text(struct pp_config_reader *r, const char *text, size_t len)
{
	struct pp_yaml *root = NULL;
	struct pp_error error;
	int err = pp_yaml_parse(text, len, &root, &error);

	if (err == -ENOMEM)
		return err;
	if (err)
		pp_report_error(r->report, r->file, error.line, error.col, "%s", error.text);
	else
		read_tree(r, root);
	pp_yaml_destroy(root);
	return 0;
}

int pp_config_load(const char *path, struct pp_config **out, struct pp_report *report)
{
	struct pp_config_reader r = {.report = report};
	uint32_t errors = report->errors;
	char *text;
	size_t len;
	int err;

	err = pp_text_file_read(path, &text, &len);
	if (err) {
		pp_report_error(report, path, 0, 0, "cannot read it: %s", pp_text_file_why(err));
		return -EINVAL;
	}
	err = create(path, &r.config);
	if (!err) {
		r.file = r.config->file[0];
		err = read_text(&r, text, len);
	}
	free(text);
	if (!err && report->errors != errors)
		err = -EINVAL;
	if (err) {
		pp_config_destroy(r.config);
		return err;
	}
	*out = r.config;
	return 0;
}

void pp_config_destroy(struct pp_config *config)
{
	if (!config)
		return;
	for (uint32_t i = 0; i < config->file_count; i++)
		free(config->file[i]);
	free(config->file);
	free(config->rule_at);
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
	case PP_WHERE_IFACE_QUEUE:
		return config->iface[i].queues_all ? config->iface_at[i].name
						   : config->iface_at[i].queue[where->sub];
	case PP_WHERE_CONSUMER:
		return config->consumer_at[i].name;
	case PP_WHERE_WORKER_COUNT:
		return config->worker_count_at;
	case PP_WHERE_WORKER_CPU:
		return config->worker_cpu_at[i];
	case PP_WHERE_CONSUMER_CPU:
		return config->consumer_at[i].cpu;
	case PP_WHERE_FRAMES:
		return config->frames_at;
	case PP_WHERE_ENGINE:
		return config->engine_at;
	case PP_WHERE_HUGEPAGES:
		return config->hugepages_at;
	case PP_WHERE_RULE:
		return i && i <= config->rule_count ? config->rule_at[i - 1] : config->at;
	case PP_WHERE_NONE:
		break;
	}
	return config->at;
}
