// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "config_sections.h"

// What a list's texts take, each with a blank or the end behind it; 0: not a list of texts.
static size_t list_bytes(const struct pp_yaml *value)
{
	size_t bytes = 1;

	for (uint32_t i = 0; i < value->count; i++) {
		if (value->item[i].kind != PP_YAML_SCALAR)
			return 0;
		bytes += strlen(value->item[i].text) + 1;
	}
	return bytes;
}

// @return  The caller's; NULL: it is neither, which is reported.
static char *text_of(struct pp_config_reader *r, const struct pp_yaml *value)
{
	size_t bytes = value->kind == PP_YAML_SEQUENCE ? list_bytes(value) : 0;
	char *text;

	if (value->kind == PP_YAML_SCALAR)
		return strdup(value->text);
	text = bytes ? calloc(1, bytes) : NULL;
	if (!text) {
		pp_config_error(r, value, "expected a value or a list of values, found %s",
				pp_yaml_kind_name(value));
		return NULL;
	}
	for (uint32_t i = 0; i < value->count; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, value->item[i].text);
	}
	return text;
}

void pp_config_read_option(struct pp_config_reader *r,
			   uint32_t index,
			   const char *key,
			   const struct pp_yaml *value)
{
	struct pp_consumer_config *consumer = &r->config->consumer[index];
	struct pp_analyser_option *option = r->config->option[index];
	uint32_t at = consumer->option_count;
	char *text;

	if (at == PP_ANALYSER_OPTIONS_MAX) {
		pp_config_error(r, value, "at most %d options", PP_ANALYSER_OPTIONS_MAX);
		return;
	}
	text = text_of(r, value);
	if (!text)
		return;
	option[at].key = strdup(key);
	option[at].value = text;
	r->config->consumer_at[index].option[at] = pp_config_spot(r, value);
	consumer->option = option;
	consumer->option_count++;
}

static void free_options(struct pp_config *config, uint32_t index)
{
	for (uint32_t i = 0; i < config->consumer[index].option_count; i++) {
		free((char *)config->option[index][i].key);
		free((char *)config->option[index][i].value);
	}
	config->consumer[index].option_count = 0;
}

void pp_config_free_consumers(struct pp_config *config)
{
	for (uint32_t i = 0; i < config->plane.consumer_count; i++) {
		pp_analyser_unload(&config->consumer[i].own);
		free_options(config, i);
	}
}
