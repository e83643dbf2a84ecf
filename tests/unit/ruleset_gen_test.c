// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ruleset_gen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "rule_gen.h"
#include "ruleset_open.h"
#include <push-packet/classbench.h>
#include <push-packet/trace.h>

static struct pp_rule *make(enum ruleset_kind kind, uint8_t family, uint32_t count, uint64_t seed)
{
	struct ruleset_options options = {kind, family, count, seed};
	struct pp_rule *rule = calloc(count, sizeof(*rule));

	cr_assert_eq(ruleset_gen(&options, rule), 0);
	return rule;
}

// FNV-1a over the text, which no compiler or machine changes.
static uint64_t text_hash(const struct pp_rule *rule, uint32_t count)
{
	uint64_t hash = 0xcbf29ce484222325u;
	char text[PP_RULE_TEXT_BYTES];

	for (uint32_t i = 0; i < count; i++) {
		pp_rule_format(&rule[i], text, sizeof(text));
		for (const char *c = text; *c != '\0'; c++)
			hash = (hash ^ (uint8_t)*c) * 0x100000001b3u;
	}
	return hash;
}

Test(ruleset_gen, same_seed_gives_the_same_rules_on_every_machine)
{
	static const uint64_t want[RULESET_KINDS] = {
		[RULESET_ACL] = 0x4af3b3128f7b326c,
		[RULESET_FW] = 0xdbd25ed982e41a80,
		[RULESET_IPC] = 0x80416a8be645ef30,
		[RULESET_DENSE] = 0x82713d36511ee7e0,
	};

	for (int kind = 0; kind < RULESET_KINDS; kind++) {
		struct pp_rule *rule = make((enum ruleset_kind)kind, PP_FAMILY_NONE, 2000, 7);

		cr_expect_eq(text_hash(rule, 2000), want[kind], "%s: %#llx",
			     ruleset_kind_name((enum ruleset_kind)kind),
			     (unsigned long long)text_hash(rule, 2000));
		free(rule);
	}
}

Test(ruleset_gen, another_seed_gives_other_rules)
{
	struct pp_rule *a = make(RULESET_ACL, PP_FAMILY_IP4, 100, 1);
	struct pp_rule *b = make(RULESET_ACL, PP_FAMILY_IP4, 100, 2);

	cr_assert_neq(text_hash(a, 100), text_hash(b, 100));
	free(a);
	free(b);
}

Test(ruleset_gen, rules_survive_format_and_parse)
{
	for (int kind = 0; kind < RULESET_KINDS; kind++) {
		struct pp_rule *rule = make((enum ruleset_kind)kind, PP_FAMILY_NONE, 2000, 3);

		for (uint32_t i = 0; i < 2000; i++) {
			char text[PP_RULE_TEXT_BYTES];
			struct pp_error err = {0};
			struct pp_rule read;

			pp_rule_format(&rule[i], text, sizeof(text));
			cr_assert_eq(pp_rule_parse(text, &read, &err), 0, "%s: %s", text, err.text);
			cr_assert(rule_gen_same(&rule[i], &read), "%s", text);
		}
		free(rule);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

Test(ruleset_gen, no_two_rules_have_the_same_conditions)
{
	const uint32_t count = 20000;

	for (int kind = 0; kind < RULESET_KINDS; kind++) {
		struct pp_rule *rule = make((enum ruleset_kind)kind, PP_FAMILY_NONE, count, 5);
		char(*line)[PP_CLASSBENCH_LINE_BYTES] = calloc(count, sizeof(*line));

		for (uint32_t i = 0; i < count; i++)
			cr_assert_gt(pp_classbench_format(&rule[i], line[i], sizeof(*line)), 0);
		qsort(line, count, sizeof(*line), by_text);
		// Ports 0-65535 are a condition of dense rules and none in a line.
		for (uint32_t i = 1; kind != RULESET_DENSE && i < count; i++)
			cr_assert_neq(strcmp(line[i - 1], line[i]), 0, "%s", line[i]);
		free(line);
		free(rule);
	}
}

Test(ruleset_gen, largest_sets_can_be_made)
{
	for (int kind = 0; kind < RULESET_KINDS; kind++) {
		free(make((enum ruleset_kind)kind, PP_FAMILY_IP4, RULESET_RULES_MAX, 1));
		free(make((enum ruleset_kind)kind, PP_FAMILY_IP6, RULESET_RULES_MAX, 1));
	}
}

static uint32_t share_of(const struct pp_rule *rule, bool (*is)(const struct pp_rule *rule))
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < 10000; i++)
		count += is(&rule[i]);
	return count / 100;
}

static bool names_two_hosts(const struct pp_rule *rule)
{
	return rule->src.len_bits == 32 && rule->dst.len_bits == 32;
}

static bool names_nobody_on_a_side(const struct pp_rule *rule)
{
	return rule->src.len_bits == 0 || rule->dst.len_bits == 0;
}

static bool names_one_dport(const struct pp_rule *rule)
{
	return rule->dport.set && rule->dport.lo == rule->dport.hi;
}

static bool names_sport(const struct pp_rule *rule)
{
	return rule->sport.set;
}

static bool is_tcp(const struct pp_rule *rule)
{
	return rule->proto == IPPROTO_TCP;
}

static void expect_share(const struct pp_rule *rule,
			 bool (*is)(const struct pp_rule *rule),
			 uint32_t pct,
			 const char *what)
{
	uint32_t share = share_of(rule, is);

	cr_expect(share + 3 >= pct && share <= pct + 3, "%s: %u %%, not %u", what, share, pct);
}

// The shares of acl1_10k, fw1_10k and ipc1_10k.
Test(ruleset_gen, shares_are_those_of_the_public_sets)
{
	struct pp_rule *acl = make(RULESET_ACL, PP_FAMILY_IP4, 10000, 9);
	struct pp_rule *fw = make(RULESET_FW, PP_FAMILY_IP4, 10000, 9);
	struct pp_rule *ipc = make(RULESET_IPC, PP_FAMILY_IP4, 10000, 9);

	expect_share(acl, names_two_hosts, 29, "acl: two hosts");
	expect_share(acl, names_one_dport, 60, "acl: one destination port");
	expect_share(acl, names_sport, 0, "acl: source ports");
	expect_share(acl, is_tcp, 87, "acl: TCP");
	expect_share(fw, names_nobody_on_a_side, 58, "fw: nobody on a side");
	expect_share(fw, names_one_dport, 62, "fw: one destination port");
	expect_share(fw, names_sport, 23, "fw: source ports");
	expect_share(fw, is_tcp, 57, "fw: TCP");
	expect_share(ipc, names_two_hosts, 7, "ipc: two hosts");
	expect_share(ipc, names_sport, 19, "ipc: source ports");
	expect_share(ipc, is_tcp, 27, "ipc: TCP");
	free(acl);
	free(fw);
	free(ipc);
}

Test(ruleset_gen, options_are_read)
{
	static const char *const bad[] = {"",
					  "gen:",
					  "gen:acl:0:1",
					  "gen:acl:131001:1",
					  "gen:acl:10:x",
					  "gen:acl:10:1:",
					  "gen:acl:ip5:10:1",
					  "gen:abc:10:1",
					  "gen:acl:10:1 "};
	struct ruleset_options options;

	cr_assert_eq(ruleset_options_parse("gen:fw:131000:18446744073709551615", &options), 0);
	cr_expect_eq(options.kind, RULESET_FW);
	cr_expect_eq(options.family, PP_FAMILY_IP4);
	cr_expect_eq(options.count, 131000);
	cr_expect_eq(options.seed, UINT64_MAX);
	cr_assert_eq(ruleset_options_parse("gen:dense:both:1:0", &options), 0);
	cr_expect_eq(options.family, PP_FAMILY_NONE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(ruleset_options_parse(bad[i], &options), -EINVAL, "%s", bad[i]);
}

static bool header_matches_any(const struct oracle_packet *header, const struct pp_rule *rule)
{
	for (uint32_t i = 0; i < 300; i++)
		if (oracle_rule_matches(&rule[i], header))
			return true;
	return false;
}

Test(ruleset_gen, headers_lie_inside_of_rules)
{
	struct oracle_packet *header = calloc(5000, sizeof(*header));
	struct pp_trace_options inside = {PP_TRACE_INSIDE, 5000, 0, 4, NULL};
	struct pp_trace_options corners = {PP_TRACE_CORNERS, 5000, 0, 4, NULL};
	struct pp_rule *rule = make(RULESET_IPC, PP_FAMILY_NONE, 300, 2);
	uint32_t outside = 0;

	cr_assert_eq(pp_trace_make(&inside, rule, 300, header), 0);
	for (int i = 0; i < 5000; i++)
		cr_assert(header_matches_any(&header[i], rule));
	cr_assert_eq(pp_trace_make(&corners, rule, 300, header), 0);
	for (int i = 0; i < 5000; i++)
		outside += !header_matches_any(&header[i], rule);
	cr_assert(outside > 500 && outside < 4500, "%u of 5000 outside of all rules", outside);
	free(rule);
	free(header);
}

static int by_header(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct oracle_packet));
}

Test(ruleset_gen, a_trace_has_as_many_flows_as_it_should)
{
	struct oracle_packet *header = calloc(20000, sizeof(*header));
	struct pp_trace_options options = {PP_TRACE_INSIDE, 20000, 1000, 4, NULL};
	struct pp_rule *rule = make(RULESET_FW, PP_FAMILY_NONE, 300, 2);
	uint32_t flows = 1;

	cr_assert_eq(pp_trace_make(&options, rule, 300, header), 0);
	qsort(header, 20000, sizeof(*header), by_header);
	for (int i = 1; i < 20000; i++)
		flows += by_header(&header[i - 1], &header[i]) != 0;
	cr_assert_eq(flows, 1000);
	free(rule);
	free(header);
}
