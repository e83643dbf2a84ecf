// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_options.h"

#define BIT(by) (1u << (by))

// In the order they are offered; what a plug-in lists by is found out by asking.
static const struct {
	const char *kind;
	uint32_t by;
} kinds[] = {
	{"histogram", BIT(PP_BY_FLOW) - 1},
	{"flows", BIT(PP_BY_FLOW)},
	{"plugin", BIT(PP_BY_COUNT) - 1},
	{"count", BIT(PP_BY_SOURCE)},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static void add(struct pp_top_model *model, const char *name, size_t kind)
{
	struct pp_top_view *view = &model->view[model->view_count];

	if (model->view_count == PP_TOP_VIEWS_MAX)
		return;
	*view = (struct pp_top_view){.kind = kinds[kind].kind, .by = kinds[kind].by};
	snprintf(view->analyser, sizeof(view->analyser), "%s", name);
	model->view_count++;
}

void pp_top_views_read_of(struct pp_top_model *model, const json_t *result)
{
	const json_t *list = json_object_get(result, "analysers"), *analyser;
	size_t i;

	model->view_count = 0;
	for (size_t kind = 0; kind < KINDS; kind++)
		json_array_foreach(list, i,
				   analyser) if (!strcmp(text(analyser, "kind"), kinds[kind].kind))
			add(model, text(analyser, "name"), kind);
}

int pp_top_views_read(struct pp_ctl_client *client,
		      struct pp_top_model *model,
		      struct pp_error *err)
{
	json_t *result;
	int ret =
		pp_ctl_client_call(client, "analysers.list", NULL, PP_CTL_TIMEOUT_MS, &result, err);

	if (ret)
		return ret;
	pp_top_views_read_of(model, result);
	json_decref(result);
	return 0;
}

static bool has_rules(const struct pp_top_model *model)
{
	return model->on[PP_TOP_TCP] || model->on[PP_TOP_UDP] || model->on[PP_TOP_ICMP];
}

// The rules copy to whom is looked at.
static void show(struct pp_top_model *model, uint32_t at, uint8_t by)
{
	if (at != model->view_at && has_rules(model))
		model->rules_dirty = true;
	model->view_at = at;
	model->analyser = model->view[at].analyser;
	model->by = by;
	model->row_count = 0;
	model->scroll = 0;
	model->totals_ns = 0;
}

// The first of bits from begin on, around.
static uint8_t next_bit(uint32_t bits, uint32_t begin)
{
	for (uint32_t i = 0; i < PP_BY_COUNT; i++)
		if (bits & BIT((begin + i) % PP_BY_COUNT))
			return (uint8_t)((begin + i) % PP_BY_COUNT);
	return PP_BY_SOURCE;
}

void pp_top_views_next_by(struct pp_top_model *model)
{
	if (model->view_count > 0)
		show(model, model->view_at,
		     next_bit(model->view[model->view_at].by, model->by + 1u));
}

void pp_top_views_next_analyser(struct pp_top_model *model)
{
	uint32_t at = model->view_at;

	if (model->view_count == 0)
		return;
	do
		at = (at + 1) % model->view_count;
	while (model->view[at].by == 0 && at != model->view_at);
	if (at == model->view_at)
		pp_top_model_log(model, "there is no other analyser to look at");
	else
		show(model, at, next_bit(model->view[at].by, model->by));
}

bool pp_top_views_refused(struct pp_top_model *model, const char *why)
{
	struct pp_top_view *view = &model->view[model->view_at];

	if (model->view_count == 0)
		return false;
	pp_top_model_log(model, "%s by %s: %s", view->analyser, pp_top_by_name(model->by), why);
	view->by &= ~BIT(model->by);
	if (view->by != 0)
		pp_top_views_next_by(model);
	else
		pp_top_views_next_analyser(model);
	return model->view[model->view_at].by != 0;
}

// "hist (histogram), flows (flows)".
static void list_views(const struct pp_top_model *model, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < model->view_count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s (%s)", i > 0 ? ", " : "",
					model->view[i].analyser, model->view[i].kind);
}

static int complain(const struct pp_top_model *model,
		    const char *analyser,
		    int by,
		    uint32_t named,
		    struct pp_error *err)
{
	char list[160];

	list_views(model, list, sizeof(list));
	if (model->view_count == 0)
		return pp_error_set(err, -ENOENT, 0, 0,
				    "the daemon has no analyser that top can show: configure a "
				    "consumer of kind histogram or flows");
	if (analyser && named == model->view_count)
		return pp_error_set(err, -ENOENT, 0, 0,
				    "there is no analyser '%.32s' that top can show; there are: %s",
				    analyser, list);
	return pp_error_set(err, -ENOENT, 0, 0,
			    "%s%s%s lists by %s: flow goes with kind flows, text with plugin, "
			    "all else with histogram; there are: %s",
			    analyser ? "analyser '" : "no analyser", analyser ?: "",
			    analyser ? "' never" : "", pp_top_by_name((uint8_t)by), list);
}

int pp_top_views_begin(struct pp_top_model *model,
		       const char *analyser,
		       int by,
		       struct pp_error *err)
{
	uint32_t named = model->view_count;

	for (uint32_t i = 0; i < model->view_count; i++) {
		const struct pp_top_view *view = &model->view[i];

		if (analyser && strcmp(analyser, view->analyser) != 0)
			continue;
		named = i;
		if (by >= 0 && !(view->by & BIT(by)))
			continue;
		model->view_at = i;
		show(model, i,
		     by >= 0			     ? (uint8_t)by
		     : !strcmp(view->kind, "plugin") ? PP_BY_TEXT
						     : next_bit(view->by, PP_BY_SOURCE));
		return 0;
	}
	return complain(model, analyser, by, named, err);
}
