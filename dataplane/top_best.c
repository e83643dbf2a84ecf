// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_best.h"

#include <string.h>

double pp_top_best_value(const struct pp_analyser_row *row, uint8_t sort)
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

// Whether a value and key stand before a row. Equal ones by key, so that the order stays from look to
// look.
static bool comes_before(double value,
			 const struct pp_analyser_key *key,
			 const struct pp_analyser_row *row,
			 uint8_t sort)
{
	double other = pp_top_best_value(row, sort);

	if (value < other || value > other)
		return value > other;
	return memcmp(key, &row->key, sizeof(*key)) < 0;
}

static bool before(const struct pp_analyser_row *a, const struct pp_analyser_row *b, uint8_t sort)
{
	return comes_before(pp_top_best_value(a, sort), &a->key, b, sort);
}

static void swap(struct pp_analyser_row *a, struct pp_analyser_row *b)
{
	struct pp_analyser_row row = *a;

	*a = *b;
	*b = row;
}

// The last of the best so far is on top.
static void sift_down(struct pp_analyser_row *heap, uint32_t count, uint32_t at, uint8_t sort)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= count)
			return;
		if (child + 1 < count && before(&heap[child], &heap[child + 1], sort))
			child++;
		if (before(&heap[child], &heap[at], sort))
			return;
		swap(&heap[at], &heap[child]);
		at = child;
	}
}

static void sift_up(struct pp_analyser_row *heap, uint32_t at, uint8_t sort)
{
	while (at > 0 && before(&heap[(at - 1) / 2], &heap[at], sort)) {
		swap(&heap[(at - 1) / 2], &heap[at]);
		at = (at - 1) / 2;
	}
}

void pp_top_best_init(struct pp_top_best *best,
		      const struct pp_analyser_query *query,
		      struct pp_analyser_top *out)
{
	*best = (struct pp_top_best){.row = out->row, .limit = query->limit, .sort = query->sort};
}

bool pp_top_best_wants(const struct pp_top_best *best,
		       double value,
		       const struct pp_analyser_key *key)
{
	if (best->count < best->limit)
		return true;
	return best->limit > 0 && comes_before(value, key, &best->row[0], best->sort);
}

void pp_top_best_offer(struct pp_top_best *best, const struct pp_analyser_row *row)
{
	if (!pp_top_best_wants(best, pp_top_best_value(row, best->sort), &row->key))
		return;
	if (best->count < best->limit) {
		best->row[best->count++] = *row;
		sift_up(best->row, best->count - 1, best->sort);
		return;
	}
	best->row[0] = *row;
	sift_down(best->row, best->count, 0, best->sort);
}

uint32_t pp_top_best_finish(struct pp_top_best *best)
{
	for (uint32_t n = best->count; n > 1;) {
		swap(&best->row[0], &best->row[--n]);
		sift_down(best->row, n, 0, best->sort);
	}
	return best->count;
}
