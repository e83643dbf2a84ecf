// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/clock.h>

#include "ctl_options.h"
#include "top_label.h"

#define MS_NS 1000000ull
#define ROWS_MAX 100000 // that the daemon gives

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static void read_way(const json_t *from, struct pp_analyser_way *way)
{
	*way = (struct pp_analyser_way){
		.pkts = number(from, "pkts"),
		.bytes = number(from, "bytes"),
		.tcp_flags = (uint8_t)number(from, "tcp_flags"),
	};
}

static void read_row(const json_t *from, struct pp_top_row *row)
{
	const json_t *sizes = json_object_get(from, "sizes");

	*row = (struct pp_top_row){
		.pkts = number(from, "pkts"),
		.bytes = number(from, "bytes"),
		.pps = json_number_value(json_object_get(from, "rate_pps")),
		.bps = json_number_value(json_object_get(from, "rate_bps")),
		.first_ns = number(from, "first_ns"),
		.last_ns = number(from, "last_ns"),
		.error_pkts = number(from, "error_pkts"),
	};
	snprintf(row->key, sizeof(row->key), "%s", text(from, "key"));
	read_way(json_object_get(from, "forth"), &row->way[0]);
	read_way(json_object_get(from, "back"), &row->way[1]);
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		row->size_pkts[i] = (uint64_t)json_integer_value(json_array_get(sizes, (size_t)i));
}

// Totals of flows are since the start: their rates are of what came since the frame before.
static void read_totals(struct pp_top_model *model, const json_t *result, uint64_t now_ns)
{
	const json_t *total = json_object_get(result, "total");
	uint64_t pkts = number(total, "pkts"), bytes = number(total, "bytes");
	bool follows = model->totals_ns && now_ns > model->totals_ns && pkts >= model->total_pkts &&
		       bytes >= model->total_bytes;
	double seconds = follows ? (double)(now_ns - model->totals_ns) / 1e9 : 1;

	model->flow_pps = follows ? (double)(pkts - model->total_pkts) / seconds : 0;
	model->flow_bps = follows ? (double)(bytes - model->total_bytes) * 8 / seconds : 0;
	model->total_pkts = pkts;
	model->total_bytes = bytes;
	model->totals_ns = now_ns;
}

int pp_top_read_rows_of(struct pp_top_model *model, const json_t *result, uint64_t now_ns)
{
	const json_t *list = json_object_get(result, "rows"), *from;
	struct pp_top_row *row = calloc(json_array_size(list) + 1, sizeof(*row));
	size_t i;
	int ret;

	if (!row)
		return -ENOMEM;
	json_array_foreach(list, i, from) read_row(from, &row[i]);
	ret = pp_top_model_update(model, row, (uint32_t)json_array_size(list), now_ns);
	free(row);
	if (ret)
		return ret;
	model->window_ns = number(result, "window_ns");
	model->found = number(result, "found");
	read_totals(model, result, now_ns);
	model->other_pkts = number(json_object_get(result, "other"), "pkts");
	return 0;
}

// The daemon's order, of which only the first rows are asked for.
static const char *sort_of(const struct pp_top_model *model)
{
	return model->sort == PP_TOP_BY_KEY ? "bytes" : pp_top_sort_name(model->sort);
}

int pp_top_read_rows(struct pp_ctl_client *client,
		     struct pp_top_model *model,
		     uint32_t limit,
		     struct pp_error *err)
{
	json_t *result;
	int ret = pp_ctl_client_call(
		client, "analysers.top",
		json_pack("{s:s, s:s, s:s, s:i, s:I}", "analyser", model->analyser, "by",
			  pp_top_by_name(model->by), "sort", sort_of(model), "limit",
			  (int)(limit < ROWS_MAX ? limit : ROWS_MAX), "window_ms",
			  (json_int_t)(model->want_window_ns / MS_NS)),
		PP_CTL_TIMEOUT_MS, &result, err);

	if (ret)
		return ret;
	ret = pp_top_read_rows_of(model, result, pp_clock_ns(CLOCK_MONOTONIC));
	json_decref(result);
	return ret ? pp_error_set(err, ret, 0, 0, "out of memory") : 0;
}

static uint64_t rule_pkts_before(const struct pp_top_model *model, uint32_t at, uint64_t id)
{
	// Rules seldom move: where it was, else look for it.
	if (at < model->rule_count && model->rule[at].id == id)
		return model->rule[at].pkts;
	for (uint32_t i = 0; i < model->rule_count; i++)
		if (model->rule[i].id == id)
			return model->rule[i].pkts;
	return UINT64_MAX;
}

static int read_rules(struct pp_top_model *model, const json_t *list, double seconds)
{
	struct pp_top_rule *rule = calloc(json_array_size(list) + 1, sizeof(*rule));
	const json_t *from;
	size_t i;

	if (!rule)
		return -ENOMEM;
	json_array_foreach(list, i, from)
	{
		struct pp_top_rule *to = &rule[i];
		uint64_t before;

		to->id = number(from, "id");
		to->pkts = number(from, "packets");
		to->bytes = number(from, "bytes");
		snprintf(to->text, sizeof(to->text), "%s", text(from, "text"));
		before = rule_pkts_before(model, (uint32_t)i, to->id);
		if (seconds > 0 && before <= to->pkts)
			to->pps = (double)(to->pkts - before) / seconds;
	}
	free(model->rule);
	model->rule = rule;
	model->rule_count = (uint32_t)json_array_size(list);
	return 0;
}

static void read_ledger(struct pp_top_model *model, const json_t *total, double seconds)
{
	const char *name;
	json_t *value;
	uint32_t n = 0;

	json_object_foreach((json_t *)total, name, value)
	{
		struct pp_top_count *count = &model->ledger[n];
		uint64_t now = (uint64_t)json_integer_value(value);

		if (n == PP_TOP_LEDGER_MAX)
			break;
		count->per_s = seconds > 0 && n < model->ledger_count && now >= count->value
				       ? (double)(now - count->value) / seconds
				       : 0;
		if (n < model->ledger_count && now > count->value && pp_top_is_loss(name))
			pp_top_model_log(model, "lost: %s %llu", name,
					 (unsigned long long)(now - count->value));
		count->value = now;
		if (model->rebase)
			count->base = now;
		snprintf(count->name, sizeof(count->name), "%s", name);
		n++;
	}
	model->ledger_count = n;
	model->rebase = false;
}

int pp_top_read_stats_of(struct pp_top_model *model, const json_t *result, uint64_t now_ns)
{
	double seconds = model->stats_ns ? (double)(now_ns - model->stats_ns) / 1e9 : 0;
	int ret = read_rules(model, json_object_get(result, "rules"), seconds);

	if (ret)
		return ret;
	read_ledger(model, json_object_get(result, "total"), seconds);
	model->balanced = json_is_true(json_object_get(result, "balanced"));
	model->stats_ns = now_ns;
	return 0;
}

int pp_top_read_stats(struct pp_ctl_client *client,
		      struct pp_top_model *model,
		      struct pp_error *err)
{
	json_t *result;
	int ret = pp_ctl_client_call(client, "stats", json_pack("{s:i}", "sources", 0),
				     PP_CTL_TIMEOUT_MS, &result, err);

	if (ret)
		return ret;
	ret = pp_top_read_stats_of(model, result, pp_clock_ns(CLOCK_MONOTONIC));
	json_decref(result);
	return ret ? pp_error_set(err, ret, 0, 0, "out of memory") : 0;
}

static json_t *way_json(const struct pp_analyser_way *way)
{
	return json_pack("{s:I, s:I, s:i}", "pkts", (json_int_t)way->pkts, "bytes",
			 (json_int_t)way->bytes, "tcp_flags", way->tcp_flags);
}

static void add_flow(const struct pp_top_model *model, const struct pp_top_row *row, json_t *object)
{
	static const char *const addr[] = {"src", "dst"}, *const port[] = {"sport", "dport"};
	char label[PP_TOP_KEY_BYTES];
	struct pp_top_flow flow;

	if (model->by != PP_BY_FLOW || !pp_top_label_split(row->key, &flow))
		return;
	json_object_set_new(object, "proto", json_string(flow.proto));
	for (int i = 0; i < 2; i++) {
		json_object_set_new(object, addr[i],
				    json_string(pp_top_label_text(model, flow.addr[i], label)));
		json_object_set_new(object, port[i], json_integer(atoi(flow.port[i])));
	}
	json_object_set_new(object, "forth", way_json(&row->way[0]));
	json_object_set_new(object, "back", way_json(&row->way[1]));
}

static json_t *row_json(const struct pp_top_model *model, const struct pp_top_row *row)
{
	char label[PP_TOP_KEY_BYTES];
	json_t *sizes = json_array(), *object;

	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		json_array_append_new(sizes, json_integer((json_int_t)row->size_pkts[i]));
	object = json_pack("{s:s, s:I, s:I, s:f, s:f, s:o, s:I, s:I, s:I}", "key",
			   pp_top_label_text(model, row->key, label), "pkts", (json_int_t)row->pkts,
			   "bytes", (json_int_t)row->bytes, "rate_pps", row->pps, "rate_bps",
			   row->bps, "sizes", sizes, "first_ns", (json_int_t)row->first_ns,
			   "last_ns", (json_int_t)row->last_ns, "error_pkts",
			   (json_int_t)row->error_pkts);
	add_flow(model, row, object);
	return object;
}

static json_t *rule_json(const struct pp_top_rule *rule)
{
	return json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)rule->id, "text", rule->text,
			 "packets", (json_int_t)rule->pkts, "bytes", (json_int_t)rule->bytes);
}

json_t *pp_top_read_json(const struct pp_top_model *model)
{
	json_t *rows = json_array(), *rules = json_array(), *ledger = json_object();

	for (uint32_t i = 0; i < model->row_count; i++)
		json_array_append_new(rows, row_json(model, &model->row[i]));
	for (uint32_t i = 0; i < model->rule_count; i++)
		json_array_append_new(rules, rule_json(&model->rule[i]));
	for (uint32_t i = 0; i < model->ledger_count; i++)
		json_object_set_new(ledger, model->ledger[i].name,
				    json_integer((json_int_t)model->ledger[i].value));
	return json_pack(
		"{s:s, s:s, s:I, s:I, s:{s:I, s:I}, s:o, s:o, s:o}", "analyser", model->analyser,
		"by", pp_top_by_name(model->by), "window_ns", (json_int_t)model->window_ns, "found",
		(json_int_t)model->found, "total", "pkts", (json_int_t)model->total_pkts, "bytes",
		(json_int_t)model->total_bytes, "rows", rows, "rules", rules, "ledger", ledger);
}
