// SPDX-License-Identifier: MIT OR Apache-2.0
#include <string.h>

#include "config_sections.h"

struct iface {
	struct pp_iface_config *cfg;
	struct pp_iface_spots *at;
};

static void read_name(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct iface *iface = arg;
	const char *text = pp_config_read_text(r, value, "the name of an interface");

	if (!text)
		return;
	if (!*text || strlen(text) >= IFNAMSIZ || strpbrk(text, "/: \t\n")) {
		pp_config_error(r, value, "'%.40s' cannot be the name of an interface", text);
		return;
	}
	strcpy(iface->cfg->name, text);
	iface->at->name = pp_config_spot(r, value);
}

static void read_mode(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {
		[PP_XDP_NATIVE] = "native", [PP_XDP_SKB] = "skb", [PP_XDP_AUTO] = "auto", NULL};
	struct iface *iface = arg;

	pp_config_read_choice(r, value, words, &iface->cfg->mode);
	iface->at->mode = pp_config_spot(r, value);
}

static void read_bind(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {[PP_BIND_AUTO] = "auto",
					    [PP_BIND_COPY] = "copy",
					    [PP_BIND_ZEROCOPY] = "zerocopy",
					    NULL};
	struct iface *iface = arg;

	pp_config_read_choice(r, value, words, &iface->cfg->bind);
	iface->at->bind = pp_config_spot(r, value);
}

static void read_egress(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {[PP_EGRESS_WHEN_NEEDED] = "auto",
					    [PP_EGRESS_ON] = "on",
					    [PP_EGRESS_OFF] = "off",
					    NULL};
	struct iface *iface = arg;

	pp_config_read_choice(r, value, words, &iface->cfg->egress);
	iface->at->egress = pp_config_spot(r, value);
}

static void read_egress_attach(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char *const words[] = {[PP_EGRESS_AUTO] = "auto",
					    [PP_EGRESS_TCX] = "tcx",
					    [PP_EGRESS_CLSACT] = "clsact",
					    NULL};
	struct iface *iface = arg;

	pp_config_read_choice(r, value, words, &iface->cfg->egress_attach);
	iface->at->egress = pp_config_spot(r, value);
}

// Keep the queues ascending, each with its place.
static void
insert_queue(struct pp_config_reader *r, const struct pp_yaml *item, struct iface *iface)
{
	struct pp_iface_config *cfg = iface->cfg;
	struct pp_spot *at = iface->at->queue;
	uint64_t queue;
	uint32_t i = 0;

	if (!pp_config_read_number(r, item, 0, UINT16_MAX, &queue))
		return;
	while (i < cfg->queue_count && cfg->queue[i] < queue)
		i++;
	if (i < cfg->queue_count && cfg->queue[i] == queue) {
		pp_config_error(r, item, "queue %lu is listed twice", queue);
		return;
	}
	memmove(&cfg->queue[i + 1], &cfg->queue[i], (cfg->queue_count - i) * sizeof(cfg->queue[0]));
	memmove(&at[i + 1], &at[i], (cfg->queue_count - i) * sizeof(at[0]));
	cfg->queue[i] = (uint16_t)queue;
	at[i] = pp_config_spot(r, item);
	cfg->queue_count++;
}

static void read_queues(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	struct iface *iface = arg;
	uint32_t count;

	iface->at->queues = pp_config_spot(r, value);
	if (value->kind != PP_YAML_SEQUENCE) {
		const char *text = pp_config_read_text(r, value, "all or a list of queues");

		if (text && strcmp(text, "all"))
			pp_config_error(r, value, "expected all or a list of queues, found '%.40s'",
					text);
		return;
	}
	iface->cfg->queues_all = false;
	count = pp_config_read_list(r, value, PP_QUEUES_PER_IFACE_MAX, "queues");
	for (uint32_t i = 0; i < count; i++)
		insert_queue(r, &value->item[i], iface);
}

static const struct pp_config_key keys[] = {{"name", read_name, PP_ITEM_NONE},
					    {"mode", read_mode, PP_ITEM_NONE},
					    {"bind", read_bind, PP_ITEM_NONE},
					    {"queues", read_queues, PP_ITEM_NONE},
					    {"egress", read_egress, PP_ITEM_NONE},
					    {"egress-attach", read_egress_attach, PP_ITEM_NONE},
					    {0}};

static void check_twice(struct pp_config_reader *r, uint32_t index)
{
	struct pp_config *config = r->config;
	const struct pp_spot *at = &config->iface_at[index].name;

	for (uint32_t i = 0; i < index; i++) {
		if (!*config->iface[i].name ||
		    strcmp(config->iface[i].name, config->iface[index].name))
			continue;
		pp_report_error(r->report, at->file, at->line, at->col,
				"interface %s is listed twice, first at line %u",
				config->iface[i].name, config->iface_at[i].name.line);
		return;
	}
}

static void read_iface(struct pp_config_reader *r, const struct pp_yaml *item, uint32_t index)
{
	struct iface iface = {&r->config->iface[index], &r->config->iface_at[index]};
	uint32_t errors = r->report->errors;

	// A key that was left out is complained about where the interface begins.
	iface.at->name = pp_config_spot(r, item);
	iface.at->mode = iface.at->bind = iface.at->queues = iface.at->egress = iface.at->name;
	iface.cfg->queues_all = true;
	pp_config_read_map(r, item, keys, &iface);
	if (*iface.cfg->name)
		check_twice(r, index);
	else if (r->report->errors == errors)
		pp_config_error(r, item, "an interface needs a name");
}

void pp_config_interfaces(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	uint32_t count = pp_config_read_list(r, value, PP_IFACES_MAX, "interfaces");

	(void)arg;
	r->config->plane.iface_count = count;
	for (uint32_t i = 0; i < count; i++)
		read_iface(r, &value->item[i], i);
}
