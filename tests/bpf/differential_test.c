// SPDX-License-Identifier: MIT OR Apache-2.0
// The XDP and the tc program, and their parser and matcher built for user space, against the naive ones: random
// rule sets, packets at the rules' corners, whole, cut off and damaged. A failure prints the seed,
// the rules and the packet.
#include "tap_test.h"

#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oracle_parse.h"
#include "parse.h"

#define PACKETS_PER_SET 400u
// A third of the packets are damaged; the header is where it matters.
#define DAMAGED_BYTES 120u

#define SOCKET_IFACE 1u

static uint64_t seen[PP_COUNT_END]; // exits and what moved beside them
static const uint32_t must_see[] = {
	PP_COUNT_PASSED,
	PP_COUNT_DROPPED,
	PP_COUNT_REDIRECTED,
	PP_COUNT_ROUTE_NO_SOCKET,
	PP_COUNT_COPIED,
	PP_COUNT_UNPARSED_VLAN_SHORT,
	PP_COUNT_UNPARSED_IP_SHORT,
	PP_COUNT_UNPARSED_IP_BAD,
	PP_COUNT_UNPARSED_EXT_SHORT,
	PP_COUNT_UNPARSED_L4_SHORT,
};
static uint64_t seen_sent[PP_COUNT_END];
static const uint32_t must_see_sent[] = {PP_COUNT_PASSED, PP_COUNT_DROPPED, PP_COUNT_COPIED,
					 PP_COUNT_UNPARSED_IP_SHORT};

TestSuite(differential, .fini = close_run, .timeout = 300);

static void print_rules(void)
{
	char text[PP_RULE_TEXT_BYTES];

	for (uint32_t i = 0; i < pp_ruleset_count(run.rules); i++) {
		const struct pp_ruleset_entry *entry = pp_ruleset_at(run.rules, i);

		pp_rule_format(&entry->rule, text, sizeof(text));
		fprintf(stderr, "# %4u  %s\n", entry->id, text);
	}
}

static void check(bool holds, uint64_t seed, const char *what)
{
	char hex[2 * PACKET_BYTES_MAX + 1];

	if (holds)
		return;
	print_rules();
	packet_hex(packet.data, packet.len_bytes, hex, sizeof(hex));
	fprintf(stderr, "# seed %llu: %s\n# packet %s\n", (unsigned long long)seed, what, hex);
	cr_assert_fail("seed %llu: %s: %s", (unsigned long long)seed, what, hex);
}

static struct pp_ruleset *random_rules(struct rule_gen *gen, uint32_t count)
{
	struct pp_ruleset *set = NULL;
	struct pp_rule rule;

	cr_assert_eq(pp_ruleset_create(&set), 0);
	cr_assert_eq(rule_gen_put_sets(gen, set), 0);
	for (uint32_t i = 0; i < count; i++) {
		rule_gen_rule(gen, &rule);
		rule_gen_use_sets(gen, &rule);
		cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	}
	if (rule_gen_below(gen, 2))
		cr_assert_eq(pp_ruleset_set_default(set, PP_VERDICT_DROP), 0);
	return set;
}

static void put_in_force(struct pp_ruleset *set)
{
	struct pp_error err = {0};

	cr_assert_eq(tap_run_publish(&run, set, &err), 0, "%s", err.text);
}

static void damage(struct rule_gen *gen)
{
	uint32_t reach = packet.len_bytes < DAMAGED_BYTES ? packet.len_bytes : DAMAGED_BYTES;

	for (uint32_t n = 1 + rule_gen_below(gen, 3); n > 0; n--)
		packet.data[rule_gen_below(gen, reach)] ^= (uint8_t)(1u << rule_gen_below(gen, 8));
	if (rule_gen_below(gen, 2) && packet.len_bytes > ETH_HLEN)
		packet.len_bytes = ETH_HLEN + rule_gen_below(gen, packet.len_bytes - ETH_HLEN);
}

static struct tap_run_fate fate_of(uint32_t iface, uint32_t rule_id)
{
	const struct pp_ruleset_entry *entry = pp_ruleset_find(run.rules, rule_id);
	uint8_t verdict = entry	     ? entry->rule.verdict
			  : run.sent ? PP_VERDICT_PASS
				     : pp_ruleset_default(run.rules);
	struct tap_run_fate fate = PASSED(rule_id);

	if (verdict == PP_VERDICT_DROP)
		fate = DROPPED(rule_id);
	else if (verdict == PP_VERDICT_ROUTE && iface == SOCKET_IFACE)
		fate = (struct tap_run_fate){XDP_REDIRECT, PP_COUNT_REDIRECTED, 0, rule_id};
	else if (verdict == PP_VERDICT_ROUTE)
		fate.exit = PP_COUNT_ROUTE_NO_SOCKET;
	if (entry && entry->rule.copy)
		fate.beside = PP_COUNT_COPIED;
	return fate;
}

static void check_record(uint64_t seed, const struct tap_run_fate *fate)
{
	const struct pp_ruleset_entry *entry = pp_ruleset_find(run.rules, fate->rule_id);
	const struct pp_meta *record = tap_run_record(&run);
	uint32_t cap = entry->rule.take_bytes < packet.len_bytes ? entry->rule.take_bytes
								 : packet.len_bytes;

	check(record && record->rule_id == fate->rule_id &&
		      (record->queue == PP_QUEUE_OUT) == run.sent && record->cap_bytes == cap &&
		      record->len_bytes == packet.len_bytes &&
		      memcmp(record + 1, packet.data, cap) == 0,
	      seed, "record");
}

static void check_user_space(uint64_t seed, uint32_t iface, const struct tap_run_fate *fate)
{
	bool parsed = fate->rule_id != TAP_RUN_UNJUDGED;
	const struct pp_ruleset_entry *entry;
	struct pp_key key;
	int reason;

	reason = pp_parse_packet(tap_run_kind(iface), iface | (run.sent ? PP_IFACE_OUT : 0),
				 packet.data, packet.len_bytes, &key);
	check(reason == (parsed ? 0 : (int)fate->beside), seed, "user space: parser");
	if (!parsed)
		return;
	entry = pp_ruleset_find(run.rules, fate->rule_id);
	if (strcmp(run.engine->ops->name, "linear") != 0)
		return;
	check(tap_run_match(&run, &key) == (entry ? entry->slot : PP_SLOT_DEFAULT), seed,
	      "user space: matcher");
}

// What must become of the packet that was built from made, after damage or without.
static struct tap_run_fate
want(struct rule_gen *gen, uint64_t seed, uint32_t iface, const struct oracle_packet *made)
{
	bool damaged = rule_gen_below(gen, 3) == 0;
	struct oracle_packet read = {0};
	int reason;

	if (damaged)
		damage(gen);
	memcpy(read.iface, made->iface, sizeof(read.iface));
	read.out = made->out;
	reason = oracle_parse(tap_run_kind(iface), packet.data, packet.len_bytes, &read);
	if (!damaged)
		check(reason == 0 && memcmp(made, &read, sizeof(read)) == 0, seed, "builder");
	return reason ? UNPARSED(reason) : fate_of(iface, oracle_match(run.rules, &read));
}

static void judge(struct rule_gen *gen, uint64_t seed)
{
	struct oracle_packet made;
	struct tap_run_fate fate;
	uint32_t iface = 0;

	rule_gen_packet(gen, run.rules, &made);
	while (strcmp(rule_gen_iface[iface], made.iface) != 0)
		iface++;
	packet_build(&packet, tap_run_kind(iface), &made, gen);
	run.sent = made.out;
	if (run.sent && packet.len_bytes > TAP_RUN_SENT_MAX)
		return;
	fate = want(gen, seed, iface, &made);
	check_user_space(seed, iface, &fate);
	for (int frags = run.sent; frags < 2; frags++) {
		const char *differs =
			tap_run_differs(&run, iface, frags, packet.data, packet.len_bytes, &fate);

		check(differs == NULL, seed, differs);
		if (fate.beside == PP_COUNT_COPIED)
			check_record(seed, &fate);
		(run.sent ? seen_sent : seen)[fate.exit]++;
		(run.sent ? seen_sent : seen)[fate.beside]++;
	}
}

// The sum is how the test knows that it saw something: every way out, many times.
static void judge_sets(
	const char *engine, uint8_t cache, uint64_t first_seed, uint32_t sets, uint32_t rules_max)
{
	struct pp_error err = {0};
	struct rule_gen gen;
	int fd = -1;

	cr_assert_eq(tap_run_open_engine(&run, engine, cache, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(tap_run_add_socket(&run, SOCKET_IFACE, 0, &fd), 0);
	for (uint64_t seed = first_seed; seed < first_seed + sets; seed++) {
		rule_gen_init(&gen, seed);
		put_in_force(random_rules(&gen, 1 + rule_gen_below(&gen, rules_max)));
		for (uint32_t i = 0; i < PACKETS_PER_SET; i++)
			judge(&gen, seed);
	}
	close(fd);
	for (uint32_t i = 0; i < sizeof(must_see_sent) / sizeof(must_see_sent[0]); i++)
		cr_expect_geq(seen_sent[must_see_sent[i]], sets, "%s of what is sent: %llu only",
			      pp_ledger_name((enum pp_ledger_column)must_see_sent[i]),
			      (unsigned long long)seen_sent[must_see_sent[i]]);
	for (uint32_t i = 0; i < sizeof(must_see) / sizeof(must_see[0]); i++)
		cr_expect_geq(seen[must_see[i]], sets, "%s: %llu only",
			      pp_ledger_name((enum pp_ledger_column)must_see[i]),
			      (unsigned long long)seen[must_see[i]]);
}

Test(differential, few_rules)
{
	judge_sets("linear", PP_CACHE_OFF, 1000, 100, 4);
}

Test(differential, some_rules)
{
	judge_sets("linear", PP_CACHE_OFF, 2000, 140, 24);
}

Test(differential, many_rules)
{
	judge_sets("linear", PP_CACHE_OFF, 3000, 60, 300);
}

Test(differential, as_many_rules_as_linear_takes)
{
	judge_sets("linear", PP_CACHE_OFF, 4000, 20, PP_LINEAR_RULES_MAX);
}

Test(differential, linear_behind_a_cache)
{
	judge_sets("linear", PP_CACHE_ON, 5000, 60, 24);
}

Test(differential, few_rules_in_tables)
{
	judge_sets("tuple", PP_CACHE_OFF, 6000, 60, 24);
}

Test(differential, many_rules_in_tables)
{
	judge_sets("tuple", PP_CACHE_OFF, 7000, 60, 1000);
}

Test(differential, tables_behind_a_cache)
{
	judge_sets("tuple", PP_CACHE_ON, 8000, 60, 400);
}
