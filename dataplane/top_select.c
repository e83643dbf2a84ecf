// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_select.h"

#include <errno.h>
#include <stdlib.h>

#include "top_best.h"
#include "top_rows.h"

#define WORD_BITS 64

struct walk {
	const struct pp_top_table *const *table;
	uint32_t count;
	const struct pp_top_span *span;
	struct pp_top_best best;
	uint32_t found;
	// Entries that were put to the same key in a table before; bits, by table, then by slot. NULL:
	// there is one table.
	uint64_t *seen;
	size_t words; // of a table
};

static int init_seen(struct walk *walk)
{
	if (walk->count < 2)
		return 0;
	for (uint32_t i = 0; i < walk->count; i++) {
		// Not slots(): a table that is empty may get its first entry at any moment.
		size_t words = pp_top_table_room(walk->table[i]) / WORD_BITS + 1;

		walk->words = words > walk->words ? words : walk->words;
	}
	walk->seen = calloc(walk->count * walk->words, sizeof(*walk->seen));
	return walk->seen == NULL ? -ENOMEM : 0;
}

static uint64_t *word_of(const struct walk *walk, uint32_t table, uint32_t slot)
{
	return &walk->seen[table * walk->words + slot / WORD_BITS];
}

static bool is_seen(const struct walk *walk, uint32_t table, uint32_t slot)
{
	return walk->seen != NULL && *word_of(walk, table, slot) >> slot % WORD_BITS & 1;
}

static bool peek(const struct walk *walk, uint32_t table, uint32_t slot, struct pp_top_peek *out)
{
	bool pkts = walk->best.sort == PP_SORT_PKTS || walk->best.sort == PP_SORT_RATE;

	return pp_top_table_peek(walk->table[table], slot, walk->span->first, walk->span->now, pkts,
				 out);
}

// Add what the tables behind have of the same key. They need not be asked for it again.
static void add_others(struct walk *walk, uint32_t table, struct pp_top_peek *sum)
{
	for (uint32_t i = table + 1; i < walk->count; i++) {
		uint32_t slot = pp_top_table_find(walk->table[i], &sum->key);
		struct pp_top_peek more;

		if (slot == PP_TOP_NO_SLOT || !peek(walk, i, slot, &more) ||
		    !pp_top_key_equal(&more.key, &sum->key))
			continue;
		*word_of(walk, i, slot) |= 1ull << slot % WORD_BITS;
		sum->bytes += more.bytes;
		sum->pkts += more.pkts;
		if (more.first_ns < sum->first_ns)
			sum->first_ns = more.first_ns;
	}
}

static void set_rates(struct pp_analyser_row *row, uint64_t ns)
{
	row->rate_pps = (double)row->pkts * 1e9 / (double)ns;
	row->rate_bps = (double)row->bytes * 8e9 / (double)ns;
}

// As pp_top_best_value() of the whole row.
static double value_of(const struct walk *walk, const struct pp_top_peek *peek)
{
	struct pp_analyser_row row;

	row.bytes = peek->bytes;
	row.pkts = peek->pkts;
	row.first_ns = peek->first_ns;
	set_rates(&row, walk->span->ns);
	return pp_top_best_value(&row, walk->best.sort);
}

static void keep(struct walk *walk, uint32_t table, const struct pp_analyser_key *key)
{
	const struct pp_top_span *span = walk->span;
	struct pp_analyser_row sum, row;
	bool any = false;

	for (uint32_t i = table; i < walk->count; i++) {
		uint32_t slot = pp_top_table_find(walk->table[i], key);

		if (slot == PP_TOP_NO_SLOT ||
		    !pp_top_table_row(walk->table[i], slot, span->first, span->now, &row) ||
		    !pp_top_key_equal(&row.key, key))
			continue;
		if (any)
			pp_top_rows_merge(&sum, &row);
		else
			sum = row;
		any = true;
	}
	if (!any)
		return;
	set_rates(&sum, span->ns);
	pp_top_best_offer(&walk->best, &sum);
}

static void visit(struct walk *walk, uint32_t table, uint32_t slot)
{
	struct pp_top_peek sum;

	if (is_seen(walk, table, slot) || !peek(walk, table, slot, &sum))
		return;
	add_others(walk, table, &sum);
	walk->found++;
	if (pp_top_best_wants(&walk->best, value_of(walk, &sum), &sum.key))
		keep(walk, table, &sum.key);
}

int pp_top_select(const struct pp_top_table *const table[],
		  uint32_t count,
		  const struct pp_top_span *span,
		  const struct pp_analyser_query *query,
		  struct pp_analyser_top *out)
{
	struct walk walk = {.table = table, .count = count, .span = span};
	int ret = init_seen(&walk);

	if (ret < 0)
		return ret;
	pp_top_best_init(&walk.best, query, out);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t slot = 0, n = pp_top_table_slots(table[i]); slot < n; slot++) {
			pp_top_table_prefetch(table[i], slot);
			visit(&walk, i, slot);
		}
	out->count = pp_top_best_finish(&walk.best);
	out->found = walk.found;
	free(walk.seen);
	return 0;
}
