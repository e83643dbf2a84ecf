// SPDX-License-Identifier: MIT OR Apache-2.0
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_sections.h"
#include "text_file.h"
#include "yaml.h"

static const struct pp_config_key sections[] = {
	{"interfaces", pp_config_interfaces, PP_ITEM_INTERFACES},
	{"engine", pp_config_engine, PP_ITEM_ENGINE},
	{"verdict-cache", pp_config_verdict_cache, PP_ITEM_VERDICT_CACHE},
	{"workers", pp_config_workers, PP_ITEM_NONE},
	{"rings", pp_config_rings, PP_ITEM_NONE},
	{"umem", pp_config_umem, PP_ITEM_NONE},
	{"rules", pp_config_rules, PP_ITEM_NONE},
	{"consumers", pp_config_consumers, PP_ITEM_CONSUMERS},
	{"control", pp_config_control, PP_ITEM_NONE},
	{"timestamps", pp_config_timestamps, PP_ITEM_TIMESTAMPS},
	{0}};

// Where a key that is not in the file is complained about.
static void init_spots(struct pp_config *config)
{
	struct pp_spot at = {.file = config->file[0], .line = 1, .col = 1};

	config->at = at;
	for (uint32_t i = 0; i < PP_ITEMS; i++)
		config->item_at[i] = at;
}

static int create(const char *path, struct pp_config **out)
{
	struct pp_config *config = calloc(1, sizeof(*config));

	if (!config)
		return -ENOMEM;
	config->file = calloc(1, sizeof(*config->file));
	if (!config->file || !(config->file[0] = strdup(path)) ||
	    pp_ruleset_create(&config->rules) || pp_statements_create(&config->statements)) {
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
	config->control.read_group = (gid_t)-1;
	config->protect_refuse = true;
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

// Other sections are not looked at: who only wants to reach the daemon is not kept from it by a
// rule file that is long, or wrong.
static void read_control_only(struct pp_config_reader *r, const struct pp_yaml *root)
{
	for (uint32_t i = 0; root && root->kind == PP_YAML_MAPPING && i < root->count; i++) {
		if (!strcmp(root->key[i].text, "control"))
			pp_config_control(r, &root->item[i], NULL);
	}
}

static int read_text(struct pp_config_reader *r,
		     const char *text,
		     size_t len,
		     void (*read)(struct pp_config_reader *, const struct pp_yaml *))
{
	struct pp_yaml *root = NULL;
	struct pp_error error;
	int err = pp_yaml_parse(text, len, &root, &error);

	if (err == -ENOMEM)
		return err;
	if (err)
		pp_report_error(r->report, r->file, error.line, error.col, "%s", error.text);
	else
		read(r, root);
	pp_yaml_destroy(root);
	return 0;
}

static int load(const char *path,
		void (*read)(struct pp_config_reader *, const struct pp_yaml *),
		struct pp_config **out,
		struct pp_report *report)
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
		err = read_text(&r, text, len, read);
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

int pp_config_load(const char *path, struct pp_config **out, struct pp_report *report)
{
	return load(path, read_tree, out, report);
}

int pp_config_load_control(const char *path,
			   struct pp_control_config *out,
			   struct pp_report *report)
{
	struct pp_config *config;
	int err = load(path, read_control_only, &config, report);

	if (err)
		return err;
	*out = config->control;
	pp_config_destroy(config);
	return 0;
}
