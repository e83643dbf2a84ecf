// SPDX-License-Identifier: MIT OR Apache-2.0
#include <string.h>

#include "config_sections.h"

struct consumer {
	struct pp_consumer_config *cfg;
	struct pp_consumer_spots *at;
	bool has_kind;
	const struct pp_yaml *threads;
	const struct pp_yaml *cpu;
	const struct pp_yaml *interface;
};

static void read_name(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;

	pp_config_read_name(r, value, consumer->cfg->name, sizeof(consumer->cfg->name));
	consumer->at->name = pp_config_spot(r, value);
}

static void read_kind(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {[PP_CONSUMER_COUNT] = "count",
					    [PP_CONSUMER_SINK] = "sink",
					    [PP_CONSUMER_REFLECT] = "reflect",
					    [PP_CONSUMER_FORWARD] = "forward",
					    NULL};
	struct consumer *consumer = arg;

	consumer->at->kind = pp_config_spot(r, value);
	consumer->has_kind = pp_config_read_choice(r, value, words, &consumer->cfg->kind);
}

static void read_threads(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;
	uint64_t threads;

	consumer->at->threads = pp_config_spot(r, value);
	if (!pp_config_read_number(r, value, 0, 1, &threads))
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

static void read_interface(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct consumer *consumer = arg;
	const char *text = pp_config_read_text(r, value, "the name of an interface");

	consumer->at->interface = pp_config_spot(r, value);
	if (!text)
		return;
	if (!*text || strlen(text) >= IFNAMSIZ) {
		pp_config_error(r, value, "'%.40s' cannot be the name of an interface", text);
		return;
	}
	strcpy(consumer->cfg->forward_to, text);
	consumer->interface = value;
}

static void check_together(struct pp_config_reader *r, const struct consumer *consumer)
{
	if (consumer->cfg->kind != PP_CONSUMER_COUNT && consumer->cfg->threads)
		pp_config_error(r, consumer->threads, "only a consumer of kind count has threads");
	else if (consumer->cpu && !consumer->cfg->threads)
		pp_config_error(r, consumer->cpu, "a cpu needs a thread: say threads: 1 as well");
	else if (consumer->interface && consumer->cfg->kind != PP_CONSUMER_FORWARD)
		pp_config_error(r, consumer->interface,
				"only a consumer of kind forward has an interface");
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
	static const struct pp_config_key keys[] = {
		{"name", read_name, PP_ITEM_NONE},	     {"kind", read_kind, PP_ITEM_NONE},
		{"threads", read_threads, PP_ITEM_NONE},     {"cpu", read_cpu, PP_ITEM_NONE},
		{"interface", read_interface, PP_ITEM_NONE}, {0}};
	struct consumer consumer = {.cfg = &r->config->consumer[index],
				    .at = &r->config->consumer_at[index]};
	uint32_t errors = r->report->errors;

	consumer.at->name = pp_config_spot(r, item);
	consumer.at->kind = consumer.at->threads = consumer.at->cpu = consumer.at->name;
	consumer.at->interface = consumer.at->name;
	consumer.cfg->cpu = -1;
	pp_config_read_map(r, item, keys, &consumer);
	if (*consumer.cfg->name)
		check_twice(r, index);
	if (r->report->errors != errors)
		return;
	if (!*consumer.cfg->name)
		pp_config_error(r, item, "a consumer needs a name");
	else if (!consumer.has_kind)
		pp_config_error(r, item,
				"a consumer needs a kind: count, sink, reflect or forward");
	else if (consumer.cfg->kind == PP_CONSUMER_FORWARD && !consumer.interface)
		pp_config_error(r, item, "a consumer of kind forward needs an interface");
	else
		check_together(r, &consumer);
}

void pp_config_consumers(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint32_t count = pp_config_read_list(r, value, PP_CONSUMERS_MAX, "consumers");

	(void)arg;
	r->config->plane.consumer_count = count;
	for (uint32_t i = 0; i < count; i++)
		read_consumer(r, &value->item[i], i);
}
