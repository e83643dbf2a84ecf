// SPDX-License-Identifier: MIT OR Apache-2.0
// Which rule a packet gets: edges of prefixes, ports and protocols; interfaces; order; limits.
#include "tap_test.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(match, .fini = close_run);

struct address_case {
	const char *rule;
	const char *addr; // what the rule is about
	bool hit;
};

// A rule about src must not look at dst, nor the other way: the other address never matches.
static void check_addresses(const struct address_case *cases, size_t count, const char *other)
{
	char rule[PP_RULE_TEXT_BYTES];

	open_run(NULL);
	for (size_t i = 0; i < count; i++) {
		snprintf(rule, sizeof(rule), "drop src %s\ndrop prio 0 name d dst %s",
			 cases[i].rule, cases[i].rule);
		use_rules(rule);
		packet_udp(&packet, cases[i].addr, other, 1, 2);
		expect_fate(0, cases[i].hit ? DROPPED(1) : PASSED(0));
		packet_udp(&packet, other, cases[i].addr, 1, 2);
		expect_fate(0, cases[i].hit ? DROPPED(2) : PASSED(0));
	}
}

Test(match, ip4_prefixes_hold_to_their_first_and_last_address)
{
	static const struct address_case cases[] = {
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.1.255", false},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.128/25", "192.0.2.128", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.1/32", "192.0.2.1", true},
		{"192.0.2.1/32", "192.0.2.0", false},
		{"192.0.2.1", "192.0.2.3", false},
		{"192.0.2.0/31", "192.0.2.1", true},
		{"192.0.2.0/31", "192.0.2.2", false},
		{"128.0.0.0/1", "255.255.255.255", true},
		{"128.0.0.0/1", "127.255.255.255", false},
		{"255.255.255.255", "255.255.255.255", true},
		{"0.0.0.0", "0.0.0.0", true},
		{"0.0.0.0", "0.0.0.1", false},
	};

	check_addresses(cases, sizeof(cases) / sizeof(cases[0]), "100.64.0.1");
}

Test(match, ip6_prefixes_hold_to_their_first_and_last_address)
{
	static const struct address_case cases[] = {
		{"2001:db8::/32", "2001:db8::", true},
		{"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"2001:db8::/32", "2001:db9::", false},
		{"2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::/64", "2001:db8:0:1::", false},
		{"2001:db8::/63", "2001:db8:0:1::", true},
		{"2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true},
		{"2001:db8::/65", "2001:db8::8000:0:0:0", false},
		{"2001:db8::1/128", "2001:db8::1", true},
		{"2001:db8::1/128", "2001:db8::", false},
		{"2001:db8::1", "2001:db8::1:1", false},
		{"2001:db8::/127", "2001:db8::1", true},
		{"8000::/1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"8000::/1", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"::", "::", true},
		{"::", "::1", false},
	};

	check_addresses(cases, sizeof(cases) / sizeof(cases[0]), "100::1");
}

Test(match, prefix_of_no_bits_is_its_whole_family_and_no_more)
{
	open_run("drop src 0.0.0.0/0\ndrop src ::/0");
	packet_udp(&packet, "255.255.255.255", "0.0.0.0", 1, 2);
	expect_fate(0, DROPPED(1));
	packet_udp(&packet, "0.0.0.0", "0.0.0.0", 1, 2);
	expect_fate(0, DROPPED(1));
	packet_udp(&packet, "ffff::", "::", 1, 2);
	expect_fate(0, DROPPED(2));
	packet_udp(&packet, "::", "::", 1, 2);
	expect_fate(0, DROPPED(2));
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_next(&packet, ETH_P_ARP);
	packet_payload(&packet, 28);
	expect_fate(0, PASSED(0));
}

// An IPv4 address has the bytes of an IPv6 address that begins with it.
Test(match, families_do_not_mix)
{
	open_run("drop src c000:201::/32\ndrop family ip6\npass src 192.0.2.1");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, PASSED(3));
	packet_udp(&packet, "c000:201::", "::1", 1, 2);
	expect_fate(0, DROPPED(1));
}

struct ports_case {
	const char *ports;
	uint16_t port;
	bool hit;
};

static const struct ports_case ports_cases[] = {
	{"0", 0, true},
	{"0", 1, false},
	{"0", 65535, false},
	{"65535", 65535, true},
	{"65535", 65534, false},
	{"65535", 0, false},
	{"0-65535", 0, true},
	{"0-65535", 65535, true},
	{"1-65534", 0, false},
	{"1-65534", 1, true},
	{"1-65534", 65534, true},
	{"1-65534", 65535, false},
	{"32767-32768", 32766, false},
	{"32767-32768", 32767, true},
	{"32767-32768", 32768, true},
	{"32767-32768", 32769, false},
	{"53", 53, true},
	{"53", 0x3500, false}, // its bytes the other way round
};

Test(match, port_ranges_hold_to_their_ends)
{
	static const char *const addr[][2] = {{"192.0.2.1", "198.51.100.1"},
					      {"2001:db8::1", "2001:db8::2"}};
	char rule[PP_RULE_TEXT_BYTES];

	open_run(NULL);
	for (size_t i = 0; i < sizeof(ports_cases) / sizeof(ports_cases[0]); i++) {
		const struct ports_case *c = &ports_cases[i];

		snprintf(rule, sizeof(rule), "drop sport %s dport 7\ndrop sport 7 dport %s",
			 c->ports, c->ports);
		use_rules(rule);
		for (int family = 0; family < 2; family++) {
			packet_udp(&packet, addr[family][0], addr[family][1], c->port, 7);
			expect_fate(0, c->hit ? DROPPED(1) : PASSED(0));
			packet_udp(&packet, addr[family][0], addr[family][1], 7, c->port);
			expect_fate(0, c->hit ? DROPPED(2) : PASSED(0));
		}
	}
}

static void l4(const char *src, const char *dst, uint8_t proto)
{
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip(&packet, src, dst);
	packet_l4(&packet, proto, 1000, 2000);
	packet_payload(&packet, 40);
	packet_finish(&packet);
}

Test(match, port_conditions_want_a_protocol_that_has_ports)
{
	open_run("drop dport 0-65535");
	for (int proto = 0; proto < 256; proto++) {
		bool ports = proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
			     proto == IPPROTO_SCTP || proto == IPPROTO_UDPLITE;

		l4("192.0.2.1", "198.51.100.1", (uint8_t)proto);
		expect_fate(0, ports ? DROPPED(1) : PASSED(0));
	}
}

Test(match, every_protocol_number_matches_itself_only)
{
	char rules[256 * 16] = "";

	for (int proto = 0; proto < 256; proto++)
		snprintf(rules + strlen(rules), 16, "drop proto %d\n", proto);
	open_run(rules);
	for (int proto = 0; proto < 256; proto++) {
		bool ext = proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
			   proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH ||
			   proto == IPPROTO_FRAGMENT;

		l4("192.0.2.1", "198.51.100.1", (uint8_t)proto);
		expect_fate(0, DROPPED((uint32_t)proto + 1));
		if (ext)
			continue;
		l4("2001:db8::1", "2001:db8::2", (uint8_t)proto);
		expect_fate(0, DROPPED((uint32_t)proto + 1));
	}
}

Test(match, proto_0_is_not_every_protocol_nor_a_frame_without_one)
{
	open_run("drop proto 0");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, PASSED(0));
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_next(&packet, ETH_P_ARP);
	packet_payload(&packet, 28);
	expect_fate(0, PASSED(0));
}

Test(match, on_takes_its_interface_only_and_all_of_it)
{
	open_run("drop on pp1 proto udp\ndrop on pp1\npass on pp0 any");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, PASSED(3));
	expect_fate(1, DROPPED(1));
	expect_fate(TAP_RUN_RAW_IFACE, PASSED(0));
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_next(&packet, ETH_P_ARP);
	packet_payload(&packet, 28);
	expect_fate(0, PASSED(3));
	expect_fate(1, DROPPED(2));
}

Test(match, first_match_wins_by_prio_then_by_insertion)
{
	open_run("pass prio 5 dst 198.51.100.1 name e\n"
		 "drop prio 4 dport 2\n"
		 "pass prio 4 dst 198.51.100.1 name p\n"
		 "drop any prio 1000000\n"
		 "pass sport 1\n"
		 "drop prio 0 sport 9");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, DROPPED(2));
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 3);
	expect_fate(0, PASSED(3));
	packet_udp(&packet, "192.0.2.1", "198.51.100.9", 1, 3);
	expect_fate(0, PASSED(5));
	packet_udp(&packet, "192.0.2.1", "198.51.100.9", 2, 3);
	expect_fate(0, DROPPED(4));
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 9, 2);
	expect_fate(0, DROPPED(6));
}

Test(match, default_action_takes_what_no_rule_does)
{
	open_run("default drop\npass dport 2");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, PASSED(1));
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 3);
	expect_fate(0, DROPPED(0));
	// What cannot be parsed passes all the same: a monitor fails open.
	packet.len_bytes = 20;
	expect_fate(0, UNPARSED(PP_COUNT_UNPARSED_IP_SHORT));
}

Test(match, no_rules_at_all_is_the_default_action)
{
	open_run("");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, PASSED(0));
	packet_udp(&packet, "2001:db8::1", "2001:db8::2", 1, 2);
	expect_fate(0, PASSED(0));
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_payload(&packet, 46);
	expect_fate(0, PASSED(0));
}

// rule: with one %u for the rule's number.
static char *many_rules(const char *rule, uint32_t count)
{
	char *text = calloc(count, 64), *end = text;

	cr_assert_not_null(text);
	for (uint32_t i = 0; i < count; i++)
		end += sprintf(end, rule, i);
	return text;
}

static void check_last_of_1024(const char *rule, const char *src, const char *dst)
{
	char *text = many_rules(rule, PP_LINEAR_RULES_MAX);

	open_run(text);
	free(text);
	for (uint32_t port = 0; port <= PP_LINEAR_RULES_MAX; port += port < 1000 ? 111 : 1) {
		packet_udp(&packet, src, dst, 1, (uint16_t)port);
		expect_fate(0, port < PP_LINEAR_RULES_MAX ? DROPPED(port + 1) : PASSED(0));
	}
}

Test(match, last_of_1024_rules_is_reached_in_ip4)
{
	check_last_of_1024("drop src 192.0.2.0/24 dport %u\n", "192.0.2.9", "198.51.100.1");
}

Test(match, last_of_1024_rules_is_reached_in_ip6)
{
	check_last_of_1024("drop src 2001:db8::/32 dport %u\n", "2001:db8::9", "2001:db8::1");
}

Test(match, last_of_1024_rules_is_reached_by_what_is_not_ip)
{
	char *text = many_rules("drop on pp1 name r%u\n", PP_LINEAR_RULES_MAX - 1);

	strcat(text, "drop on pp0\n");
	open_run(text);
	free(text);
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_payload(&packet, 46);
	expect_fate(0, DROPPED(PP_LINEAR_RULES_MAX));
	expect_fate(1, DROPPED(1));
	packet.data[0] = 0x10;
	expect_fate(TAP_RUN_RAW_IFACE, PASSED(0));
}

Test(match, rule_1025_is_refused_with_a_reason)
{
	char *text = many_rules("drop dport %u\n", PP_LINEAR_RULES_MAX + 1);
	struct pp_error err = {0};

	open_run("pass any");
	cr_expect_eq(tap_run_publish_text(&run, text, &err), -ENOSPC);
	cr_expect_not_null(strstr(err.text, "1,024"), "%s", err.text);
	free(text);
}

Test(match, published_rules_hold_from_the_next_packet_and_keep_counters)
{
	struct pp_ruleset *set = NULL;
	struct pp_error err = {0};
	struct pp_rule rule;
	uint32_t id;

	open_run("drop dport 2\ndrop dport 3");
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 3);
	expect_fate(0, DROPPED(2));
	cr_assert_eq(pp_ruleset_copy(&set, run.rules), 0);
	cr_assert_eq(pp_ruleset_remove(set, 1, &err), 0);
	cr_assert_eq(pp_rule_parse("pass prio 1 dport 3 name n", &rule, &err), 0);
	cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, &id, &err), 0);
	cr_assert_eq(tap_run_publish(&run, set, &err), 0, "%s", err.text);
	cr_expect_eq(id, 3);
	cr_expect_eq(pp_ruleset_find(set, 3)->slot, 3, "the freed slot waits");
	expect_fate(0, PASSED(3));
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, PASSED(0));
	cr_expect_eq(run.before.rule[2].pkts, 2, "those of rule 2, both variants");
}

Test(match, publish_that_fails_leaves_the_old_rules_in_force)
{
	struct pp_ruleset *old, *set = NULL;
	struct pp_error err = {0};
	uint32_t rule_id = 0;

	open_run("drop dport 2");
	old = run.rules;
	cr_assert_eq(tap_run_rules("pass any\ndrop on pp9", &set, &err), 0);
	cr_expect_eq(pp_maps_publish(&run.maps, run.engine, set, &run.bindings, &rule_id, &err),
		     -EINVAL);
	cr_expect_eq(rule_id, 2);
	cr_expect_not_null(strstr(err.text, "pp9"), "%s", err.text);
	pp_ruleset_destroy(set);
	cr_assert_eq(run.rules, old);
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, DROPPED(1));
}

Test(match, program_without_rules_aborts_and_counts)
{
	struct tap_run_fate aborted = {XDP_ABORTED, PP_COUNT_ABORTED, .rule_id = TAP_RUN_UNJUDGED};

	open_run(NULL);
	for (int half = 0; half < 2; half++) {
		const struct pp_images *images = &run.maps.images;
		uint64_t at = PP_IMAGE_HALVES_AT + half * images->layout.half_bytes;

		((struct pp_image_head *)(images->element + at))->generation = 0;
	}
	packet_udp(&packet, "192.0.2.1", "198.51.100.1", 1, 2);
	expect_fate(0, aborted);
}
