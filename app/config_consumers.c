// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "config_sections.h"

struct consumer {
	struct pp_consumer_config *cfg;
	struct pp_consumer_spots *at;
	bool has_kind;
	const struct pp_yaml *threads;
	const struct pp_yaml *cpu;
	const struct pp_yaml *library;
	const struct pp_yaml *options;
};

static void read_name(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;

	pp_config_read_name(r, value, consumer->cfg->name, sizeof(consumer->cfg->name));
	consumer->at->name = pp_config_spot(r, value);
}

static void read_kind(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	const char *words[PP_CONSUMER_KINDS + 1] = {NULL};
	struct consumer *consumer = arg;

	for (uint8_t i = 0; i < PP_CONSUMER_KINDS; i++)
		words[i] = pp_consumer_kind_name(i);
	consumer->at->kind = pp_config_spot(r, value);
	// YAML reads the word as nothing, an operator as the kind of that name.
	consumer->has_kind =
		value->kind == PP_YAML_NULL && value->text && !strcmp(value->text, "null");
	if (consumer->has_kind)
		consumer->cfg->kind = PP_CONSUMER_NULL;
	else
		consumer->has_kind = pp_config_read_choice(r, value, words, &consumer->cfg->kind);
}

static void read_threads(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;
	uint64_t threads;

	consumer->at->threads = pp_config_spot(r, value);
	if (!pp_config_read_number(r, value, 0, PP_ANALYSER_THREADS_MAX, &threads))
		return;
	consumer->cfg->threads = (uint32_t)threads;
	consumer->threads = value;
}

static void read_cpu(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;
	uint64_t cpu;

	consumer->at->cpu = pp_config_spot(r, value);
	if (value->kind == PP_YAML_SCALAR && !strcmp(value->text, "any"))
		return;
	if (!pp_config_read_number(r, value, 0, PP_CPUS_MAX - 1, &cpu))
		return;
	consumer->cfg->cpu = (int32_t)cpu;
	consumer->cpu = value;
}

static void read_cpus(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;
	uint32_t count = pp_config_read_list(r, value, PP_ANALYSER_THREADS_MAX, "CPUs");

	consumer->at->cpu = pp_config_spot(r, value);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t cpu;

		if (!pp_config_read_number(r, &value->item[i], 0, PP_CPUS_MAX - 1, &cpu))
			return;
		consumer->at->cpus[i] = pp_config_spot(r, &value->item[i]);
		consumer->cfg->cpus[i] = (uint16_t)cpu;
	}
	consumer->cfg->cpu_count = count;
	consumer->cpu = count ? value : consumer->cpu;
}

static void read_spread(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {
		[PP_SPREAD_FLOW] = "flow", [PP_SPREAD_HOSTS] = "hosts", NULL};
	struct consumer *consumer = arg;

	consumer->at->spread = pp_config_spot(r, value);
	pp_config_read_choice(r, value, words, &consumer->cfg->spread);
}

static void read_library(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;

	(void)r;
	consumer->library = value;
}

static void read_options(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;

	(void)r;
	consumer->options = value;
}

// What the analyser reads: see check_kind().
static void read_option(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	(void)r;
	(void)value;
	(void)arg;
}

static const struct pp_config_key keys[] = {
	{"name", read_name, PP_ITEM_NONE},	  {"kind", read_kind, PP_ITEM_NONE},
	{"threads", read_threads, PP_ITEM_NONE},  {"cpu", read_cpu, PP_ITEM_NONE},
	{"cpus", read_cpus, PP_ITEM_NONE},	  {"spread", read_spread, PP_ITEM_NONE},
	{"library", read_library, PP_ITEM_NONE},  {"options", read_options, PP_ITEM_NONE},
	{"window", read_option, PP_ITEM_NONE},	  {"entries", read_option, PP_ITEM_NONE},
	{"by", read_option, PP_ITEM_NONE},	  {"idle", read_option, PP_ITEM_NONE},
	{"directory", read_option, PP_ITEM_NONE}, {"file-size", read_option, PP_ITEM_NONE},
	{"file-time", read_option, PP_ITEM_NONE}, {"file-packets", read_option, PP_ITEM_NONE},
	{"budget", read_option, PP_ITEM_NONE},	  {"compress", read_option, PP_ITEM_NONE},
	{"flush", read_option, PP_ITEM_NONE},	  {"buffer", read_option, PP_ITEM_NONE},
	{"snap", read_option, PP_ITEM_NONE},	  {0},
};

static bool is_option(const struct pp_yaml *key)
{
	for (const struct pp_config_key *k = keys; k->name; k++)
		if (k->read == read_option && !strcmp(k->name, key->text))
			return true;
	return false;
}

static void load_library(struct pp_config_reader *r, struct consumer *consumer)
{
	struct pp_error error = {0};
	char *path;

	consumer->at->library = pp_config_spot(r, consumer->library);
	path = pp_config_read_path(r, consumer->library, "the path of a shared library");
	if (path && pp_analyser_load(&consumer->cfg->own, path, &error))
		pp_config_error(r, consumer->library, "%s", error.text);
	free(path);
}

// What the kind decides: a plug-in is loaded and has options of any name.
static void check_kind(struct pp_config_reader *r,
		       struct consumer *consumer,
		       const struct pp_yaml *item,
		       uint32_t index)
{
	bool plugin = consumer->cfg->kind == PP_CONSUMER_PLUGIN;

	for (uint32_t i = 0; i < item->count; i++)
		if (is_option(&item->key[i]))
			pp_config_read_option(r, index, item->key[i].text, &item->item[i]);

	if (plugin && !consumer->library)
		pp_report_error(r->report, r->file, consumer->at->kind.line, consumer->at->kind.col,
				"kind plugin needs a library");
	else if (plugin)
		load_library(r, consumer);
	else if (consumer->library)
		pp_config_error(r, consumer->library, "only a consumer of kind plugin has this");
	if (consumer->options && consumer->options->kind != PP_YAML_MAPPING)
		pp_config_error(r, consumer->options, "expected a mapping (key: value), found %s",
				pp_yaml_kind_name(consumer->options));
	else if (consumer->options && !plugin)
		pp_config_error(r, consumer->options, "only a consumer of kind plugin has this");
	else if (consumer->options)
		for (uint32_t i = 0; i < consumer->options->count; i++)
			pp_config_read_option(r, index, consumer->options->key[i].text,
					      &consumer->options->item[i]);
}

// Let the analyser look at what it is told.
static void check_options(struct pp_config_reader *r, uint32_t index)
{
	const struct pp_consumer_spots *spots = &r->config->consumer_at[index];
	struct pp_consumer_config *consumer = &r->config->consumer[index];
	struct pp_error error = {0};
	struct pp_spot at;
	uint32_t which = 0;

	if (!pp_consumer_check_options(consumer, &which, &error))
		return;
	at = which < consumer->option_count ? spots->option[which] : spots->kind;
	pp_report_error(r->report, at.file, at.line, at.col, "%s", error.text);
}

static void check_together(struct pp_config_reader *r, struct consumer *consumer)
{
	// A plug-in may take its time: it has a thread unless told otherwise.
	if (consumer->cfg->kind == PP_CONSUMER_PLUGIN && !consumer->threads)
		consumer->cfg->threads = 1;
	if (!pp_consumer_is_analyser(consumer->cfg->kind) && consumer->cfg->threads)
		pp_config_error(r, consumer->threads,
				"only an analyser has threads, and kind %s is none",
				pp_consumer_kind_name(consumer->cfg->kind));
	else if (consumer->cpu && !consumer->cfg->threads)
		pp_config_error(r, consumer->cpu, "a cpu needs a thread: say threads: 1 as well");
}

static void check_twice(struct pp_config_reader *r, uint32_t index)
{
	struct pp_config *config = r->config;
	const struct pp_spot *at = &config->consumer_at[index].name;

	for (uint32_t i = 0; i < index; i++) {
		if (!*config->consumer[i].name ||
		    strcmp(config->consumer[i].name, config->consumer[index].name))
			continue;
		pp_report_error(r->report, at->file, at->line, at->col,
				"consumer %s is listed twice, first at line %u",
				config->consumer[i].name, config->consumer_at[i].name.line);
		return;
	}
}

static void read_consumer(struct pp_config_reader *r, const struct pp_yaml *item, uint32_t index)
{
	struct consumer consumer = {.cfg = &r->config->consumer[index],
				    .at = &r->config->consumer_at[index]};
	uint32_t errors = r->report->errors;

	consumer.at->name = pp_config_spot(r, item);
	consumer.at->kind = consumer.at->threads = consumer.at->cpu = consumer.at->name;
	consumer.at->spread = consumer.at->library = consumer.at->name;
	consumer.cfg->cpu = -1;
	pp_config_read_map(r, item, keys, &consumer);
	if (*consumer.cfg->name)
		check_twice(r, index);
	if (r->report->errors != errors)
		return;
	if (!*consumer.cfg->name)
		pp_config_error(r, item, "a consumer needs a name");
	else if (!consumer.has_kind)
		pp_config_error(r, item, "a consumer needs a kind, such as count, sink or reflect");
	else
		check_kind(r, &consumer, item, index);
	if (r->report->errors == errors)
		check_together(r, &consumer);
	if (r->report->errors == errors)
		check_options(r, index);
}

void pp_config_consumers(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint32_t count = pp_config_read_list(r, value, PP_CONSUMERS_MAX, "consumers");

	(void)arg;
	r->config->plane.consumer_count = count;
	for (uint32_t i = 0; i < count; i++)
		read_consumer(r, &value->item[i], i);
}
