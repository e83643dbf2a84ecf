// SPDX-License-Identifier: MIT OR Apache-2.0
// An engine of the user's own (tests/engines/exact) in a program that embeds the library: its ops are
// linked, its BPF object is bytes in memory. tests/netns/test_engine_own.py has it in files.
#include "tap_test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/explain.h>

#include "exact.h"

extern const struct pp_engine_ops pp_engine_ops;

static struct pp_engine_own own = {.ops = &pp_engine_ops};
static struct pp_engine engine;

static void setup(void)
{
	const char *path = getenv("PP_EXACT_OBJECT");
	FILE *file;
	long bytes;

	cr_assert_not_null(path, "PP_EXACT_OBJECT is where exact.bpf.o is");
	file = fopen(path, "re");
	cr_assert_not_null(file);
	fseek(file, 0, SEEK_END);
	bytes = ftell(file);
	rewind(file);
	own.object = malloc((size_t)bytes);
	own.object_bytes = fread((void *)own.object, 1, (size_t)bytes, file);
	fclose(file);
	engine = pp_engine_of(&own);
}

static void teardown(void)
{
	close_run();
	free((void *)own.object);
}

TestSuite(engine_own, .init = setup, .fini = teardown, .timeout = 120);

static void open_own(uint8_t cache, const char *rules)
{
	struct pp_error err = {0};

	cr_assert_eq(tap_run_open_with(&run, &engine, cache, rules, &err), 0, "%s", err.text);
}

static void expect(const char *src, const char *dst, uint16_t dport, struct tap_run_fate fate)
{
	packet_udp(&packet, src, dst, 1000, dport);
	expect_fate(0, fate);
}

#define RULES                                                                                      \
	"drop dst 192.0.2.1 proto udp dport 53\n"                                                  \
	"drop dst 2001:db8::1 proto udp dport 53\n"                                                \
	"pass dst 192.0.2.1 proto udp dport 53\n"                                                  \
	"drop dst 192.0.2.1 proto tcp dport 80\n"

Test(engine_own, first_rule_of_a_key_wins_and_beside_it_the_default)
{
	open_own(PP_CACHE_OFF, RULES);
	expect("198.51.100.1", "192.0.2.1", 53, DROPPED(1));
	expect("198.51.100.2", "192.0.2.1", 54, PASSED(0));
	expect("198.51.100.1", "192.0.2.2", 53, PASSED(0));
	expect("2001:db8::9", "2001:db8::1", 53, DROPPED(2));
	expect("2001:db8::9", "2001:db8:0:0:1::1", 53, PASSED(0));
	expect("2001:db8::9", "2001:db8:0:1::1", 53, PASSED(0));
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, "198.51.100.1", "192.0.2.1");
	packet_l4(&packet, IPPROTO_TCP, 1000, 80);
	packet_finish(&packet);
	expect_fate(0, DROPPED(4));
}

Test(engine_own, works_behind_the_verdict_cache)
{
	struct pp_cache_stats s = {0};

	open_own(PP_CACHE_ON, RULES);
	for (int i = 0; i < 3; i++) {
		expect("198.51.100.1", "192.0.2.1", 53, DROPPED(1));
		expect("2001:db8::9", "2001:db8::1", 53, DROPPED(2));
	}
	pp_cache_stats(&run.maps.images.cache, &s);
	cr_expect_eq(s.misses, 2);
	cr_expect_eq(s.hits, 10);
}

Test(engine_own, thousand_rules_each_match_their_packet)
{
	char *rules = malloc(1000 * 64), *end = rules, dst[32];

	for (int i = 0; i < 1000; i++)
		end += sprintf(end, "%s dst 10.0.%d.%d proto udp dport %d\n",
			       i % 2 ? "drop" : "pass", i / 256, i % 256, i + 1);
	open_own(PP_CACHE_OFF, rules);
	for (int i = 0; i < 1000; i += 7) {
		struct tap_run_fate fate = PASSED((uint32_t)i + 1);

		if (i % 2)
			fate = (struct tap_run_fate)DROPPED((uint32_t)i + 1);
		sprintf(dst, "10.0.%d.%d", i / 256, i % 256);
		expect("198.51.100.1", dst, (uint16_t)(i + 1), fate);
		expect("198.51.100.1", dst, (uint16_t)(i + 2), PASSED(0));
	}
	free(rules);
}

Test(engine_own, rule_that_it_cannot_hold_is_refused_by_its_name)
{
	struct pp_ruleset *set = NULL;
	struct pp_error err = {0};
	uint32_t rule_id = 0;

	open_own(PP_CACHE_OFF, RULES);
	cr_assert_eq(tap_run_rules(RULES "drop src 192.0.2.1\n", &set, &err), 0);
	cr_expect_eq(pp_maps_publish(&run.maps, &engine, set, &run.bindings, &rule_id, &err),
		     -EINVAL);
	cr_expect_eq(rule_id, 5);
	cr_expect(strstr(err.text, "rule 5: engine exact matches one destination"), "%s", err.text);
	pp_ruleset_destroy(set);
	expect("198.51.100.1", "192.0.2.1", 53, DROPPED(1));
}

Test(engine_own, explains_as_it_does)
{
	static struct pp_iface_config iface = {.name = "pp0"};
	struct pp_explain_config config = {
		.iface = &iface, .iface_count = 1, .engine = "exact", .own = own};
	struct pp_explain *explain = NULL;
	struct pp_explanation got;
	struct pp_ruleset *set = NULL;
	struct pp_error err = {0};

	cr_assert_eq(tap_run_rules(RULES, &set, &err), 0);
	cr_assert_eq(pp_explain_open(&explain, &config, set, NULL, &err), 0, "%s", err.text);
	packet_udp(&packet, "2001:db8::9", "2001:db8::1", 1000, 53);
	cr_assert_eq(pp_explain_packet(explain, packet.data, packet.len_bytes, &got, &err), 0);
	cr_assert_not_null(got.rule);
	cr_expect_eq(got.rule->id, 2);
	pp_explain_close(explain);
	pp_ruleset_destroy(set);
}

static void expect_unfit(const struct pp_engine_own *what, const char *needle)
{
	struct pp_error err = {0};

	cr_expect_lt(pp_engine_check(what, &err), 0, "nothing wrong, not '%s'", needle);
	cr_expect(strstr(err.text, needle), "'%s' is not in '%s'", needle, err.text);
}

Test(engine_own, halves_that_do_not_fit_are_refused)
{
	struct pp_engine_ops ops = pp_engine_ops;
	struct pp_engine_own other = own;
	char *bytes = malloc(own.object_bytes);
	struct pp_error err = {0};

	cr_expect_eq(pp_engine_check(&own, &err), 0, "%s", err.text);
	other.ops = &ops;
	ops.abi = PP_ENGINE_ABI + 1;
	expect_unfit(&other, "version 3 of the engine interface, and this is version 2");
	ops = pp_engine_ops;
	ops.stats = NULL;
	expect_unfit(&other, "lacks a function");
	ops = pp_engine_ops;
	ops.name = "linear";
	expect_unfit(&other, "built in");
	ops.name = "inexact";
	expect_unfit(&other, "is that of engine exact");
	ops = pp_engine_ops;
	other.object_bytes = 100;
	expect_unfit(&other, "cannot be read");
	memcpy(bytes, own.object, own.object_bytes);
	other = (struct pp_engine_own){&ops, bytes, own.object_bytes, NULL};
	// The version stands in front of the name, which stands there once as data.
	for (size_t i = 8; i + sizeof(EXACT_NAME) < own.object_bytes; i++)
		if (memcmp(bytes + i, EXACT_NAME "\0\0\0", 8) == 0 && bytes[i - 8] == PP_LOAD_ABI)
			bytes[i - 8] = PP_LOAD_ABI + 8;
	expect_unfit(&other, "built for version 13 of the interface");
	free(bytes);
}

// What an engine asks for is looked at before it is believed.
static int compile_odd(void **state,
		       const struct pp_engine_rule *rule,
		       uint32_t count,
		       struct pp_engine_shape *shape,
		       uint32_t *rule_id,
		       struct pp_error *err)
{
	int ret = pp_engine_ops.compile(state, rule, count, shape, rule_id, err);

	shape->body_bytes++;
	return ret;
}

Test(engine_own, body_of_an_odd_size_and_too_many_rules_are_refused)
{
	struct pp_engine_ops ops = pp_engine_ops;
	struct pp_error err = {0};

	engine.ops = &ops;
	ops.compile = compile_odd;
	cr_expect_eq(tap_run_open_with(&run, &engine, PP_CACHE_OFF, RULES, &err), -EPROTO);
	cr_expect(strstr(err.text, "multiple of 64"), "%s", err.text);
	ops = pp_engine_ops;
	ops.rules_max = 3;
	cr_expect_eq(tap_run_open_with(&run, &engine, PP_CACHE_OFF, RULES, &err), -ENOSPC);
	cr_expect(strstr(err.text, "at most 3 rules"), "%s", err.text);
}
