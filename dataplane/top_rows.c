// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_rows.h"

#include <errno.h>
#include <stdlib.h>

#include "top_best.h"

int pp_top_rows_init(struct pp_top_rows *rows, uint32_t room)
{
	uint32_t slots = 64;

	while (slots < 2 * room)
		slots *= 2;
	*rows = (struct pp_top_rows){.room = room, .mask = slots - 1};
	pp_top_seed_init(&rows->seed);
	rows->row = malloc((room ?: 1) * sizeof(*rows->row));
	rows->index = calloc(slots, sizeof(*rows->index));
	if (rows->row != NULL && rows->index != NULL)
		return 0;
	pp_top_rows_fini(rows);
	return -ENOMEM;
}

void pp_top_rows_fini(struct pp_top_rows *rows)
{
	free(rows->index);
	free(rows->row);
	rows->index = NULL;
	rows->row = NULL;
}

void pp_top_rows_merge(struct pp_analyser_row *sum, const struct pp_analyser_row *row)
{
	sum->pkts += row->pkts;
	sum->bytes += row->bytes;
	sum->rate_pps += row->rate_pps;
	sum->rate_bps += row->rate_bps;
	sum->error_pkts += row->error_pkts;
	for (int i = 0; i < PP_SIZE_BUCKETS; i++)
		sum->size_pkts[i] += row->size_pkts[i];
	if (row->first_ns < sum->first_ns) {
		sum->first_ns = row->first_ns;
		sum->turned = row->turned;
	}
	if (row->last_ns > sum->last_ns)
		sum->last_ns = row->last_ns;
	for (int i = 0; i < 2; i++) {
		sum->way[i].pkts += row->way[i].pkts;
		sum->way[i].bytes += row->way[i].bytes;
		sum->way[i].tcp_flags |= row->way[i].tcp_flags;
	}
}

void pp_top_rows_add(void *arg, const struct pp_analyser_row *row)
{
	struct pp_top_rows *rows = arg;
	uint64_t at = pp_top_hash(&rows->seed, &row->key);

	for (;; at++) {
		uint32_t *index = &rows->index[at & rows->mask];

		if (*index == 0) {
			if (rows->count == rows->room)
				return;
			rows->row[rows->count++] = *row;
			*index = rows->count;
			return;
		}
		if (pp_top_key_equal(&rows->row[*index - 1].key, &row->key)) {
			pp_top_rows_merge(&rows->row[*index - 1], row);
			return;
		}
	}
}

bool pp_top_rows_has(const struct pp_top_rows *rows, const struct pp_analyser_key *key)
{
	for (uint64_t at = pp_top_hash(&rows->seed, key);; at++) {
		uint32_t index = rows->index[at & rows->mask];

		if (index == 0 || pp_top_key_equal(&rows->row[index - 1].key, key))
			return index != 0;
	}
}

void pp_top_rows_pick(struct pp_top_rows *rows,
		      const struct pp_analyser_query *query,
		      struct pp_analyser_top *out)
{
	struct pp_top_best best;

	pp_top_best_init(&best, query, out);
	for (uint32_t i = 0; i < rows->count; i++)
		pp_top_best_offer(&best, &rows->row[i]);
	out->found = rows->count;
	out->count = pp_top_best_finish(&best);
}
