// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_rows.h"

#include <errno.h>
#include <stdlib.h>

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

static void merge(struct pp_analyser_row *sum, const struct pp_analyser_row *row)
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
			merge(&rows->row[*index - 1], row);
			return;
		}
	}
}

static double value_of(const struct pp_analyser_row *row, uint8_t sort)
{
	switch (sort) {
	case PP_SORT_PKTS:
		return (double)row->pkts;
	case PP_SORT_RATE:
		return row->rate_pps;
	case PP_SORT_BITS:
		return row->rate_bps;
	case PP_SORT_NEW:
		return (double)row->first_ns;
	default:
		return (double)row->bytes;
	}
}

// Whether a stands before b. Equal ones by key, so that the order stays from look to look.
static bool before(const struct pp_analyser_row *a, const struct pp_analyser_row *b, uint8_t sort)
{
	double x = value_of(a, sort), y = value_of(b, sort);

	if (x < y || x > y)
		return x > y;
	return memcmp(&a->key, &b->key, sizeof(a->key)) < 0;
}

// A heap of the best so far, the last of them on top.
static void sift_down(struct pp_analyser_row *heap, uint32_t count, uint32_t at, uint8_t sort)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		struct pp_analyser_row row;

		if (child >= count)
			return;
		if (child + 1 < count && before(&heap[child], &heap[child + 1], sort))
			child++;
		if (before(&heap[child], &heap[at], sort))
			return;
		row = heap[at];
		heap[at] = heap[child];
		heap[child] = row;
		at = child;
	}
}

void pp_top_rows_pick(struct pp_top_rows *rows,
		      const struct pp_analyser_query *query,
		      struct pp_analyser_top *out)
{
	uint32_t n = rows->count < query->limit ? rows->count : query->limit;
	struct pp_analyser_row row;

	out->found = rows->count;
	out->count = n;
	if (n == 0)
		return;
	memcpy(out->row, rows->row, n * sizeof(row));
	for (uint32_t i = n / 2; i-- > 0;)
		sift_down(out->row, n, i, query->sort);
	for (uint32_t i = n; i < rows->count; i++) {
		if (!before(&rows->row[i], &out->row[0], query->sort))
			continue;
		out->row[0] = rows->row[i];
		sift_down(out->row, n, 0, query->sort);
	}
	while (--n > 0) {
		row = out->row[0];
		out->row[0] = out->row[n];
		out->row[n] = row;
		sift_down(out->row, n, 0, query->sort);
	}
}
