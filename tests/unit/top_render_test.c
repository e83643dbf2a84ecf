// SPDX-License-Identifier: MIT OR Apache-2.0
// Frames of `push-packet top`, without a terminal.
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <push-packet/clock.h>

#include "top_render.h"

static struct pp_top_model model;
static struct pp_top_frame frame;

static void init(void)
{
	pp_top_model_init(&model);
	model.analyser = "hist";
	model.title = "eth0";
	model.window_ns = 2000000000;
}

static void fini(void)
{
	pp_top_model_fini(&model);
}

TestSuite(top_render, .init = init, .fini = fini);

static void fill(uint32_t count)
{
	struct pp_top_row *rows = calloc(count, sizeof(*rows));

	for (uint32_t i = 0; i < count; i++) {
		snprintf(rows[i].key, sizeof(rows[i].key), "10.%u.%u.%u", i >> 16, i >> 8 & 255,
			 i & 255);
		rows[i].pkts = i + 1;
		rows[i].bytes = 100 * (i + 1ull);
		rows[i].bps = 400.0 * (i + 1);
		rows[i].pps = (i + 1) / 2.0;
		rows[i].size_pkts[1] = i + 1;
		model.total_pkts += rows[i].pkts;
		model.total_bytes += rows[i].bytes;
	}
	model.found = count;
	cr_assert_eq(pp_top_model_update(&model, rows, count, 1000000000), 0);
	free(rows);
}

Test(top_render, a_row_shows_counts_rates_share_sizes_and_a_bar)
{
	fill(3);
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_str_eq(
		frame.line[0].text,
		"push-packet top  hist: 3 packets/s  2400bit/s  3 sources  window 2.0s  eth0");
	cr_expect_str_eq(frame.line[1].text,
			 "-tcp -udp -icmp +ip4 +ip6  take 96  sort bits  2/s  [sources]");
	cr_expect_str_eq(frame.line[2].text,
			 "source                  packets  bytes  pkt/s  bit/s  share sizes");
	cr_expect_str_eq(
		frame.line[3].text,
		"10.0.0.2                      3    300      2   1200  50.0%  @       ######");
	cr_expect_str_eq(frame.line[5].text,
			 "10.0.0.0                      1    100      0    400  16.7%  @       ##");
	cr_expect_eq(frame.line[0].style, PP_TOP_HEADING);
	cr_expect_eq(frame.line[3].style, PP_TOP_PLAIN);
}

static void one_flow(const char *key)
{
	struct pp_top_row row = {
		.pkts = 14,
		.bytes = 1400,
		.pps = 2,
		.bps = 1600,
		.first_ns = 1000000000,
		.last_ns = 8500000000,
		.way = {{.pkts = 10, .bytes = 1000, .tcp_flags = 0x02},
			{.pkts = 4, .bytes = 400, .tcp_flags = 0x12}},
	};

	snprintf(row.key, sizeof(row.key), "%s", key);
	model.by = PP_BY_FLOW;
	model.total_bytes = 2800;
	model.found = 1;
	cr_assert_eq(pp_top_model_update(&model, &row, 1, 1), 0);
}

Test(top_render, a_flow_shows_as_much_as_there_is_room_for)
{
	one_flow("tcp 192.0.2.100:65535 198.51.100.100:65535");
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_not_null(strstr(frame.line[0].text, " 1 flows "));
	cr_expect_not_null(strstr(frame.line[1].text, "[flows]"));
	cr_expect_str_eq(
		frame.line[2].text,
		"flow                                              packets  bytes  bit/s flags");
	cr_expect_str_eq(
		frame.line[3].text,
		"tcp 192.0.2.100:65535 198.51.100.100:65535             14   1400   1600 S.");
	pp_top_render(&model, 24, 110, &frame);
	cr_expect_str_eq(frame.line[3].text,
			 "tcp 192.0.2.100:65535 198.51.100.100:65535              14      4   1400"
			 "      2   1600   7.5s  50.0% S.       ");
	pp_top_render(&model, 24, 200, &frame);
	cr_expect_eq(strspn(strrchr(frame.line[3].text, ' ') + 1, "#"), 19, "half of 37: %s",
		     frame.line[3].text);
}

Test(top_render, a_flow_that_does_not_fit_is_seen_to_be_cut)
{
	one_flow("tcp [2001:db8:1111:2222:3333:4444:5555:6666]:1 [2001:db8:1111:2222::7777]:2");
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_eq(strncmp(frame.line[3].text,
			     "tcp [2001:db8:1111:2222:3333:4444:5555:6666]:1 [~ ", 50),
		     0, "%s", frame.line[3].text);
	pp_top_render(&model, 24, 200, &frame);
	cr_expect_not_null(strstr(frame.line[3].text, "[2001:db8:1111:2222::7777]:2 "));
}

Test(top_render, a_frame_rate_that_is_not_reached_is_not_shown_as_if_it_were)
{
	model.frames_per_s = 60;
	model.reached_per_s = 41.26;
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_not_null(strstr(frame.line[1].text, " 41.3 of 60/s "), "%s", frame.line[1].text);
	model.reached_per_s = 59.4;
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_not_null(strstr(frame.line[1].text, " 60/s "), "%s", frame.line[1].text);
}

Test(top_render, sizes_are_as_dense_as_they_are_many)
{
	struct pp_top_row row = {.key = "a", .size_pkts = {900, 90, 10, 0, 0, 0, 0, 1000}};

	pp_top_model_update(&model, &row, 1, 1);
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_not_null(strstr(frame.line[3].text, "=..    +"), "%s", frame.line[3].text);
}

Test(top_render, every_pane_fits_every_terminal)
{
	static const uint32_t sizes[][2] = {{24, 80}, {60, 200}, {6, 40}, {1, 1}, {1000, 1000}};

	fill(500);
	model.rule = calloc(1, sizeof(*model.rule));
	model.rule_count = 1;
	memset(model.rule->text, 'x', sizeof(model.rule->text) - 1);
	for (int i = 0; i < 300; i++)
		pp_top_model_log(&model, "a long line %0100d", i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int pane = 0; pane < 2 * PP_TOP_PANES; pane++) {
			model.pane = (enum pp_top_pane)(pane % PP_TOP_PANES);
			model.by = pane < PP_TOP_PANES ? PP_BY_SOURCE : PP_BY_FLOW;
			model.scroll = model.pane == PP_TOP_ROWS ? 499 : 0;
			pp_top_render(&model, sizes[i][0], sizes[i][1], &frame);
			cr_expect_leq(frame.lines, PP_TOP_LINES_MAX);
			for (uint32_t line = 0; line < frame.lines; line++)
				cr_expect_leq(strlen(frame.line[line].text), frame.cols);
		}
}

Test(top_render, losses_stand_out_and_zeros_are_left_out)
{
	model.pane = PP_TOP_LEDGER;
	model.ledger_count = 3;
	model.ledger[0] = (struct pp_top_count){.name = "seen", .value = 12};
	model.ledger[1] = (struct pp_top_count){.name = "dropped"};
	model.ledger[2] = (struct pp_top_count){.name = "copy_ring_full", .value = 5, .base = 2};
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_eq(frame.line[3].style, PP_TOP_PLAIN);
	cr_expect_eq(strncmp(frame.line[4].text, "copy_ring_full", 14), 0);
	cr_expect_eq(frame.line[4].style, PP_TOP_LOSS);
	cr_expect_not_null(strstr(frame.line[4].text, " 3 "));
	cr_expect_str_empty(frame.line[5].text);
}

Test(top_render, large_numbers_stay_in_their_columns)
{
	struct pp_top_row row = {.key = "2001:db8:1111:2222:3333:4444:5555:6666",
				 .pkts = UINT64_MAX,
				 .bytes = UINT64_MAX,
				 .pps = 1e12,
				 .bps = 1e15};

	pp_top_model_update(&model, &row, 1, 1);
	pp_top_render(&model, 24, 80, &frame);
	cr_expect_eq(strncmp(frame.line[3].text, "2001:db8:1111:2222:3333:  ", 25), 0, "%s",
		     frame.line[3].text);
	cr_expect_leq(strlen(frame.line[3].text), 80);
}

// A frame of 100,000 rows takes a fraction of what 30 frames a second leave, also with sanitizers.
Test(top_render, a_hundred_thousand_rows_do_not_slow_it)
{
	uint64_t begin_ns;

	fill(100000);
	begin_ns = pp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < 10; i++)
		pp_top_render(&model, 60, 200, &frame);
	cr_expect_lt(pp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin_ns, 10 * 33000000ull);
}
