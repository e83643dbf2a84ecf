// SPDX-License-Identifier: MIT OR Apache-2.0
// What `push-packet top` keeps: rows, their order, names, masks, keys, rules.
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <push-packet/rule.h>

#include "top_label.h"
#include "top_model.h"
#include "top_press.h"
#include "top_read.h"
#include "top_rules.h"

#define SECOND 1000000000ull
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct pp_top_model model;

static void init(void)
{
	pp_top_model_init(&model);
	model.analyser = "hist";
}

static void fini(void)
{
	pp_top_model_fini(&model);
}

TestSuite(top_model, .init = init, .fini = fini);

static struct pp_top_row row(const char *key, uint64_t pkts, double bps)
{
	struct pp_top_row made = {.pkts = pkts, .bytes = pkts * 100, .bps = bps, .last_ns = 1};

	strcpy(made.key, key);
	return made;
}

static void expect_order(const char *first, const char *second, const char *third)
{
	cr_assert_eq(model.row_count, 3);
	cr_expect_str_eq(model.row[0].key, first);
	cr_expect_str_eq(model.row[1].key, second);
	cr_expect_str_eq(model.row[2].key, third);
}

Test(top_model, rows_are_in_the_order_of_the_column)
{
	const struct pp_top_row rows[] = {row("a", 5, 1), row("b", 3, 9), row("c", 4, 9)};

	cr_assert_eq(pp_top_model_update(&model, rows, 3, SECOND), 0);
	expect_order("b", "c", "a");
	pp_top_press(&model, 'R', 24);
	expect_order("a", "c", "b");
	pp_top_press(&model, 'R', 24);
	model.sort = PP_TOP_BY_PKTS;
	pp_top_model_sort(&model);
	expect_order("a", "c", "b");
	model.sort = PP_TOP_BY_KEY;
	pp_top_model_sort(&model);
	expect_order("a", "b", "c");
}

Test(top_model, row_that_is_gone_stays_for_a_while_behind_the_others_and_may_return)
{
	const struct pp_top_row rows[] = {row("a", 5, 9), row("b", 3, 5), row("c", 4, 1)};

	model.stale_ns = 5 * SECOND;
	pp_top_model_update(&model, rows, 3, 10 * SECOND);
	pp_top_model_update(&model, rows + 1, 2, 11 * SECOND);
	expect_order("b", "c", "a");
	cr_expect_eq(model.row[2].gone_ns, 11 * SECOND);
	cr_expect_eq(model.row[2].bps, 0);
	pp_top_model_update(&model, rows, 3, 12 * SECOND);
	expect_order("a", "b", "c");
	cr_expect_eq(model.row[0].gone_ns, 0);
	pp_top_model_update(&model, rows + 1, 2, 13 * SECOND);
	pp_top_model_update(&model, rows + 1, 2, 18 * SECOND - 1);
	cr_expect_eq(model.row_count, 3);
	pp_top_model_update(&model, rows + 1, 2, 18 * SECOND);
	cr_expect_eq(model.row_count, 2);
	pp_top_model_update(&model, NULL, 0, 30 * SECOND);
	pp_top_model_update(&model, NULL, 0, 40 * SECOND);
	cr_expect_eq(model.row_count, 0);
}

Test(top_model, reset_hides_what_was_seen_before)
{
	struct pp_top_row rows[] = {row("a", 5, 9), row("b", 3, 5)};

	rows[0].last_ns = 100;
	rows[1].last_ns = 200;
	pp_top_model_update(&model, rows, 2, SECOND);
	pp_top_model_reset(&model, 150);
	cr_expect_eq(model.row_count, 0);
	pp_top_model_update(&model, rows, 2, SECOND);
	cr_assert_eq(model.row_count, 1);
	cr_expect_str_eq(model.row[0].key, "b");
}

static const char *label(const char *key)
{
	static char buf[PP_TOP_KEY_BYTES];

	return pp_top_label_text(&model, key, buf);
}

Test(top_model, names_stand_in_place_of_addresses_and_masks_hide_them)
{
	cr_expect_eq(pp_top_label_add_nick(&model, "192.0.2.1=router"), 0);
	cr_expect_eq(pp_top_label_add_nick(&model, "2001:db8::1 \t gate\n"), 0);
	cr_expect_eq(pp_top_label_add_nick(&model, "192.0.2.1"), -EINVAL);
	cr_expect_eq(pp_top_label_add_nick(&model, "=x"), -EINVAL);
	cr_expect_eq(pp_top_label_add_nick(&model, "192.0.2.9=a b"), -EINVAL);
	cr_expect_str_eq(label("192.0.2.1"), "router");
	cr_expect_str_eq(label("2001:db8::1"), "gate");
	cr_expect_str_eq(label("192.0.2.2"), "192.0.2.2");
	model.mask = true;
	cr_expect_str_eq(label("192.0.2.1"), "router");
	cr_expect_str_eq(label("192.0.2.2"), "192.0.x.x");
	cr_expect_str_eq(label("2001:db8:1::2"), "2001:db8::x");
	cr_expect_str_eq(label("::1"), ":::x");
	cr_expect_str_eq(label("udp/53"), "udp/53");
	model.nicks_off = true;
	cr_expect_str_eq(label("192.0.2.1"), "192.0.x.x");
	cr_expect_str_eq(label("a\x1b[2J"), "a?[2J", "a terminal takes no orders from a name");
}

Test(top_model, of_a_flow_both_ends_have_their_names)
{
	cr_expect_eq(pp_top_label_add_nick(&model, "192.0.2.1=router"), 0);
	cr_expect_str_eq(label("udp 192.0.2.1:53 192.0.2.2:1024"), "udp router:53 192.0.2.2:1024");
	model.mask = true;
	cr_expect_str_eq(label("udp 192.0.2.1:53 192.0.2.2:1024"), "udp router:53 192.0.x.x:1024");
	cr_expect_str_eq(label("tcp [2001:db8:1::2]:1 [::1]:65535"),
			 "tcp [2001:db8::x]:1 [:::x]:65535");
	cr_expect_str_eq(label("other none:0 none:0"), "other none:0 none:0");
	model.mask = false;
	cr_expect_str_eq(label("tcp [2001:db8::1]:1 [2001:db8::2]:2"),
			 "tcp [2001:db8::1]:1 [2001:db8::2]:2");
	cr_expect_str_eq(label("udp 192.0.2.1:53 x"), "udp 192.0.2.1:53 x", "no flow");
}

Test(top_model, rates_of_flows_are_of_what_came_since_the_frame_before)
{
	json_t *first = json_pack("{s:{s:i, s:i}}", "total", "pkts", 1000, "bytes", 100000);
	json_t *then = json_pack("{s:{s:i, s:i}}", "total", "pkts", 1400, "bytes", 140000);

	cr_assert_eq(pp_top_read_rows_of(&model, first, SECOND), 0);
	cr_expect_eq(model.flow_pps, 0, "what was there before is no rate");
	cr_assert_eq(pp_top_read_rows_of(&model, then, 3 * SECOND), 0);
	cr_expect_eq(model.flow_pps, 200);
	cr_expect_eq(model.flow_bps, 160000);
	cr_assert_eq(pp_top_read_rows_of(&model, first, 4 * SECOND), 0);
	cr_expect_eq(model.flow_pps, 0, "another analyser");
	json_decref(first);
	json_decref(then);
}

Test(top_model, the_log_keeps_the_last_lines)
{
	for (int i = 0; i < PP_TOP_LOG_LINES + 10; i++)
		pp_top_model_log(&model, "line %d", i);
	cr_expect_str_eq(model.log[(model.log_count - 1) % PP_TOP_LOG_LINES], "line 209");
}

// Every rule that the switches can make is one that the daemon can read.
Test(top_model, switches_make_the_rules_that_they_name)
{
	char text[PP_TOP_RULES_MAX][PP_TOP_RULE_BYTES];

	for (uint32_t set = 0; set < 1u << PP_TOP_SWITCHES; set++) {
		uint32_t protos, families, count;

		for (uint32_t i = 0; i < PP_TOP_SWITCHES; i++)
			model.on[i] = set >> i & 1;
		protos = model.on[PP_TOP_TCP] + model.on[PP_TOP_UDP] + model.on[PP_TOP_ICMP];
		families = model.on[PP_TOP_IP4] + model.on[PP_TOP_IP6];
		count = pp_top_rules_texts(&model, set & 1, text);
		cr_expect_eq(count, protos * families);
		for (uint32_t i = 0; i < count; i++) {
			struct pp_error err = {0};
			struct pp_rule rule;

			cr_assert_eq(pp_rule_parse(text[i], &rule, &err), 0, "%s: %s", text[i],
				     err.text);
			cr_expect_eq(rule.take_bytes, model.take_bytes);
			cr_expect_eq(rule.prio, PP_PRIO_MAX);
			cr_expect_eq(rule.verdict, set & 1 ? PP_VERDICT_DROP : PP_VERDICT_PASS);
			cr_expect_eq(strncmp(rule.name, "top-", 4), 0);
		}
	}
}

Test(top_model, keys_stay_within_their_limits)
{
	for (int i = 0; i < 40; i++)
		pp_top_press(&model, '-', 24);
	cr_expect_geq(model.take_bytes, 64);
	for (int i = 0; i < 40; i++)
		pp_top_press(&model, '+', 24);
	cr_expect_eq(model.take_bytes, 65536);
	for (int i = 0; i < 80; i++)
		pp_top_press(&model, 'f', 24);
	cr_expect_eq(model.frames_per_s, 1);
	for (int i = 0; i < 80; i++)
		pp_top_press(&model, 'F', 24);
	cr_expect_eq(model.frames_per_s, 60);
	for (int i = 0; i < 80; i++)
		pp_top_press(&model, 'w', 24);
	cr_expect_geq(model.want_window_ns, SECOND / 4);
	cr_expect_not(pp_top_press(&model, 'x', 24));
	cr_expect_not(model.quit);
	pp_top_press(&model, 'q', 24);
	cr_expect(model.quit);
}

Test(top_model, scrolling_ends_where_the_rows_end)
{
	static struct pp_top_row rows[100];

	for (int i = 0; i < 100; i++) {
		rows[i] = row("", 1, 1);
		snprintf(rows[i].key, sizeof(rows[i].key), "%03d", i);
	}
	pp_top_model_update(&model, rows, 100, SECOND);
	pp_top_press(&model, PP_TOP_KEY_UP, 24);
	cr_expect_eq(model.scroll, 0);
	pp_top_press(&model, PP_TOP_KEY_PAGE_DOWN, 24);
	cr_expect_eq(model.scroll, 20);
	for (int i = 0; i < 10; i++)
		pp_top_press(&model, PP_TOP_KEY_PAGE_DOWN, 24);
	cr_expect_eq(model.scroll, 80, "24 lines have room for 20 rows");
	pp_top_press(&model, PP_TOP_KEY_HOME, 24);
	cr_expect_eq(model.scroll, 0);
}

Test(top_model, losses_of_the_ledger_are_logged_once)
{
	json_t *first = json_pack("{s:[], s:{s:i, s:i}, s:b}", "rules", "total", "seen", 10,
				  "copy_ring_full", 2, "balanced", 1);
	json_t *then = json_pack("{s:[], s:{s:i, s:i}, s:b}", "rules", "total", "seen", 30,
				 "copy_ring_full", 7, "balanced", 1);

	cr_assert_eq(pp_top_read_stats_of(&model, first, SECOND), 0);
	cr_expect_eq(model.log_count, 0, "what was there before is not news");
	cr_assert_eq(pp_top_read_stats_of(&model, then, 3 * SECOND), 0);
	cr_expect_eq(model.log_count, 1);
	cr_expect_str_eq(model.log[0], "lost: copy_ring_full 5");
	cr_expect_eq(model.ledger[0].per_s, 10);
	cr_assert_eq(pp_top_read_stats_of(&model, then, 4 * SECOND), 0);
	cr_expect_eq(model.log_count, 1);
	json_decref(first);
	json_decref(then);
}

Test(top_model, answers_that_lack_everything_are_empty)
{
	json_t *nothing = json_object(), *odd = json_pack("{s:[s, n, {}]}", "rows", "x");

	cr_expect_eq(pp_top_read_rows_of(&model, nothing, SECOND), 0);
	cr_expect_eq(pp_top_read_stats_of(&model, nothing, SECOND), 0);
	cr_expect_eq(model.row_count, 0);
	cr_expect_eq(pp_top_read_rows_of(&model, odd, SECOND), 0);
	json_decref(nothing);
	json_decref(odd);
}

Test(top_model, what_no_consumer_or_socket_takes_is_lost)
{
	cr_expect(pp_top_is_loss("no_consumer"));
	cr_expect(pp_top_is_loss("copy_no_consumer"));
	cr_expect(pp_top_is_loss("tx_no_socket"));
	cr_expect(pp_top_is_loss("handoff_full"));
	cr_expect_not(pp_top_is_loss("route_no_socket"), "the kernel has it");
	cr_expect_not(pp_top_is_loss("passed"));
}
