// SPDX-License-Identifier: MIT OR Apache-2.0
// What is explained of a packet against the naive oracle: random rule sets, packets at the rules'
// corners, some cut off. A failure prints the seed and the packet.
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <push-packet/explain.h>

#include "oracle_parse.h"
#include "packet.h"

#define SETS 12u
#define RULES_MAX 40u
#define PACKETS_PER_SET 400u
#define RAW_IFACE 2u // as in tap_run.h: it carries raw IP, the others Ethernet

TestSuite(explain, .timeout = 300);

static struct pp_iface_config iface[RULE_GEN_IFACES];
static struct pp_consumer_config consumer[2 * RULE_GEN_CONSUMERS];
static struct packet packet;

static void bind_names(void)
{
	for (uint32_t i = 0; i < RULE_GEN_IFACES; i++)
		strcpy(iface[i].name, rule_gen_iface[i]);
	for (uint32_t i = 0; i < RULE_GEN_CONSUMERS; i++) {
		strcpy(consumer[i].name, rule_gen_copy_consumer[i]);
		consumer[i].kind = PP_CONSUMER_COUNT;
		strcpy(consumer[RULE_GEN_CONSUMERS + i].name, rule_gen_route_consumer[i]);
		consumer[RULE_GEN_CONSUMERS + i].kind = PP_CONSUMER_SINK;
	}
}

static struct pp_ruleset *random_rules(struct rule_gen *gen)
{
	struct pp_ruleset *rules = NULL;
	struct pp_rule rule;

	cr_assert_eq(pp_ruleset_create(&rules), 0);
	cr_assert_eq(rule_gen_put_sets(gen, rules), 0);
	for (uint32_t n = 1 + rule_gen_below(gen, RULES_MAX); n > 0; n--) {
		rule_gen_rule(gen, &rule);
		rule_gen_use_sets(gen, &rule);
		cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	}
	if (rule_gen_below(gen, 2))
		cr_assert_eq(pp_ruleset_set_default(rules, PP_VERDICT_DROP), 0);
	return rules;
}

static uint8_t kind_of(uint32_t in)
{
	return in == RAW_IFACE ? PP_FRAME_RAW_IP : PP_FRAME_ETHERNET;
}

static struct pp_explain *
explain_open(const struct pp_ruleset *rules, int32_t in, uint8_t kind, bool out)
{
	const struct pp_explain_config config = {.iface = iface,
						 .iface_count = RULE_GEN_IFACES,
						 .consumer = consumer,
						 .consumer_count = 2 * RULE_GEN_CONSUMERS,
						 .engine = "auto",
						 .in = in,
						 .frame_kind = kind,
						 .direction =
							 out ? PP_DIRECTION_OUT : PP_DIRECTION_IN};
	struct pp_explain *explain = NULL;
	struct pp_error err = {0};

	cr_assert_eq(pp_explain_open(&explain, &config, rules, NULL, &err), 0, "%s", err.text);
	return explain;
}

// A packet, every third one cut off somewhere.
static void make_packet(struct rule_gen *gen, const struct pp_ruleset *rules, uint32_t in)
{
	struct oracle_packet what;

	rule_gen_packet(gen, rules, &what);
	packet_build(&packet, kind_of(in), &what, gen);
	if (rule_gen_below(gen, 3) == 0)
		packet.len_bytes = rule_gen_below(gen, packet.len_bytes + 1);
}

static bool same_verdict(const struct pp_ruleset *rules,
			 const struct pp_explanation *got,
			 uint32_t rule_id,
			 bool out)
{
	const struct pp_ruleset_entry *entry = pp_ruleset_find(rules, rule_id);

	if (entry == NULL)
		return got->rule == NULL && !got->copy &&
		       got->verdict == (out ? PP_VERDICT_PASS : pp_ruleset_default(rules));
	return got->rule != NULL && got->rule->id == rule_id &&
	       got->verdict == entry->rule.verdict && got->copy == entry->rule.copy;
}

// What was read, written as a rule, matches the packet.
static bool key_matches(const struct pp_explanation *got, const struct oracle_packet *what)
{
	struct pp_rule rule;

	pp_explain_rule_for(got, what->iface, &rule);
	return oracle_rule_matches(&rule, what) && rule.sport.set == what->has_ports &&
	       (rule.family != PP_FAMILY_NONE) == what->is_ip;
}

static bool as_the_oracle_says(const struct pp_ruleset *rules,
			       const struct pp_explanation *got,
			       uint32_t in,
			       bool out)
{
	struct oracle_packet what = {0};
	int reason;

	strcpy(what.iface, rule_gen_iface[in]);
	what.out = out;
	reason = oracle_parse(kind_of(in), packet.data, packet.len_bytes, &what);
	if (reason)
		return got->unparsed == (uint32_t)reason && got->rule == NULL &&
		       got->verdict == PP_VERDICT_PASS && !got->copy;
	return got->unparsed == 0 && same_verdict(rules, got, oracle_match(rules, &what), out) &&
	       key_matches(got, &what);
}

static void judge(struct rule_gen *gen,
		  uint64_t seed,
		  const struct pp_ruleset *rules,
		  struct pp_explain *explain,
		  uint32_t in,
		  bool out)
{
	char hex[400];
	struct pp_explanation got;
	struct pp_error err = {0};
	int ret;

	make_packet(gen, rules, in);
	ret = pp_explain_packet(explain, packet.data, packet.len_bytes, &got, &err);
	packet_hex(packet.data, packet.len_bytes < 190 ? packet.len_bytes : 190, hex, sizeof(hex));
	cr_assert_eq(ret, 0, "seed %llu: %s: %s", (unsigned long long)seed, err.text, hex);
	cr_assert(as_the_oracle_says(rules, &got, in, out), "seed %llu: %s",
		  (unsigned long long)seed, hex);
	if (!out)
		cr_assert_eq(got.too_short, packet.len_bytes < PP_EXPLAIN_BYTES_MIN);
}

Test(explain, agrees_with_the_oracle)
{
	struct rule_gen gen;

	bind_names();
	for (uint64_t seed = 1; seed <= SETS; seed++) {
		uint32_t in = (uint32_t)seed % RULE_GEN_IFACES;
		bool out = seed % 4 == 0;
		struct pp_explain *explain;
		struct pp_ruleset *rules;

		rule_gen_init(&gen, seed);
		rules = random_rules(&gen);
		explain = explain_open(rules, (int32_t)in, kind_of(in), out);
		for (uint32_t i = 0; i < PACKETS_PER_SET; i++)
			judge(&gen, seed, rules, explain, in, out);
		pp_explain_close(explain);
		pp_ruleset_destroy(rules);
	}
}

Test(explain, a_rule_that_names_nothing_is_refused_by_its_id)
{
	const struct pp_explain_config config = {.engine = "auto", .in = PP_EXPLAIN_NO_IFACE};
	struct pp_explain *explain = NULL;
	struct pp_ruleset *rules = NULL;
	struct pp_error err = {0};
	struct pp_rule rule;
	uint32_t rule_id = 0;

	cr_assert_eq(pp_ruleset_create(&rules), 0);
	cr_assert_eq(pp_rule_parse("pass any", &rule, &err), 0);
	cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, &err), 0);
	cr_assert_eq(pp_rule_parse("drop on pp0", &rule, &err), 0);
	cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, &err), 0);
	cr_expect_eq(pp_explain_open(&explain, &config, rules, &rule_id, &err), -EINVAL);
	cr_expect_eq(rule_id, 2);
	cr_expect_str_eq(err.text, "interface 'pp0' is not configured");
	cr_expect_null(explain);
	pp_ruleset_destroy(rules);
}

Test(explain, rules_may_go_once_it_is_open)
{
	struct pp_ruleset *rules = NULL;
	struct pp_explanation got;
	struct pp_explain *explain;
	struct pp_rule rule;

	bind_names();
	cr_assert_eq(pp_ruleset_create(&rules), 0);
	cr_assert_eq(pp_rule_parse("drop proto udp name gone", &rule, NULL), 0);
	cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	explain = explain_open(rules, PP_EXPLAIN_NO_IFACE, PP_FRAME_RAW_IP, false);
	pp_ruleset_destroy(rules);
	packet_begin(&packet, PP_FRAME_RAW_IP);
	packet_ip(&packet, "192.0.2.1", "192.0.2.2");
	packet_l4(&packet, IPPROTO_UDP, 1, 2);
	packet_finish(&packet);
	cr_assert_eq(pp_explain_packet(explain, packet.data, packet.len_bytes, &got, NULL), 0);
	cr_expect_str_eq(got.rule->rule.name, "gone");
	pp_explain_close(explain);
}

// What a rule with options would do to many packets is what it is said to do to each.
Test(explain, a_copy_that_is_sampled_or_limited_is_explained_as_a_copy)
{
	static const char *const texts[] = {"copy sample 1/1000 proto udp",
					    "copy sample flow 1/1000000 then drop proto udp",
					    "copy limit 1/s proto udp"};

	bind_names();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct pp_ruleset *rules = NULL;
		struct pp_explanation got;
		struct pp_explain *explain;
		struct pp_error err = {0};
		struct pp_rule rule;

		cr_assert_eq(pp_rule_parse(texts[i], &rule, NULL), 0);
		cr_assert_eq(pp_ruleset_create(&rules), 0);
		cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
		explain = explain_open(rules, 0, PP_FRAME_ETHERNET, false);
		packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
		for (int n = 0; n < 20; n++) {
			cr_assert_eq(pp_explain_packet(explain, packet.data, packet.len_bytes, &got,
						       &err),
				     0, "%s: %s", texts[i], err.text);
			cr_expect(got.copy && got.rule && got.verdict == rule.verdict);
		}
		pp_explain_close(explain);
		pp_ruleset_destroy(rules);
	}
}

// As in a plane whose program receives and takes copies itself: the program is a consumer there.
Test(explain, consumers_that_are_the_program_are_known)
{
	static const struct pp_consumer_config mine[] = {
		{.name = "mine", .kind = PP_CONSUMER_PROGRAM},
		{.name = "theirs", .kind = PP_CONSUMER_SINK},
	};
	struct pp_explain_config config = {.consumer = mine,
					   .consumer_count = 2,
					   .engine = "auto",
					   .in = PP_EXPLAIN_NO_IFACE,
					   .copy = PP_COPY_RECEIVER,
					   .route = PP_ROUTE_CHANNEL};
	struct pp_explain *explain = NULL;
	struct pp_ruleset *rules = NULL;
	struct pp_explanation got;
	struct pp_error err = {0};
	struct pp_rule rule;

	cr_assert_eq(pp_rule_parse("copy to mine then route proto udp to mine", &rule, &err), 0,
		     "%s", err.text);
	cr_assert_eq(pp_ruleset_create(&rules), 0);
	cr_assert_eq(pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	cr_assert_eq(pp_explain_open(&explain, &config, rules, NULL, &err), 0, "%s", err.text);
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	cr_assert_eq(pp_explain_packet(explain, packet.data, packet.len_bytes, &got, &err), 0, "%s",
		     err.text);
	cr_expect(got.copy && got.rule && got.verdict == PP_VERDICT_ROUTE);
	pp_explain_close(explain);
	config.route = PP_ROUTE_WORKERS;
	cr_expect_eq(pp_explain_open(&explain, &config, rules, NULL, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "'mine' is the program"), "%s", err.text);
	config.route = PP_ROUTE_OFF;
	cr_expect_eq(pp_explain_open(&explain, &config, rules, NULL, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "routing is off"), "%s", err.text);
	pp_ruleset_destroy(rules);
}
