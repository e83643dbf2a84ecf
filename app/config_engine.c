// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "config_sections.h"

// An engine of the user's own, as it is written.
struct own {
	char name[PP_NAME_BYTES];
	char *object;
	char *library;
};

static void read_name(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct own *own = arg;

	pp_config_read_name(r, value, own->name, sizeof(own->name));
}

static void read_object(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct own *own = arg;

	own->object = pp_config_read_path(r, value, "the path of a BPF object");
}

static void read_library(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct own *own = arg;

	own->library = pp_config_read_path(r, value, "the path of a shared library");
}

static void load(struct pp_config_reader *r, const struct own *own)
{
	static const enum pp_config_item items[] = {
		[PP_ENGINE_PART_NAME] = PP_ITEM_ENGINE_NAME,
		[PP_ENGINE_PART_OBJECT] = PP_ITEM_ENGINE_OBJECT,
		[PP_ENGINE_PART_LIBRARY] = PP_ITEM_ENGINE_LIBRARY,
	};
	struct pp_config *config = r->config;
	struct pp_error error = {0};
	enum pp_engine_part part;
	struct pp_spot at;

	if (!pp_engine_load(&config->plane.own, own->name, own->object, own->library, &part,
			    &error)) {
		strcpy(config->plane.engine, own->name);
		return;
	}
	at = config->item_at[items[part]];
	pp_report_error(r->report, at.file, at.line, at.col, "%s", error.text);
}

static void read_own(struct pp_config_reader *r, const struct pp_yaml *value)
{
	static const struct pp_config_key keys[] = {
		{"name", read_name, PP_ITEM_ENGINE_NAME},
		{"object", read_object, PP_ITEM_ENGINE_OBJECT},
		{"library", read_library, PP_ITEM_ENGINE_LIBRARY},
		{0}};
	uint32_t errors = r->report->errors;
	struct own own = {0};

	pp_config_read_map(r, value, keys, &own);
	if (r->report->errors == errors) {
		if (own.name[0] && own.object && own.library)
			load(r, &own);
		else
			pp_config_error(r, value,
					"an engine of your own needs name, object and library");
	}
	free(own.object);
	free(own.library);
}

// Which names there are is the dataplane's to say (pp_plane_check()).
void pp_config_engine(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct pp_plane_config *plane = &r->config->plane;

	(void)arg;
	if (value->kind == PP_YAML_MAPPING)
		read_own(r, value);
	else
		pp_config_read_name(r, value, plane->engine, sizeof(plane->engine));
}

void pp_config_verdict_cache(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {
		[PP_CACHE_AUTO] = "auto", [PP_CACHE_ON] = "on", [PP_CACHE_OFF] = "off", NULL};

	(void)arg;
	pp_config_read_choice(r, value, words, &r->config->plane.cache);
}
