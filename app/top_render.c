// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_render.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "top_label.h"

#define TOP_LINES 3 // title, switches, headings
#define BOTTOM_LINES 1 // the last line of the log, and how to get help
#define NUMBER_BYTES 16
#define KEY_WIDTH 24
#define FLAGS_WIDTH 8
#define FLOW_LEAST (8 + 2 * 7 + 1 + FLAGS_WIDTH) // columns of a flow beside its key
#define FLOW_ALL (8 + 6 * 7 + 1 + FLAGS_WIDTH + 1)
#define FLOW_KEY_MIN 47 // two IPv4 addresses with ports
#define FLOW_KEY_MAX 103 // two IPv6 addresses

static const char *const help[] = {
	"q  quit                            h ?  this help; any pane key leaves it",
	"Tab  next pane: rows, rules, ledger, log",
	"1 2 3 5  the pane of that number: 1 rows, 2 rules, 3 ledger, 5 log",
	"t u i  rules that copy TCP, UDP, ICMP: on or off",
	"4 6  rules for IPv4, IPv6: on or off",
	"+ -  bytes taken of each packet: twice, half",
	"s  sort by the next column         R  the other way round",
	"g  group by source, destination, port, protocol, rule",
	"a  the next analyser: histogram, flows",
	"m  mask addresses                  n  names in place of addresses",
	"w W  a shorter, longer window      f F  fewer, more frames a second",
	"r  reset: forget rows, count from 0",
	"j k, arrows, PgUp PgDn, Home  scroll",
	"",
	"Sizes: packets up to 64, 128, 256, 512, 1024, 1518, 9216 bytes and above,",
	"each a sign from . (few) to @ (all). Grey rows have gone quiet.",
	"Of flows, flags are those of both directions, back are packets of the second",
	"end to the first; packets and bytes are since the record began.",
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
	double seconds = model->window_ns > 0 ? (double)model->window_ns / 1e9 : 1;
	bool flow = model->by == PP_BY_FLOW;
	double all_pps = flow ? model->flow_pps : (double)model->total_pkts / seconds;
	double all_bps = flow ? model->flow_bps : (double)model->total_bytes * 8 / seconds;
	char pps[NUMBER_BYTES], bps[NUMBER_BYTES];

	put(frame, 0, PP_TOP_HEADING,
	    "push-packet top  %s: %s packets/s  %sbit/s  %llu %ss  window %.1fs  %s",
	    model->analyser, shorten(all_pps, pps), shorten(all_bps, bps),
	    (unsigned long long)model->found, pp_top_by_name(model->by),
	    (double)model->window_ns / 1e9, model->title);
}

static const char *pane_name(const struct pp_top_model *model)
{
	static const char *const panes[] = {"sources", "rules", "ledger", "log", "help"};

	return model->pane == PP_TOP_ROWS && model->by == PP_BY_FLOW ? "flows" : panes[model->pane];
}

// The frame rate that was asked for, and what is reached where that is less.
static const char *rate_text(const struct pp_top_model *model, char buf[NUMBER_BYTES])
{
	double reached = model->reached_per_s;

	if (reached > 0 && reached < 0.9 * model->frames_per_s)
		snprintf(buf, NUMBER_BYTES, "%.1f of %u/s", reached, model->frames_per_s);
	else
		snprintf(buf, NUMBER_BYTES, "%u/s", model->frames_per_s);
	return buf;
}

static void put_switches(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	char text[PP_TOP_COLS_MAX + 1], rate[NUMBER_BYTES];
	size_t len = 0;

	for (int i = 0; i < PP_TOP_SWITCHES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s ",
					model->on[i] ? "+" : "-",
					pp_top_switch_name((enum pp_top_switch)i));
	snprintf(text + len, sizeof(text) - len, " take %u  sort %s%s  %s%s  [%s]",
		 model->take_bytes, pp_top_sort_name(model->sort), model->reverse ? " up" : "",
		 rate_text(model, rate), model->mask ? "  masked" : "", pane_name(model));
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
	    pp_top_label_text(model, row->key, label), shorten((double)row->pkts, pkts),
	    shorten((double)row->bytes, bytes), shorten(row->pps, pps), shorten(row->bps, bps),
	    share * 100, sizes, bar);
}

// As tcpdump writes them, of both directions together.
static const char *flags_text(const struct pp_top_row *row, char out[FLAGS_WIDTH + 1])
{
	static const char signs[] = "FSRP.UEW";
	uint8_t flags = row->way[0].tcp_flags | row->way[1].tcp_flags;
	size_t len = 0;

	for (int i = 0; i < FLAGS_WIDTH; i++)
		if (flags >> i & 1)
			out[len++] = signs[i];
	out[len] = '\0';
	return out;
}

// How long it lasts: from its first packet to its last.
static const char *time_text(const struct pp_top_row *row, char buf[NUMBER_BYTES])
{
	double seconds =
		row->last_ns > row->first_ns ? (double)(row->last_ns - row->first_ns) / 1e9 : 0;

	if (seconds < 100)
		snprintf(buf, NUMBER_BYTES, "%.1fs", seconds);
	else if (seconds < 6000)
		snprintf(buf, NUMBER_BYTES, "%.0fm", seconds / 60);
	else
		snprintf(buf, NUMBER_BYTES, "%.0fh", seconds / 3600);
	return buf;
}

// What is seen of a flow in so many columns.
struct flow_columns {
	int key;
	bool all; // beside packets, bytes, bits and flags
	int bar;
};

static struct flow_columns flow_columns(int cols)
{
	struct flow_columns out = {.all = cols >= FLOW_ALL + FLOW_KEY_MIN};
	int room = cols - (out.all ? FLOW_ALL : FLOW_LEAST);

	out.key = room > FLOW_KEY_MAX ? FLOW_KEY_MAX : room;
	out.bar = out.all && room > FLOW_KEY_MAX ? room - FLOW_KEY_MAX : 0;
	return out;
}

// Where the key does not fit, its last sign is a '~'.
static void put_flow_key(const struct pp_top_model *model,
			 const struct pp_top_row *row,
			 int width,
			 char out[PP_TOP_KEY_BYTES])
{
	pp_top_label_text(model, row->key, out);
	if (strlen(out) > (size_t)width) {
		out[width - 1] = '~';
		out[width] = '\0';
	}
}

static void put_flow(const struct pp_top_model *model,
		     struct pp_top_frame *frame,
		     uint32_t line,
		     uint32_t index)
{
	const struct pp_top_row *row = &model->row[index];
	struct flow_columns columns = flow_columns((int)frame->cols);
	enum pp_top_style style = row->gone_ns || row->bps <= 0 ? PP_TOP_DIM : PP_TOP_PLAIN;
	char pkts[NUMBER_BYTES], bytes[NUMBER_BYTES], pps[NUMBER_BYTES], bps[NUMBER_BYTES];
	char key[PP_TOP_KEY_BYTES], back[NUMBER_BYTES], lasts[NUMBER_BYTES], flags[FLAGS_WIDTH + 1];
	char bar[PP_TOP_COLS_MAX + 1];
	double share = share_of(model, row);

	put_flow_key(model, row, columns.key, key);
	shorten((double)row->pkts, pkts);
	shorten((double)row->bytes, bytes);
	shorten(row->bps, bps);
	flags_text(row, flags);
	if (!columns.all) {
		put(frame, line, style, "%-*s%8s%7s%7s %s", columns.key, key, pkts, bytes, bps,
		    flags);
		return;
	}
	memset(bar, '#', sizeof(bar));
	bar[(int)(share * columns.bar + 0.5)] = '\0';
	put(frame, line, style, "%-*s%8s%7s%7s%7s%7s%7s%6.1f%% %-*s %s", columns.key, key, pkts,
	    shorten((double)row->way[1].pkts, back), bytes, shorten(row->pps, pps), bps,
	    time_text(row, lasts), share * 100, FLAGS_WIDTH, flags, bar);
}

static void put_flow_heading(struct pp_top_frame *frame)
{
	struct flow_columns columns = flow_columns((int)frame->cols);

	if (columns.all)
		put(frame, 2, PP_TOP_HEADING, "%-*s%8s%7s%7s%7s%7s%7s%7s flags", columns.key,
		    "flow", "packets", "back", "bytes", "pkt/s", "bit/s", "lasts", "share");
	else
		put(frame, 2, PP_TOP_HEADING, "%-*s%8s%7s%7s flags", columns.key, "flow", "packets",
		    "bytes", "bit/s");
}

static void put_row_heading(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	put(frame, 2, PP_TOP_HEADING, "%-*s%7s%7s%7s%7s%7s sizes", KEY_WIDTH,
	    pp_top_by_name(model->by), "packets", "bytes", "pkt/s", "bit/s", "share");
}

static void put_rows(const struct pp_top_model *model, struct pp_top_frame *frame)
{
	uint32_t room = pp_top_render_room(frame->lines);
	bool flow = model->by == PP_BY_FLOW;

	if (flow)
		put_flow_heading(frame);
	else
		put_row_heading(model, frame);
	for (uint32_t i = 0; i < room && model->scroll + i < model->row_count; i++)
		(flow ? put_flow : put_row)(model, frame, TOP_LINES + i, model->scroll + i);
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
