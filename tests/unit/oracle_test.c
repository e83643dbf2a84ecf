// SPDX-License-Identifier: MIT OR Apache-2.0
// The judge is judged by hand-worked cases, and by whether the generator shows it enough.
#include "oracle.h"

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "rule_gen.h"

static struct oracle_packet ip_packet(const char *src, const char *dst, uint8_t proto)
{
	struct oracle_packet packet = {.is_ip = true, .proto = proto, .iface = "pp0"};
	bool ip6 = strchr(src, ':') != NULL;

	packet.family = ip6 ? PP_FAMILY_IP6 : PP_FAMILY_IP4;
	cr_assert_eq(inet_pton(ip6 ? AF_INET6 : AF_INET, src, packet.src), 1);
	cr_assert_eq(inet_pton(ip6 ? AF_INET6 : AF_INET, dst, packet.dst), 1);
	return packet;
}

static struct oracle_packet udp(const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	struct oracle_packet packet = ip_packet(src, dst, IPPROTO_UDP);

	packet.has_ports = true;
	packet.sport = sport;
	packet.dport = dport;
	return packet;
}

static bool matches(const char *text, const struct oracle_packet *packet)
{
	struct pp_rule rule;
	struct pp_error err = {0};

	cr_assert_eq(pp_rule_parse(text, &rule, &err), 0, "'%s': %s", text, err.text);
	return oracle_rule_matches(&rule, packet);
}

Test(oracle, prefixes_match_to_their_last_bit)
{
	struct oracle_packet low = udp("192.0.2.0", "203.0.113.127", 1, 2);
	struct oracle_packet high = udp("192.0.2.255", "203.0.113.128", 1, 2);
	struct oracle_packet ip6 = udp("2001:db8::ffff", "2001:db8:0:1::", 1, 2);

	cr_expect(matches("drop src 192.0.2.0/24", &low));
	cr_expect(matches("drop src 192.0.2.0/24", &high));
	cr_expect_not(matches("drop src 192.0.3.0/24", &high));
	cr_expect(matches("drop src 192.0.2.0", &low));
	cr_expect_not(matches("drop src 192.0.2.1", &low));
	cr_expect(matches("drop dst 203.0.113.0/25", &low));
	cr_expect_not(matches("drop dst 203.0.113.0/25", &high));
	cr_expect(matches("drop dst 0.0.0.0/0", &low));
	cr_expect_not(matches("drop dst 0.0.0.0/0", &ip6));
	cr_expect(matches("drop dst ::/0", &ip6));
	cr_expect(matches("drop dst 2001:db8::/63", &ip6));
	cr_expect_not(matches("drop dst 2001:db8::/64", &ip6));
	cr_expect(matches("drop src 2001:db8::fffe/127", &ip6));
	cr_expect_not(matches("drop src 2001:db8::fffe", &ip6));
}

Test(oracle, port_ranges_are_inclusive_and_want_ports)
{
	struct oracle_packet packet = udp("192.0.2.1", "192.0.2.2", 0, 65535);
	struct oracle_packet later_fragment = ip_packet("192.0.2.1", "192.0.2.2", IPPROTO_UDP);

	cr_expect(matches("drop sport 0", &packet));
	cr_expect(matches("drop sport 0-65535", &packet));
	cr_expect_not(matches("drop sport 1-65535", &packet));
	cr_expect(matches("drop dport 65534-65535", &packet));
	cr_expect_not(matches("drop dport 0-65534", &packet));
	cr_expect_not(matches("drop sport 0", &later_fragment));
	cr_expect_not(matches("drop dport 0-65535", &later_fragment));
	cr_expect(matches("drop proto udp", &later_fragment));
	cr_expect_not(matches("drop proto tcp", &later_fragment));
}

Test(oracle, frames_that_are_not_ip_match_any_and_on_only)
{
	struct oracle_packet arp = {.iface = "pp1"};

	cr_expect(matches("drop any", &arp));
	cr_expect(matches("drop any on pp1", &arp));
	cr_expect(matches("drop on pp1", &arp));
	cr_expect_not(matches("drop on pp10", &arp));
	cr_expect_not(matches("drop any on pp0", &arp));
	cr_expect_not(matches("drop proto 0", &arp));
	cr_expect_not(matches("drop family ip4", &arp));
	cr_expect_not(matches("drop src 0.0.0.0/0", &arp));
	cr_expect_not(matches("drop on pp1 sport 0", &arp));
}

Test(oracle, the_first_matching_rule_wins)
{
	static const char *const rules[] = {
		"pass any prio 2000",
		"drop proto udp",
		"drop src 192.0.2.0/24",
		"pass dport 53 prio 1",
	};
	struct oracle_packet dns = udp("192.0.2.1", "192.0.2.2", 9, 53);
	struct oracle_packet other = udp("192.0.2.1", "192.0.2.2", 9, 54);
	struct oracle_packet icmp = ip_packet("192.0.2.1", "192.0.2.2", IPPROTO_ICMP);
	struct oracle_packet arp = {.iface = "pp0"};
	struct pp_ruleset *set = NULL;

	cr_assert_eq(pp_ruleset_create(&set), 0);
	cr_expect_eq(oracle_match(set, &dns), 0);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct pp_rule rule;

		cr_assert_eq(pp_rule_parse(rules[i], &rule, NULL), 0);
		cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	}
	cr_expect_eq(oracle_match(set, &dns), 4);
	cr_expect_eq(oracle_match(set, &other), 2);
	cr_expect_eq(oracle_match(set, &icmp), 3);
	cr_expect_eq(oracle_match(set, &arp), 1);
	pp_ruleset_destroy(set);
}

Test(rule_gen, one_seed_gives_one_sequence)
{
	struct rule_gen a, b, c;
	struct pp_rule rule_a, rule_b, rule_c;
	uint32_t others = 0;

	rule_gen_init(&a, 7);
	rule_gen_init(&b, 7);
	rule_gen_init(&c, 8);
	for (int i = 0; i < 100; i++) {
		rule_gen_rule(&a, &rule_a);
		rule_gen_rule(&b, &rule_b);
		rule_gen_rule(&c, &rule_c);
		cr_expect(rule_gen_same(&rule_a, &rule_b));
		others += !rule_gen_same(&rule_a, &rule_c);
	}
	cr_expect_gt(others, 50);
}

struct coverage {
	uint32_t first, later, none, other, ip4, ip6, fragment;
};

static void count_packet(struct coverage *seen,
			 const struct pp_ruleset *set,
			 const struct oracle_packet *packet)
{
	uint32_t id = oracle_match(set, packet);

	if (id == 0)
		seen->none++;
	else if (id == pp_ruleset_at(set, 0)->id)
		seen->first++;
	else
		seen->later++;
	seen->other += !packet->is_ip;
	seen->ip4 += packet->family == PP_FAMILY_IP4;
	seen->ip6 += packet->family == PP_FAMILY_IP6;
	seen->fragment += packet->proto == IPPROTO_UDP && !packet->has_ports;
}

Test(rule_gen, packets_hit_first_rules_later_rules_and_none)
{
	struct coverage seen = {0};
	struct rule_gen gen;

	rule_gen_init(&gen, 1);
	for (int round = 0; round < 200; round++) {
		struct pp_ruleset *set = NULL;
		struct pp_rule rule;

		cr_assert_eq(pp_ruleset_create(&set), 0);
		for (int i = 0; i < 8; i++) {
			rule_gen_rule(&gen, &rule);
			cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL),
				     0);
		}
		for (int i = 0; i < 100; i++) {
			struct oracle_packet packet;

			rule_gen_packet(&gen, set, &packet);
			count_packet(&seen, set, &packet);
		}
		pp_ruleset_destroy(set);
	}
	// Of 20,000 packets.
	cr_expect_gt(seen.first, 1000, "%u", seen.first);
	cr_expect_gt(seen.later, 4000, "%u", seen.later);
	cr_expect_gt(seen.none, 1000, "%u", seen.none);
	cr_expect_gt(seen.other, 500, "%u", seen.other);
	cr_expect_gt(seen.ip4, 4000, "%u", seen.ip4);
	cr_expect_gt(seen.ip6, 4000, "%u", seen.ip6);
	cr_expect_gt(seen.fragment, 200, "%u", seen.fragment);
}

Test(rule_gen, packets_are_ones_that_can_be_built)
{
	struct pp_ruleset *set = NULL;
	struct rule_gen gen;
	struct pp_rule rule;

	cr_assert_eq(pp_ruleset_create(&set), 0);
	rule_gen_init(&gen, 3);
	for (int i = 0; i < 64; i++) {
		rule_gen_rule(&gen, &rule);
		cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_CONFIG, 0, NULL, NULL), 0);
	}
	for (int i = 0; i < 20000; i++) {
		struct oracle_packet p;
		static const uint8_t ext[] = {0, 43, 44, 51, 59, 60};

		rule_gen_packet(&gen, set, &p);
		if (!p.is_ip)
			cr_assert_eq(p.family + p.proto + p.has_ports, 0);
		if (p.family == PP_FAMILY_IP6)
			cr_assert_null(memchr(ext, p.proto, sizeof(ext)));
		if (p.has_ports)
			cr_assert(p.proto == 6 || p.proto == 17 || p.proto == 132 ||
				  p.proto == 136);
		else
			cr_assert_eq(p.sport + p.dport, 0);
	}
	pp_ruleset_destroy(set);
}
