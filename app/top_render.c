// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_render.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOP_LINES 3 // title, switches, headings
#define BOTTOM_LINES 1 // the last line of the log, and how to get help
#define NUMBER_BYTES 16
#define KEY_WIDTH 24
#define BAR_MIN 8

static const char *const help[] = {
	"q  quit                            h ?  this help; any pane key leaves it",
	"Tab  next pane: sources, rules, ledger, log",
	"1 2 3 5  the pane of that number: 1 sources, 2 rules, 3 ledger, 5 log",
	"t u i  rules that copy TCP, UDP, ICMP: on or off",
	"4 6  rules for IPv4, IPv6: on or off",
	"+ -  bytes taken of each packet: twice, half",
	"s  sort by the next column         R  the other way round",
	"g  group by source, destination, port, protocol, rule",
	"m  mask addresses                  n  names in place of addresses",
	"w W  a shorter, longer window      f F  fewer, more frames a second",
	"r  reset: forget rows, count from 0",
	"j k, arrows, PgUp PgDn, Home  scroll",
	"",
	"Sizes: packets up to 64, 128, 256, 512, 1024, 1518, 9216 bytes and above,",
	"each a sign from . (few) to @ (all). Grey rows have gone quiet.",
};
#define HELP_LINES (sizeof(help) / sizeof(help[0]))

__attribute__((format(printf, 4, 5))) static void
put(struct pp_top_frame *frame, uint32_t line, enum pp_top_style style, const char *fmt, ...)
{
	va_list ap;

	if (line >= frame->lines)
		return;
	frame->line[line].style = style;
	va_start(ap, fmt);
	vsnprintf(frame->line[line].text, frame->cols + 1, fmt, ap);
	va_end(ap);
}

// Four digits and a unit.
static const char *shorten(double value, char buf[NUMBER_BYTES])
{
	static const char units[] = " kMGTPE";
	uint32_t unit = 0;

	while (value >= 9999.5 && unit + 2 < sizeof(units)) {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(buf, NUMBER_BYTES, "%.0f", value);
	else
		snprintf(buf, NUMBER_BYTES, "%.*f%c", value < 100 ? 1 : 0, value, units[unit]);
	return buf;
}

static void put_title(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	double seconds = (double)model->window_ns / 1e9;
	char pps[NUMBER_BYTES], bps[NUMBER_BYTES];

	seconds = seconds > 0 ? seconds : 1;
	put(frame, 0, PP_TOP_HEADING,
	    "push-packet top  %s: %s packets/s  %sbit/s  %llu %ss  window %.1fs  %s",
	    model->analyser, shorten((double)model->total_pkts / seconds, pps),
	    shorten((double)model->total_bytes * 8 / seconds, bps),
	    (unsigned long long)model->found, pp_top_by_name(model->by),
	    (double)model->window_ns / 1e9, model->title);
}

static void put_switches(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	static const char *const panes[] = {"sources", "rules", "ledger", "log", "help"};
	char text[PP_TOP_COLS_MAX + 1];
	size_t len = 0;

	for (int i = 0; i < PP_TOP_SWITCHES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s ",
					model->on[i] ? "+" : "-",
					pp_top_switch_name((enum pp_top_switch)i));
	snprintf(text + len, sizeof(text) - len, " take %u  sort %s%s  %u/s%s  [%s]",
		 model->take_bytes, pp_top_sort_name(model->sort), model->reverse ? " up" : "",
		 model->frames_per_s, model->mask ? "  masked" : "", panes[model->pane]);
	put(frame, 1, PP_TOP_PLAIN, "%s", text);
}

static void put_bottom(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	const char *last =
		model->log_count ? model->log[(model->log_count - 1) % PP_TOP_LOG_LINES] : "";

	put(frame, frame->lines - 1, PP_TOP_DIM, "h help  q quit  %s", last);
}

// Packets by size: a sign for each bucket.
static void sizes_text(const struct pp_top_row *row, char out[PP_SIZE_BUCKETS + 1])
{
	static const char signs[] = " .:-=+*#%@";
	uint64_t sum = 0;

	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		sum += row->size_pkts[i];
	for (int i = 0; i < PP_SIZE_BUCKETS; i++) {
		uint64_t n = row->size_pkts[i];

		out[i] = n == 0 ? ' ' : signs[1 + (sizeof(signs) - 3) * n / sum];
	}
	out[PP_SIZE_BUCKETS] = '\0';
}

// What the shares are of.
static double value_of(const struct pp_top_model *model, const struct pp_top_row *row)
{
	bool packets = model->sort == PP_TOP_BY_RATE || model->sort == PP_TOP_BY_PKTS;

	if (row->gone_ns)
		return 0;
	return packets ? (double)row->pkts : (double)row->bytes;
}

static double share_of(const struct pp_top_model *model, const struct pp_top_row *row)
{
	bool packets = model->sort == PP_TOP_BY_RATE || model->sort == PP_TOP_BY_PKTS;
	double all = packets ? (double)model->total_pkts : (double)model->total_bytes;
	double share = all > 0 ? value_of(model, row) / all : 0;

	return share > 1 ? 1 : share;
}

static void
put_row(const struct pp_top_model *model, struct pp_top_frame *frame, uint32_t line, uint32_t index)
{
	const struct pp_top_row *row = &model->row[index];
	char pkts[NUMBER_BYTES], bytes[NUMBER_BYTES], pps[NUMBER_BYTES], bps[NUMBER_BYTES];
	char label[PP_TOP_KEY_BYTES], sizes[PP_SIZE_BUCKETS + 1], bar[PP_TOP_COLS_MAX + 1];
	double share = share_of(model, row);
	int used = KEY_WIDTH + 4 * 7 + 7 + PP_SIZE_BUCKETS + 2, room = (int)frame->cols - used;
	int full = 0;

	room = room < 0 ? 0 : room;
	full = (int)(share * room + 0.5);
	memset(bar, '#', sizeof(bar));
	bar[full] = '\0';
	sizes_text(row, sizes);
	put(frame, line, row->gone_ns ? PP_TOP_DIM : PP_TOP_PLAIN,
	    "%-*.*s%7s%7s%7s%7s%6.1f%% %s %s", KEY_WIDTH, KEY_WIDTH,
	    pp_top_model_label(model, row->key, label), shorten((double)row->pkts, pkts),
	    shorten((double)row->bytes, bytes), shorten(row->pps, pps), shorten(row->bps, bps),
	    share * 100, sizes, bar);
}

static void put_rows(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	uint32_t room = pp_top_render_room(frame->lines);

	put(frame, 2, PP_TOP_HEADING, "%-*s%7s%7s%7s%7s%7s sizes", KEY_WIDTH,
	    pp_top_by_name(model->by), "packets", "bytes", "pkt/s", "bit/s", "share");
	for (uint32_t i = 0; i < room && model->scroll + i < model->row_count; i++)
		put_row(model, frame, TOP_LINES + i, model->scroll + i);
	if (model->row_count == 0)
		put(frame, TOP_LINES, PP_TOP_DIM, "nothing in the window%s",
		    model->rule_count ? "" : ": t, u or i makes rules that copy packets");
}

static void put_rules(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	uint32_t room = pp_top_render_room(frame->lines);
	char pkts[NUMBER_BYTES], bytes[NUMBER_BYTES], pps[NUMBER_BYTES];

	put(frame, 2, PP_TOP_HEADING, "%8s%9s%9s%9s  %s", "id", "packets", "bytes", "pkt/s",
	    "rule");
	for (uint32_t i = 0; i < room && model->scroll + i < model->rule_count; i++) {
		const struct pp_top_rule *rule = &model->rule[model->scroll + i];

		put(frame, TOP_LINES + i, PP_TOP_PLAIN, "%8llu%9s%9s%9s  %s",
		    (unsigned long long)rule->id, shorten((double)rule->pkts, pkts),
		    shorten((double)rule->bytes, bytes), shorten(rule->pps, pps), rule->text);
	}
}

static void put_count(const struct pp_top_count *count, struct pp_top_frame *frame, uint32_t line)
{
	uint64_t value = count->value - count->base;
	bool lost = value > 0 && pp_top_is_loss(count->name);
	char per_s[NUMBER_BYTES];

	put(frame, line, lost ? PP_TOP_LOSS : PP_TOP_PLAIN, "%-24s%20llu%10s%s", count->name,
	    (unsigned long long)value, shorten(count->per_s, per_s), lost ? "   lost" : "");
}

// What is 0 is not shown: so losses are seen at a glance.
static bool is_shown(const struct pp_top_count *count)
{
	return count->value != count->base;
}

static void put_ledger(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	uint32_t room = pp_top_render_room(frame->lines), line = 0, skip = model->scroll;

	put(frame, 2, PP_TOP_HEADING, "%-24s%20s%10s   %s", "where packets went", "count", "/s",
	    model->balanced ? "balanced" : "packets are on their way");
	for (uint32_t i = 0; line < room && i < model->ledger_count; i++) {
		if (!is_shown(&model->ledger[i]))
			continue;
		if (skip > 0)
			skip--;
		else
			put_count(&model->ledger[i], frame, TOP_LINES + line++);
	}
}

// The newest first.
static void put_log(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	uint32_t room = pp_top_render_room(frame->lines), count = pp_top_render_length(model);

	put(frame, 2, PP_TOP_HEADING, "log, the newest first");
	for (uint32_t i = 0; i < room && model->scroll + i < count; i++) {
		uint32_t at = (model->log_count - 1 - model->scroll - i) % PP_TOP_LOG_LINES;

		put(frame, TOP_LINES + i, PP_TOP_PLAIN, "%s", model->log[at]);
	}
}

static void put_help(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	uint32_t room = pp_top_render_room(frame->lines);

	put(frame, 2, PP_TOP_HEADING, "keys");
	for (uint32_t i = 0; i < room && model->scroll + i < HELP_LINES; i++)
		put(frame, TOP_LINES + i, PP_TOP_PLAIN, "%s", help[model->scroll + i]);
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

uint32_t pp_top_render_room(uint32_t lines)
{
	return clamp(lines, PP_TOP_LINES_MIN, PP_TOP_LINES_MAX) - TOP_LINES - BOTTOM_LINES;
}

static uint32_t counts_shown(const struct pp_top_model *model)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->ledger_count; i++)
		count += is_shown(&model->ledger[i]);
	return count;
}

uint32_t pp_top_render_length(const struct pp_top_model *model)
{
	const uint32_t length[PP_TOP_PANES] = {
		[PP_TOP_ROWS] = model->row_count,
		[PP_TOP_RULES] = model->rule_count,
		[PP_TOP_LEDGER] = counts_shown(model),
		[PP_TOP_LOG] = clamp(model->log_count, 0, PP_TOP_LOG_LINES),
		[PP_TOP_HELP] = HELP_LINES,
	};

	return length[model->pane];
}

void pp_top_render(const struct pp_top_model *model,
		   uint32_t lines,
		   uint32_t cols,
		   struct pp_top_frame *out)
{
	static void (*const draw[PP_TOP_PANES])(const struct pp_top_model *,
						struct pp_top_frame *) = {
		[PP_TOP_ROWS] = put_rows, [PP_TOP_RULES] = put_rules, [PP_TOP_LEDGER] = put_ledger,
		[PP_TOP_LOG] = put_log,	  [PP_TOP_HELP] = put_help,
	};

	out->lines = clamp(lines, PP_TOP_LINES_MIN, PP_TOP_LINES_MAX);
	out->cols = clamp(cols, PP_TOP_COLS_MIN, PP_TOP_COLS_MAX);
	for (uint32_t i = 0; i < out->lines; i++)
		put(out, i, PP_TOP_PLAIN, "%s", "");
	put_title(model, out);
	put_switches(model, out);
	draw[model->pane](model, out);
	put_bottom(model, out);
}
