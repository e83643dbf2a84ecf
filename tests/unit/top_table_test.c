// SPDX-License-Identifier: MIT OR Apache-2.0
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "top_best.h"
#include "top_rows.h"
#include "top_select.h"
#include "top_table.h"

#define SECOND_NS 1000000000ull
#define WINDOW_NS (10 * SECOND_NS)
#define ENTRIES 256u
#define KEYS 5000u

static struct pp_top_table *table;
static struct pp_top_rows rows;
static struct pp_analyser_row seen_row[KEYS];
static struct pp_analyser_top seen = {.row = seen_row};
static uint64_t now_ns;

static void init(void)
{
	cr_assert_eq(pp_top_table_create(&table, ENTRIES, WINDOW_NS), 0);
	now_ns = 1000 * SECOND_NS;
}

static void fini(void)
{
	pp_top_table_destroy(table);
}

TestSuite(top_table, .init = init, .fini = fini);

static struct pp_analyser_key key_of(uint32_t number)
{
	struct pp_analyser_key key = {.by = PP_BY_SOURCE, .family = PP_FAMILY_IP4};

	number = htonl(number);
	memcpy(key.src, &number, sizeof(number));
	return key;
}

static void count(uint32_t number, uint32_t bytes)
{
	struct pp_analyser_key key = key_of(number);

	pp_top_table_count(table, &key, bytes, now_ns, now_ns);
}

static struct pp_top_span span_of(uint32_t bins)
{
	uint64_t now = pp_window_epoch(now_ns, WINDOW_NS);

	return (struct pp_top_span){now - bins, now, WINDOW_NS};
}

static void select_rows(const struct pp_top_table *const tables[],
			uint32_t count,
			uint8_t sort,
			uint32_t limit,
			uint32_t bins)
{
	struct pp_analyser_query query = {.sort = sort, .limit = limit};
	struct pp_top_span span = span_of(bins);

	cr_assert_eq(pp_top_select(tables, count, &span, &query, &seen), 0);
}

// What is in the last so many bins and the one under way.
static uint32_t look(uint32_t bins)
{
	const struct pp_top_table *tables[] = {table};

	select_rows(tables, 1, PP_SORT_BYTES, KEYS, bins);
	cr_assert_eq(seen.found, seen.count);
	return seen.count;
}

static uint64_t other(void)
{
	uint64_t now = pp_window_epoch(now_ns, WINDOW_NS);
	struct pp_window_sum sum = {0};

	pp_top_table_other(table, now - PP_WINDOW_BINS, now, &sum);
	return sum.pkts;
}

static uint64_t pkts_of(uint32_t number)
{
	struct pp_analyser_key key = key_of(number);

	for (uint32_t i = 0; i < seen.count; i++)
		if (pp_top_key_equal(&seen_row[i].key, &key))
			return seen_row[i].pkts;
	return 0;
}

Test(top_table, keys_are_counted_apart_with_bytes_and_sizes)
{
	for (uint32_t i = 0; i < 40; i++)
		for (uint32_t times = 0; times <= i; times++)
			count(i, 60 + i);
	cr_assert_eq(look(PP_WINDOW_BINS), 40);
	for (uint32_t i = 0; i < 40; i++) {
		const struct pp_analyser_row *row = &seen_row[i];
		uint32_t number = (uint32_t)row->pkts - 1;

		cr_expect_eq(pkts_of(number), number + 1);
		cr_expect_eq(row->bytes, (number + 1) * (60ull + number));
		cr_expect_eq(row->size_pkts[number > 4], number + 1);
		cr_expect_eq(row->first_ns, now_ns);
	}
	cr_expect_eq(other(), 0);
}

Test(top_table, packets_leave_the_window_bin_by_bin)
{
	for (uint32_t i = 0; i < 12; i++, now_ns += SECOND_NS)
		count(7, 100);
	now_ns -= SECOND_NS;
	// Ten whole seconds and the one under way: the first packet is out.
	cr_assert_eq(look(PP_WINDOW_BINS), 1);
	cr_expect_eq(pkts_of(7), 11);
	cr_assert_eq(look(3), 1);
	cr_expect_eq(pkts_of(7), 4);
	now_ns += 5 * SECOND_NS;
	look(PP_WINDOW_BINS);
	cr_expect_eq(pkts_of(7), 6);
	now_ns += 100 * SECOND_NS;
	cr_expect_eq(look(PP_WINDOW_BINS), 0);
}

Test(top_table, a_full_table_lacks_no_more_than_other_has)
{
	uint32_t *truth = calloc(KEYS, sizeof(*truth)), state = 1, total = 0;
	uint64_t sum = 0;

	// Sources that come once, and some that begin when the table is full.
	for (uint32_t i = 0; i < 60000; i++, total++) {
		uint32_t number;

		state = state * 1664525 + 1013904223;
		number = i > 20000 && i % 3 == 0 ? 4000 + i % 5 : state >> 8 & 2047;
		truth[number]++;
		count(number, 64);
	}
	look(PP_WINDOW_BINS);
	for (uint32_t i = 0; i < KEYS; i++) {
		cr_assert_leq(pkts_of(i), truth[i], "a row is never too high");
		cr_assert_leq(truth[i] - pkts_of(i), other());
		sum += pkts_of(i);
	}
	cr_expect_eq(sum + other(), total, "nothing is lost");
	cr_expect_leq(seen.count, ENTRIES);
	cr_expect_gt(seen.count, ENTRIES * 9 / 10);
	free(truth);
}

Test(top_table, idle_keys_make_room_for_new_ones)
{
	for (uint32_t i = 0; i < 4 * ENTRIES; i++)
		count(i, 64);
	cr_expect_gt(other(), 0);
	now_ns += 2 * WINDOW_NS;
	for (uint32_t i = 0; i < ENTRIES / 4; i++)
		count(4000 + i, 64);
	cr_expect_eq(other(), 0);
	cr_expect_eq(look(PP_WINDOW_BINS), ENTRIES / 4);
}

static void pick(uint8_t sort, uint32_t limit, struct pp_analyser_top *top)
{
	struct pp_analyser_query query = {.sort = sort, .limit = limit};

	*top = (struct pp_analyser_top){.row = calloc(limit, sizeof(*top->row))};
	pp_top_rows_pick(&rows, &query, top);
}

// Four tables with keys in one, some or all of them, and plain sums beside them.
#define TABLES 4
static struct pp_top_table *made[TABLES];
static struct pp_analyser_row truth[KEYS];
static uint32_t keys;

static void count_in_tables(uint32_t packets)
{
	uint32_t state = 5;

	for (uint32_t i = 0; i < packets; i++) {
		uint32_t at = (state = state * 1664525 + 1013904223) >> 30;
		// The first table has some of the keys only.
		uint32_t number = (state >> 8 & 0xffff) % (at == 0 ? 100 : 3000);
		uint32_t len = 60 + (state >> 4 & 1023);
		struct pp_analyser_row *row = &truth[number];

		now_ns += 1000;
		row->key = key_of(number);
		pp_top_table_count(made[at], &row->key, len, now_ns, now_ns);
		keys += row->pkts == 0;
		row->first_ns = row->first_ns ?: now_ns;
		row->pkts++;
		row->bytes += len;
		row->rate_pps = (double)row->pkts * 1e9 / WINDOW_NS;
		row->rate_bps = (double)row->bytes * 8e9 / WINDOW_NS;
	}
}

static int by_truth(const void *left, const void *right, void *arg)
{
	const struct pp_analyser_row *a = left, *b = right;
	uint8_t sort = *(const uint8_t *)arg;
	double x = pp_top_best_value(a, sort), y = pp_top_best_value(b, sort);

	return x != y ? (x < y) - (x > y) : memcmp(&a->key, &b->key, sizeof(a->key));
}

static void expect_truth(uint8_t sort)
{
	qsort_r(truth, KEYS, sizeof(truth[0]), by_truth, &sort);
	for (uint32_t i = 0; i < seen.count; i++) {
		cr_assert(pp_top_key_equal(&seen_row[i].key, &truth[i].key));
		cr_assert_eq(seen_row[i].pkts, truth[i].pkts);
		cr_assert_eq(seen_row[i].bytes, truth[i].bytes);
		cr_assert_eq(seen_row[i].first_ns, truth[i].first_ns);
		cr_assert_float_eq(seen_row[i].rate_bps, truth[i].rate_bps, 1e-6);
	}
}

Test(top_table, keys_of_several_tables_are_put_together)
{
	const struct pp_top_table *tables[TABLES];

	for (uint32_t i = 0; i < TABLES; i++) {
		// So large that every key finds room.
		uint32_t entries = i == 0 ? 4096 : 65536;

		cr_assert_eq(pp_top_table_create(&made[i], entries, WINDOW_NS), 0);
		tables[i] = made[i];
	}
	count_in_tables(40000);
	for (uint8_t sort = 0; sort < PP_SORT_COUNT; sort++)
		for (uint32_t limit = 1; limit <= KEYS; limit = limit * 4 + 9) {
			select_rows(tables, TABLES, sort, limit, PP_WINDOW_BINS);
			cr_assert_eq(seen.found, keys);
			cr_assert_eq(seen.count, limit < keys ? limit : keys);
			expect_truth(sort);
		}
	for (uint32_t i = 0; i < TABLES; i++)
		pp_top_table_destroy(made[i]);
}

Test(top_table, rows_are_put_together_and_sorted)
{
	struct pp_analyser_top top;
	uint32_t state = 7;

	cr_assert_eq(pp_top_rows_init(&rows, KEYS), 0);
	for (uint32_t i = 0; i < 3 * KEYS; i++) {
		struct pp_analyser_row row = {.key = key_of(i % KEYS)};

		state = state * 1664525 + 1013904223;
		row.pkts = 1 + (state >> 10) % 1000;
		row.bytes = 100 * row.pkts;
		row.first_ns = i;
		row.last_ns = i;
		pp_top_rows_add(&rows, &row);
	}
	for (uint32_t limit = 1; limit <= 2 * KEYS; limit = limit * 5 + 1) {
		pick(PP_SORT_PKTS, limit, &top);
		cr_expect_eq(top.found, KEYS);
		cr_expect_eq(top.count, limit < KEYS ? limit : KEYS);
		for (uint32_t i = 1; i < top.count; i++)
			cr_assert_geq(top.row[i - 1].pkts, top.row[i].pkts);
		for (uint32_t i = 0; i < rows.count; i++)
			cr_assert_leq(rows.row[i].pkts, top.row[0].pkts);
		free(top.row);
	}
	pick(PP_SORT_NEW, 1, &top);
	cr_expect_eq(top.row[0].first_ns, KEYS - 1);
	cr_expect_eq(top.row[0].last_ns, 3 * KEYS - 1);
	free(top.row);
	pp_top_rows_fini(&rows);
}
