// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_tuple.h"

#include <stdlib.h>
#include <string.h>

static uint32_t specificity(const struct pp_tuple_mask *mask, int ip6)
{
	uint32_t addr = (uint32_t)mask->src + mask->dst;

	return (ip6 ? addr / 2 : addr) + mask->sport + mask->dport + (mask->proto ? 3 : 0) +
	       (mask->iface ? 6 : 0);
}

static void order_table(struct pp_tuple_family *family, uint32_t table, uint32_t count)
{
	uint32_t mine = specificity(&family->table[table].mask, family->ip6), at = count;

	for (; at > 0; at--) {
		uint8_t other = family->order[at - 1];

		if (specificity(&family->table[other].mask, family->ip6) >= mine)
			break;
		family->order[at] = other;
	}
	family->order[at] = (uint8_t)table;
}

static void write_table(struct pp_tuple_family *family, uint32_t index)
{
	struct pp_tuple_table *table = pp_tuple_table(family, index);
	uint32_t behind = UINT32_MAX;
	uint64_t addr[4], word;

	if (index + 1 < family->table_count)
		behind = pp_tuple_table(family, index + 1)->best_rank;
	pp_tuple_mask_write(&family->table[index].mask, family->ip6, addr, &word);
	table->word_mask = word;
	table->seed = pp_tuple_random(family->state);
	table->best_rank = behind;
	if (family->ip6) {
		struct pp_tuple_table6 *table6 = (struct pp_tuple_table6 *)table;

		for (int i = 0; i < 4; i++)
			table6->addr_mask[i] = addr[i];
	} else {
		((struct pp_tuple_table4 *)table)->addr_mask = addr[0];
	}
	pp_tuple_touched(family->state, table,
			 family->ip6 ? sizeof(struct pp_tuple_table6)
				     : sizeof(struct pp_tuple_table4));
}

// A table that lost its last rule in a change is as good as a new one, but for the bits it left. While
// compiling, one without rules waits for them.
static int find_empty(const struct pp_tuple_family *family)
{
	if (family->state->touch == NULL)
		return -1;
	for (uint32_t i = 0; i < family->table_count; i++)
		if (family->table[i].entries == 0)
			return (int)i;
	return -1;
}

// @return  The table; -1: there is none left.
int pp_tuple_table_new(struct pp_tuple_family *family, const struct pp_tuple_mask *mask)
{
	int table = find_empty(family);
	uint32_t others = 0;

	if (table < 0) {
		if (family->table_count == PP_TUPLE_TABLES)
			return -1;
		table = (int)family->table_count++;
	}
	family->table[table].mask = *mask;
	write_table(family, (uint32_t)table);
	for (uint32_t i = 0; i + 1 < family->table_count; i++)
		if (family->order[i] != table)
			family->order[others++] = family->order[i];
	order_table(family, (uint32_t)table, others);
	return table;
}

// All tables in front have it behind them.
void pp_tuple_table_rank(struct pp_tuple_family *family, uint32_t table, uint32_t rank)
{
	for (uint32_t i = table + 1; i-- > 0;) {
		struct pp_tuple_table *at = pp_tuple_table(family, i);

		if (at->best_rank <= rank)
			return;
		at->best_rank = rank;
		pp_tuple_touched(family->state, at, sizeof(*at));
	}
}

struct ranked {
	uint32_t rank;
	uint32_t table;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static void move_tables(struct pp_tuple_family *family, const struct ranked ranked[])
{
	struct pp_tuple_table6 copy[PP_TUPLE_BITS];
	struct pp_tuple_table_state states[PP_TUPLE_BITS];
	uint8_t to[PP_TUPLE_BITS];
	uint64_t bytes =
		family->ip6 ? sizeof(struct pp_tuple_table6) : sizeof(struct pp_tuple_table4);

	memcpy(states, family->table, sizeof(states));
	for (uint32_t i = 0; i < family->table_count; i++)
		memcpy(&copy[i], pp_tuple_table(family, i), bytes);
	for (uint32_t i = 0; i < family->table_count; i++) {
		uint32_t from = ranked[i].table;

		to[from] = (uint8_t)i;
		family->table[i] = states[from];
		memcpy(pp_tuple_table(family, i), &copy[from], bytes);
		pp_tuple_table(family, i)->best_rank = UINT32_MAX;
	}
	for (uint32_t i = 0; i < family->table_count; i++)
		family->order[i] = to[family->order[i]];
	for (uint32_t i = 0; i < family->entry_end; i++)
		if (family->entry[i].units > 0)
			family->entry[i].table = to[family->entry[i].table];
}

// Only before bits are set: they go by tables.
void pp_tuple_tables_sort(struct pp_tuple_family *family)
{
	struct ranked ranked[PP_TUPLE_BITS];

	for (uint32_t i = 0; i < family->table_count; i++)
		ranked[i] = (struct ranked){.rank = UINT32_MAX, .table = i};
	for (uint32_t i = 0; i < family->entry_end; i++) {
		struct ranked *of = &ranked[family->entry[i].table];

		if (family->entry[i].units > 0 && pp_tuple_rule(family, i)->rank < of->rank)
			of->rank = pp_tuple_rule(family, i)->rank;
	}
	qsort(ranked, family->table_count, sizeof(ranked[0]), by_rank);
	move_tables(family, ranked);
	for (uint32_t i = 0; i < family->table_count; i++)
		if (ranked[i].rank != UINT32_MAX)
			pp_tuple_table_rank(family, i, ranked[i].rank);
}
