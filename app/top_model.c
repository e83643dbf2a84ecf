// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull

void pp_top_model_init(struct pp_top_model *model)
{
	*model = (struct pp_top_model){
		.analyser = "",
		.title = "",
		.want_window_ns = 3 * SECOND_NS,
		.frames_per_s = 2,
		.stale_ns = 5 * SECOND_NS,
		.take_bytes = 96,
		.on = {[PP_TOP_IP4] = true, [PP_TOP_IP6] = true},
	};
}

void pp_top_model_fini(struct pp_top_model *model)
{
	free(model->row);
	free(model->rule);
	free(model->nick);
	pp_top_model_init(model);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct pp_top_row *)a)->key, ((const struct pp_top_row *)b)->key);
}

static int compare(double a, double b)
{
	return (a < b) - (a > b);
}

// Most first; rows that are gone come last, equal ones by key so that they do not jump about.
static int by_value(const void *left, const void *right, void *arg)
{
	const struct pp_top_row *a = left, *b = right;
	const struct pp_top_model *model = arg;
	int order = 0;

	if (!a->gone_ns != !b->gone_ns)
		return a->gone_ns ? 1 : -1;
	switch (model->sort) {
	case PP_TOP_BY_BITS:
		order = compare(a->bps, b->bps);
		break;
	case PP_TOP_BY_RATE:
		order = compare(a->pps, b->pps);
		break;
	case PP_TOP_BY_PKTS:
		order = compare((double)a->pkts, (double)b->pkts);
		break;
	case PP_TOP_BY_BYTES:
		order = compare((double)a->bytes, (double)b->bytes);
		break;
	case PP_TOP_BY_NEW:
		order = compare((double)a->first_ns, (double)b->first_ns);
		break;
	default:
		break;
	}
	order = order ?: strcmp(a->key, b->key);
	return model->reverse ? -order : order;
}

void pp_top_model_sort(struct pp_top_model *model)
{
	if (model->row_count > 0)
		qsort_r(model->row, model->row_count, sizeof(*model->row), by_value, model);
}

// What was there and is not listed now, for as long as it is shown.
static uint32_t
keep_stale(struct pp_top_model *model, struct pp_top_row *row, uint32_t count, uint64_t now_ns)
{
	uint32_t listed = count;

	for (uint32_t i = 0; i < model->row_count; i++) {
		struct pp_top_row old = model->row[i];

		if (bsearch(&old, row, listed, sizeof(*row), by_key))
			continue;
		old.gone_ns = old.gone_ns ?: now_ns;
		if (now_ns - old.gone_ns >= model->stale_ns)
			continue;
		old.pps = old.bps = 0;
		row[count++] = old;
	}
	return count;
}

int pp_top_model_update(struct pp_top_model *model,
			const struct pp_top_row *row,
			uint32_t count,
			uint64_t now_ns)
{
	struct pp_top_row *next = calloc(count + model->row_count + 1u, sizeof(*next));
	uint32_t kept = 0;

	if (!next)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		if (row[i].last_ns >= model->reset_ns)
			next[kept++] = row[i];
	qsort(next, kept, sizeof(*next), by_key);
	kept = keep_stale(model, next, kept, now_ns);
	free(model->row);
	model->row = next;
	model->row_count = kept;
	model->now_ns = now_ns;
	pp_top_model_sort(model);
	return 0;
}

void pp_top_model_reset(struct pp_top_model *model, uint64_t realtime_ns)
{
	model->row_count = 0;
	model->reset_ns = realtime_ns;
	model->rebase = true;
	model->scroll = 0;
}

void pp_top_model_log(struct pp_top_model *model, const char *fmt, ...)
{
	char *line = model->log[model->log_count++ % PP_TOP_LOG_LINES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, PP_TOP_LOG_BYTES, fmt, ap);
	va_end(ap);
}

const char *pp_top_sort_name(enum pp_top_sort sort)
{
	static const char *const names[PP_TOP_SORTS] = {"bits",	 "rate", "packets",
							"bytes", "new",	 "key"};

	return sort < PP_TOP_SORTS ? names[sort] : "?";
}

const char *pp_top_switch_name(enum pp_top_switch which)
{
	static const char *const names[PP_TOP_SWITCHES] = {"tcp", "udp", "icmp", "ip4", "ip6"};

	return which < PP_TOP_SWITCHES ? names[which] : "?";
}

const char *pp_top_by_name(uint8_t by)
{
	static const char *const names[PP_BY_COUNT] = {
		[PP_BY_SOURCE] = "source", [PP_BY_DESTINATION] = "destination",
		[PP_BY_PORT] = "port",	   [PP_BY_PROTOCOL] = "protocol",
		[PP_BY_RULE] = "rule",	   [PP_BY_FLOW] = "flow",
		[PP_BY_TEXT] = "text",
	};

	return by < PP_BY_COUNT ? names[by] : "?";
}

bool pp_top_is_loss(const char *name)
{
	static const char *const parts[] = {"full",	    "bad",	   "lost",
					    "too_long",	    "no_ring",	   "no_frame",
					    "tx_no_socket", "no_consumer", "aborted"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}
