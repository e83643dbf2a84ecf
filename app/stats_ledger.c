// SPDX-License-Identifier: MIT OR Apache-2.0
#include "stats_ledger.h"

#include <stdbool.h>
#include <stdint.h>

#include <push-packet/ledger.h>

#include "table_text.h"

// More queues side by side than this do not fit a terminal.
#define QUEUES_ACROSS 3
// With more than this, idle ones are left out.
#define QUEUES_ALL 8
#define QUEUES_MAX 1024

struct row {
	enum pp_ledger_column column;
	bool always; // also when it is 0
};

struct group {
	const char *title;
	struct row row[16]; // ends with PP_LEDGER_COLUMNS
};

static const struct group groups[] = {
	{"kernel verdicts",
	 {{PP_LEDGER_SEEN, true},
	  {PP_LEDGER_PASSED, true},
	  {PP_LEDGER_DROPPED, true},
	  {PP_LEDGER_REDIRECTED, true},
	  {PP_LEDGER_ROUTE_NO_SOCKET, false},
	  {PP_LEDGER_ROUTE_NO_META, false},
	  {PP_LEDGER_ABORTED, false},
	  {PP_LEDGER_SEEN_BYTES, true},
	  {PP_LEDGER_COLUMNS, false}}},
	{"of passed, not parsed",
	 {{PP_LEDGER_UNPARSED_ETH_SHORT, false},
	  {PP_LEDGER_UNPARSED_VLAN_SHORT, false},
	  {PP_LEDGER_UNPARSED_VLAN_DEEP, false},
	  {PP_LEDGER_UNPARSED_IP_SHORT, false},
	  {PP_LEDGER_UNPARSED_IP_BAD, false},
	  {PP_LEDGER_UNPARSED_EXT_SHORT, false},
	  {PP_LEDGER_UNPARSED_EXT_DEEP, false},
	  {PP_LEDGER_UNPARSED_L4_SHORT, false},
	  {PP_LEDGER_COLUMNS, false}}},
	{"AF_XDP, of redirected",
	 {{PP_LEDGER_XSK_RX, true},
	  {PP_LEDGER_NO_FRAME, false},
	  {PP_LEDGER_TOO_LONG, false},
	  {PP_LEDGER_RX_RING_FULL, false},
	  {PP_LEDGER_RX_BAD_FILL, false},
	  {PP_LEDGER_TX_BAD_DESC, false},
	  {PP_LEDGER_COLUMNS, false}}},
	{"workers, of xsk_rx",
	 {{PP_LEDGER_SINK, true},
	  {PP_LEDGER_REFLECTED, true},
	  {PP_LEDGER_TO_PROGRAM, false},
	  {PP_LEDGER_HANDED_OFF, true},
	  {PP_LEDGER_HANDOFF_FULL, false},
	  {PP_LEDGER_TX_RING_FULL, false},
	  {PP_LEDGER_TX_BAD, false},
	  {PP_LEDGER_NO_CONSUMER, false},
	  {PP_LEDGER_ANALYSED, false},
	  {PP_LEDGER_TX_COMPLETED, false},
	  {PP_LEDGER_COLUMNS, false}}},
	{"copies",
	 {{PP_LEDGER_COPIED, true},
	  {PP_LEDGER_COPY_RING_FULL, false},
	  {PP_LEDGER_COPY_NO_RING, false},
	  {PP_LEDGER_COPY_TOO_LONG, false},
	  {PP_LEDGER_RING_READ, true},
	  {PP_LEDGER_COPY_NO_CONSUMER, false},
	  {PP_LEDGER_COPY_TO_PROGRAM, false},
	  {PP_LEDGER_COPY_HANDED_OFF, true},
	  {PP_LEDGER_COPY_HANDOFF_FULL, false},
	  {PP_LEDGER_COPY_ANALYSED, true},
	  {PP_LEDGER_COLUMNS, false}}},
};

// The ledgers that get a column of their own.
struct columns {
	const json_t *queue[QUEUES_MAX];
	uint32_t count;
	const json_t *all; // "queues"
};

static int64_t value_of(const json_t *queue, enum pp_ledger_column column)
{
	return json_integer_value(
		json_object_get(json_object_get(queue, "ledger"), pp_ledger_name(column)));
}

static int64_t total_of(const struct columns *columns, enum pp_ledger_column column)
{
	int64_t total = 0;
	json_t *queue;
	size_t i;

	json_array_foreach(columns->all, i, queue) total += value_of(queue, column);
	return total;
}

// Queues beyond those known at the start, and with many queues the idle ones, are left out as
// long as nothing came in on them.
static void choose(struct columns *columns)
{
	bool many = json_array_size(columns->all) > QUEUES_ALL + 1;
	json_t *queue;
	size_t i;

	json_array_foreach(columns->all, i, queue)
	{
		bool beyond = json_is_null(json_object_get(queue, "queue"));

		if (columns->count < QUEUES_MAX &&
		    ((!many && !beyond) || value_of(queue, PP_LEDGER_SEEN)))
			columns->queue[columns->count++] = queue;
	}
}

static void print_row(const struct columns *columns,
		      uint32_t first,
		      uint32_t end,
		      enum pp_ledger_column column,
		      FILE *out)
{
	char buf[PP_TABLE_NUMBER_BYTES];

	fprintf(out, "    %-20s", pp_ledger_name(column));
	for (uint32_t i = first; i < end; i++)
		fprintf(out, " %16s", pp_table_number(value_of(columns->queue[i], column), buf));
	fprintf(out, " %16s\n", pp_table_number(total_of(columns, column), buf));
}

static void print_group(const struct columns *columns,
			uint32_t first,
			uint32_t end,
			const struct group *group,
			FILE *out)
{
	bool titled = false;

	for (const struct row *row = group->row; row->column != PP_LEDGER_COLUMNS; row++) {
		if (!row->always && !total_of(columns, row->column))
			continue;
		if (!titled)
			fprintf(out, "  %s\n", group->title);
		titled = true;
		print_row(columns, first, end, row->column, out);
	}
}

static void print_head(const struct columns *columns, uint32_t first, uint32_t end, FILE *out)
{
	char name[32];

	fprintf(out, "%24s", "");
	for (uint32_t i = first; i < end; i++) {
		const json_t *queue = json_object_get(columns->queue[i], "queue");

		if (json_is_null(queue))
			snprintf(name, sizeof(name), "other queues");
		else
			snprintf(name, sizeof(name), "queue %d", (int)json_integer_value(queue));
		fprintf(out, " %16s", name);
	}
	fprintf(out, " %16s\n", "total");
}

void pp_stats_ledger_print(const json_t *iface, FILE *out)
{
	struct columns columns = {.all = json_object_get(iface, "queues")};
	uint32_t first = 0, end;

	choose(&columns);
	do {
		end = first + QUEUES_ACROSS < columns.count ? first + QUEUES_ACROSS : columns.count;
		print_head(&columns, first, end, out);
		for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
			print_group(&columns, first, end, &groups[i], out);
		first = end;
	} while (first < columns.count);
}
