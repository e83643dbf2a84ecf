// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/rule.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rule_gen.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ITEMS                                                                                      \
	"expected any, on, direction, family, src, dst, sport, dport, proto, prio, to, name or ttl"
#define ACTIONS "expected pass, drop, copy or route"
#define NAME "expected a name of 1 to 31 characters out of A-Z a-z 0-9 _ . - after "
#define PREFIX "expected an address, a prefix such as 192.0.2.0/24, or @SET after "
#define PORTS "expected a port or a range N-M, 0 to 65535, after "
#define PROTO "expected a protocol such as tcp, udp or icmp, or 0 to 255 after "
#define TAKE "expected a number of bytes from 1 to 65536 after 'take'"
#define TTL "expected a time from 1ms to 3650d, such as 30s, 10m, 2h or 7d, after 'ttl'"
#define PRIO "expected a number from 0 to 1000000 after 'prio'"
#define IFACE "expected an interface name of 1 to 15 characters after 'on'"
#define ANY "'any' matches every frame: no condition but 'on' can stand with it"
#define NO_PORTS " has no ports: only tcp, udp, sctp and udplite carry ports"
#define SAMPLE "expected 1/N with N from 2 to 1000000, or flow 1/N after 'sample'"
#define LIMIT "expected copies a second, 1/s to 100000000/s after 'limit'"
#define ONE_FAMILY ": a rule has one address family"
#define ACTION_FIRST                                                                               \
	" belongs to the action, which comes first: copy [take N] [sample [flow] 1/N] "            \
	"[limit N/s] [to NAME] [then drop|route]"
#define SENT                                                                                       \
	"a packet that is sent cannot be routed: AF_XDP takes packets where they are received; "   \
	"'direction out' goes with pass, drop and copy"
#define NOBODY "'to' names who gets a copied or routed packet: "

static const struct {
	const char *rule;
	uint32_t col;
	const char *text;
} refused[] = {
	{"", 1, "empty rule: " ACTIONS},
	{" \t ", 1, "empty rule: " ACTIONS},
	{"# drop any", 1, "empty rule: " ACTIONS},
	{"  block any", 3, "unknown action 'block': " ACTIONS},
	{"Drop any", 1, "unknown action 'Drop': " ACTIONS},
	{"any", 1, "unknown action 'any': " ACTIONS},
	{"drop any\r", 6, "unknown word 'any\\x0d': " ITEMS},
	{"drop an\xc3\xbf", 6, "unknown word 'an\\xc3\\xbf': " ITEMS},
	{"drop any#x", 6, "unknown word 'any#x': " ITEMS},
	{"drop any drop", 10, "unknown word 'drop': " ITEMS},
	{"drop \t foo", 8, "unknown word 'foo': " ITEMS},
	{"drop xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyy", 6,
	 "unknown word 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...': " ITEMS},

	{"drop", 5, "expected a condition, or 'any' to match every frame"},
	{"drop   # all", 5, "expected a condition, or 'any' to match every frame"},
	{"drop prio 5 name x  ", 19, "expected a condition, or 'any' to match every frame"},
	{"drop any src 192.0.2.1", 10, ANY},
	{"drop src 192.0.2.1 any", 20, ANY},
	{"drop any proto udp", 10, ANY},
	{"drop on eth0 any family ip4", 18, ANY},
	{"drop any direction up", 20, "expected in or out after 'direction', not 'up'"},
	{"drop any direction", 19, "expected in or out after 'direction'"},
	{"drop direction out", 19, "expected a condition, or 'any' to match every frame"},
	{"drop any direction out direction in", 24, "'direction' stands twice"},
	{"route any direction out", 21, SENT},
	{"copy then route direction out any", 27, SENT},
	{"drop any any", 10, "'any' stands twice"},
	{"drop src 192.0.2.1 src 192.0.2.1", 20, "'src' stands twice"},
	{"drop any prio 1 prio 1", 17, "'prio' stands twice"},
	{"copy to a to b any", 11, "'to' stands twice"},
	{"copy to a then drop to b any", 21, "'to' stands twice"},
	{"copy to a then route any to b to c", 31, "'to' stands twice"},

	{"drop src", 9, PREFIX "'src'"},
	{"drop dst  # nobody", 9, PREFIX "'dst'"},
	{"drop src dst 192.0.2.1", 10, PREFIX "'src', not 'dst'"},
	{"drop src 192.0.2", 10, PREFIX "'src', not '192.0.2'"},
	{"drop src 192.0.2.256", 10, PREFIX "'src', not '192.0.2.256'"},
	{"drop src 192.0.02.1", 10, PREFIX "'src', not '192.0.02.1'"},
	{"drop src /24", 10, PREFIX "'src', not '/24'"},
	{"drop src fe80::1%eth0", 10, PREFIX "'src', not 'fe80::1%eth0'"},
	{"drop src 2001:db8:::1", 10, PREFIX "'src', not '2001:db8:::1'"},
	{"drop src @", 10, "expected the name of a set after '@' in '@'"},
	{"drop dst @a/b", 10, "expected the name of a set after '@' in '@a/b'"},
	{"drop any ttl", 13, TTL},
	{"drop any ttl 5", 14, TTL ", not '5'"},
	{"drop any ttl 0s", 14, TTL ", not '0s'"},
	{"drop any ttl 3651d", 14, TTL ", not '3651d'"},
	{"drop any ttl 1us", 14, TTL ", not '1us'"},
	{"drop any ttl 5s ttl 6s", 17, "'ttl' stands twice"},
	{"drop src 192.0.2.7/24", 10,
	 "'192.0.2.7/24' has bits set beyond its prefix: write 192.0.2.0/24"},
	{"drop src 192.0.2.1/31", 10,
	 "'192.0.2.1/31' has bits set beyond its prefix: write 192.0.2.0/31"},
	{"drop src 192.0.2.1/0", 10,
	 "'192.0.2.1/0' has bits set beyond its prefix: write 0.0.0.0/0"},
	{"drop dst 2001:db8::1/127", 10,
	 "'2001:db8::1/127' has bits set beyond its prefix: write 2001:db8::/127"},
	{"drop src 192.0.2.0/33", 10,
	 "expected a prefix length of 0 to 32 after the '/' in '192.0.2.0/33'"},
	{"drop src 192.0.2.0/", 10,
	 "expected a prefix length of 0 to 32 after the '/' in '192.0.2.0/'"},
	{"drop src 192.0.2.0/024", 10,
	 "expected a prefix length of 0 to 32 after the '/' in '192.0.2.0/024'"},
	{"drop src 192.0.2.0/+24", 10,
	 "expected a prefix length of 0 to 32 after the '/' in '192.0.2.0/+24'"},
	{"drop src 192.0.2.0/24/24", 10,
	 "expected a prefix length of 0 to 32 after the '/' in '192.0.2.0/24/24'"},
	{"drop src 2001:db8::/129", 10,
	 "expected a prefix length of 0 to 128 after the '/' in '2001:db8::/129'"},
	{"drop src 192.0.2.1 dst 2001:db8::1", 24, "dst is IPv6 but src is IPv4" ONE_FAMILY},
	{"drop dst 2001:db8::1 src 192.0.2.1", 26, "src is IPv4 but dst is IPv6" ONE_FAMILY},
	{"drop family ip6 src 192.0.2.1", 21, "src is IPv4 but family is IPv6" ONE_FAMILY},
	{"drop src 0.0.0.0/0 family ip6", 27, "family is IPv6 but src is IPv4" ONE_FAMILY},
	{"drop family ipv4", 13, "expected ip4 or ip6 after 'family', not 'ipv4'"},
	{"drop family", 12, "expected ip4 or ip6 after 'family'"},

	{"drop dport", 11, PORTS "'dport'"},
	{"drop sport 4000-3999", 12, "port range '4000-3999' is reversed: write 3999-4000"},
	{"drop sport 65536", 12, PORTS "'sport', not '65536'"},
	{"drop sport 1-65536", 12, PORTS "'sport', not '1-65536'"},
	{"drop sport 4294967296", 12, PORTS "'sport', not '4294967296'"},
	{"drop sport 18446744073709551617", 12, PORTS "'sport', not '18446744073709551617'"},
	{"drop sport +5", 12, PORTS "'sport', not '+5'"},
	{"drop sport -5", 12, PORTS "'sport', not '-5'"},
	{"drop sport 5-", 12, PORTS "'sport', not '5-'"},
	{"drop sport 1-2-3", 12, PORTS "'sport', not '1-2-3'"},
	{"drop sport 0x5", 12, PORTS "'sport', not '0x5'"},
	{"drop sport 05", 12, PORTS "'sport', not '05'"},
	{"drop sport 00", 12, PORTS "'sport', not '00'"},
	{"drop sport \v5", 12, PORTS "'sport', not '\\x0b5'"},
	{"drop sport http", 12, PORTS "'sport', not 'http'"},
	{"drop proto", 11, PROTO "'proto'"},
	{"drop proto 256", 12, PROTO "'proto', not '256'"},
	{"drop proto -1", 12, PROTO "'proto', not '-1'"},
	{"drop proto 017", 12, PROTO "'proto', not '017'"},
	{"drop proto UDP", 12, PROTO "'proto', not 'UDP'"},
	{"drop proto ud", 12, PROTO "'proto', not 'ud'"},
	{"drop proto icmp dport 53", 17, "proto icmp" NO_PORTS},
	{"drop dport 53 proto icmp", 21, "proto icmp" NO_PORTS},
	{"drop proto 47 sport 1", 15, "proto gre" NO_PORTS},
	{"drop sport 1 proto 200", 20, "proto 200" NO_PORTS},

	{"drop on", 8, IFACE},
	{"drop on abcdefghijklmnop", 9, IFACE ", not 'abcdefghijklmnop'"},
	{"drop on a/b", 9, IFACE ", not 'a/b'"},
	{"drop on eth0:1", 9, IFACE ", not 'eth0:1'"},
	{"drop on ..", 9, IFACE ", not '..'"},
	{"drop any prio", 14, PRIO},
	{"drop any prio 1000001", 15, PRIO ", not '1000001'"},
	{"drop any prio -1", 15, PRIO ", not '-1'"},
	{"drop any prio 1e3", 15, PRIO ", not '1e3'"},
	{"drop any name", 14, NAME "'name'"},
	{"drop any name x/y", 15, NAME "'name', not 'x/y'"},
	{"drop any name @x", 15, NAME "'name', not '@x'"},
	{"drop any name aaaaaaaaaabbbbbbbbbbccccccccccdd", 15,
	 NAME "'name', not 'aaaaaaaaaabbbbbbbbbbccccccccccdd'"},
	{"drop any to a", 10, NOBODY "drop gives it to nobody"},
	{"pass to a any", 6, NOBODY "pass gives it to nobody"},
	{"route any to", 13, NAME "'to'"},

	{"copy take", 10, TAKE},
	{"copy take 0 any", 11,
	 "'take 0' copies nothing: write 1 to 65536, or leave 'take' out to copy whole packets"},
	{"copy take 65537 any", 11, TAKE ", not '65537'"},
	{"copy take 4294967295 any", 11, TAKE ", not '4294967295'"},
	{"copy take any", 11, TAKE ", not 'any'"},
	{"copy take 064 any", 11, TAKE ", not '064'"},
	{"copy take 5 take 6 any", 13, "'take' stands twice"},
	{"copy sample", 12, SAMPLE},
	{"copy sample any", 13, SAMPLE ", not 'any'"},
	{"copy sample 100 any", 13, SAMPLE ", not '100'"},
	{"copy sample 1/0 any", 13, SAMPLE ", not '1/0'"},
	{"copy sample 1/ any", 13, SAMPLE ", not '1/'"},
	{"copy sample 1/1 any", 13, "'sample 1/1' copies every packet: leave it out"},
	{"copy sample 2/3 any", 13, SAMPLE ", not '2/3'"},
	{"copy sample 1/010 any", 13, SAMPLE ", not '1/010'"},
	{"copy sample 1/1000001 any", 13, SAMPLE ", not '1/1000001'"},
	{"copy sample flow any", 18,
	 "expected 1/N with N from 2 to 1000000 after 'sample flow', not 'any'"},
	{"copy sample flow 1/1 any", 18, "'sample 1/1' copies every packet: leave it out"},
	{"copy sample 1/2 sample flow 1/2 any", 17, "'sample' stands twice"},
	{"copy limit", 11, LIMIT},
	{"copy limit 0/s any", 12,
	 "'limit 0/s' copies nothing: leave the copy out, or write 1/s or more"},
	{"copy limit 5 any", 12, LIMIT ", not '5'"},
	{"copy limit /s any", 12, LIMIT ", not '/s'"},
	{"copy limit 5/m any", 12, LIMIT ", not '5/m'"},
	{"copy limit 100000001/s any", 12, LIMIT ", not '100000001/s'"},
	{"copy limit 5/s take 5 limit 5/s any", 23, "'limit' stands twice"},
	{"copy to a sample 1/2 any", 11, "'sample'" ACTION_FIRST},
	{"drop limit 5/s any", 6, "'limit'" ACTION_FIRST},
	{"copy to", 8, NAME "'to'"},
	{"copy then", 10, "expected drop or route after 'then'"},
	{"copy then copy any", 11, "expected drop or route after 'then', not 'copy'"},
	{"copy then pass any", 11, "copy passes the packet on anyway: leave 'then pass' out"},
	{"copy any then drop", 10, "'then'" ACTION_FIRST},
	{"copy to a take 5 any", 11, "'take'" ACTION_FIRST},
	{"drop then route any", 6, "'then'" ACTION_FIRST},
};

Test(rule, a_bad_rule_is_refused_with_its_place_and_what_was_expected)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct pp_rule rule;
		struct pp_error err = {0};

		cr_expect_eq(pp_rule_parse(refused[i].rule, &rule, &err), -EINVAL, "'%s'",
			     refused[i].rule);
		cr_expect_eq(err.line, 1, "'%s'", refused[i].rule);
		cr_expect_eq(err.col, refused[i].col, "'%s': col %u", refused[i].rule, err.col);
		cr_expect_str_eq(err.text, refused[i].text, "'%s': %s", refused[i].rule, err.text);
	}
}

Test(rule, a_refused_rule_leaves_out_alone_and_needs_no_error_struct)
{
	struct pp_rule rule, before;

	memset(&rule, 0xa5, sizeof(rule));
	before = rule;
	for (size_t i = 0; i < COUNT(refused); i++)
		cr_expect_eq(pp_rule_parse(refused[i].rule, &rule, NULL), -EINVAL);
	cr_expect_arr_eq(&rule, &before, sizeof(rule));
}

// Left: as an operator may write it; right: the one way we write it.
static const struct {
	const char *rule;
	const char *formatted;
} accepted[] = {
	{"pass any", "pass any"},
	{"\t drop \t any \t# all of it", "drop any"},
	{"drop any #", "drop any"},
	{"drop any on eth0.100", "drop any on eth0.100"},
	{"drop on abcdefghijklmno", "drop on abcdefghijklmno"},
	{"drop on src src 192.0.2.1", "drop on src src 192.0.2.1"},
	{"drop proto tcp src 198.51.100.0/24 sport 3000-4000",
	 "drop proto tcp src 198.51.100.0/24 sport 3000-4000"},
	{"drop sport 3000-4000 src 198.51.100.0/24 proto 6",
	 "drop proto tcp src 198.51.100.0/24 sport 3000-4000"},
	{"copy take 128 proto udp dport 53", "copy take 128 proto udp dport 53"},
	{"copy then drop dst 2001:db8::/32", "copy then drop dst 2001:db8::/32"},
	{"route dst 203.0.113.7 proto udp dport 4000-4999",
	 "route proto udp dst 203.0.113.7 dport 4000-4999"},
	{"route to sink any", "route any to sink"},
	{"copy any to count", "copy to count any"},
	{"copy to count any", "copy to count any"},
	{"copy then drop any to count", "copy to count then drop any"},
	{"copy then route any to sink", "copy then route any to sink"},
	{"copy take 1 to a then route to b any", "copy take 1 to a then route any to b"},
	{"copy take 65536 any", "copy take 65536 any"},
	{"copy sample 1/2 any", "copy sample 1/2 any"},
	{"copy limit 1/s sample flow 1/1000000 take 9 to a then drop any",
	 "copy take 9 sample flow 1/1000000 limit 1/s to a then drop any"},
	{"copy limit 100000000/s any", "copy limit 100000000/s any"},
	{"copy sample 1/7 then route any to a", "copy sample 1/7 then route any to a"},
	{"drop src 192.0.2.1/32", "drop src 192.0.2.1"},
	{"drop src 0.0.0.0/0", "drop src 0.0.0.0/0"},
	{"drop src 0.0.0.0", "drop src 0.0.0.0"},
	{"drop src 255.255.255.255", "drop src 255.255.255.255"},
	{"drop src 128.0.0.0/1", "drop src 128.0.0.0/1"},
	{"drop dst ::/0", "drop dst ::/0"},
	{"drop dst ::", "drop dst ::"},
	{"drop dst 2001:DB8:0:0::1/128", "drop dst 2001:db8::1"},
	{"drop dst 2001:db8::/65", "drop dst 2001:db8::/65"},
	{"drop dst ::ffff:192.0.2.1", "drop dst ::ffff:192.0.2.1"},
	{"drop dst ::ffff:0.0.0.0/96", "drop dst ::ffff:0.0.0.0/96"},
	{"drop family ip4 src 192.0.2.1", "drop src 192.0.2.1"},
	{"drop family ip6", "drop family ip6"},
	{"drop sport 0", "drop sport 0"},
	{"drop sport 0-0", "drop sport 0"},
	{"drop sport 0-65535", "drop sport 0-65535"},
	{"drop dport 65535 sport 65534-65535", "drop sport 65534-65535 dport 65535"},
	{"drop proto 0", "drop proto 0"},
	{"drop proto 255", "drop proto 255"},
	{"drop proto ipv6-icmp", "drop proto icmp6"},
	{"drop proto sctp dport 1", "drop proto sctp dport 1"},
	{"drop proto 136 dport 1", "drop proto udplite dport 1"},
	{"drop any prio 0", "drop any prio 0"},
	{"drop any prio 1000", "drop any"},
	{"drop prio 1000000 any", "drop any prio 1000000"},
	{"drop name A-z_0.9 any", "drop any name A-z_0.9"},
	{"drop dst @b src @a", "drop src @a dst @b"},
	{"drop dst 192.0.2.1 src @a", "drop src @a dst 192.0.2.1"},
	{"drop src @A-z_0.9 family ip6", "drop family ip6 src @A-z_0.9"},
	{"drop ttl 10m any", "drop any ttl 10m"},
	{"drop any ttl 90s prio 5", "drop any prio 5 ttl 90s"},
	{"drop any ttl 60s", "drop any ttl 1m"},
	{"drop any ttl 24h", "drop any ttl 1d"},
	{"drop any ttl 1500ms", "drop any ttl 1500ms"},
	{"drop any ttl 3650d", "drop any ttl 3650d"},
	{"drop any name aaaaaaaaaabbbbbbbbbbccccccccccd",
	 "drop any name aaaaaaaaaabbbbbbbbbbccccccccccd"},
};

Test(rule, an_accepted_rule_is_written_in_one_way_and_reads_back_the_same)
{
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct pp_rule rule, again;
		struct pp_error err = {0};
		char text[PP_RULE_TEXT_BYTES];

		cr_expect_eq(pp_rule_parse(accepted[i].rule, &rule, &err), 0, "'%s': %u: %s",
			     accepted[i].rule, err.col, err.text);
		cr_expect_eq(pp_rule_format(&rule, text, sizeof(text)), strlen(text));
		cr_expect_str_eq(text, accepted[i].formatted);
		cr_expect_eq(pp_rule_parse(text, &again, &err), 0, "'%s'", text);
		cr_expect(rule_gen_same(&rule, &again), "'%s'", text);
	}
}

static struct pp_rule parsed(const char *text)
{
	struct pp_rule rule;
	struct pp_error err = {0};

	cr_assert_eq(pp_rule_parse(text, &rule, &err), 0, "'%s': %u: %s", text, err.col, err.text);
	return rule;
}

Test(rule, what_is_not_written_has_its_default)
{
	struct pp_rule rule = parsed("drop any");
	struct pp_rule want = {
		.prio = 1000,
		.verdict = PP_VERDICT_DROP,
		.take_bytes = PP_TAKE_ALL,
		.any = true,
		.proto = -1,
	};

	cr_expect(rule_gen_same(&rule, &want));
}

Test(rule, every_item_lands_in_its_field)
{
	struct pp_rule rule =
		parsed("copy take 64 to c then route on eth0 src 192.0.2.0/24 "
		       "dst 198.51.100.7 sport 1-2 dport 3 proto udp prio 7 to r name n");
	struct pp_rule want = {
		.prio = 7,
		.verdict = PP_VERDICT_ROUTE,
		.copy = true,
		.take_bytes = 64,
		.copy_to = "c",
		.route_to = "r",
		.name = "n",
		.on = "eth0",
		.family = PP_FAMILY_IP4,
		.src = {PP_FAMILY_IP4, 24, {192, 0, 2, 0}},
		.dst = {PP_FAMILY_IP4, 32, {198, 51, 100, 7}},
		.sport = {true, 1, 2},
		.dport = {true, 3, 3},
		.proto = 17,
	};

	cr_expect(rule_gen_same(&rule, &want));
}

Test(rule, a_rule_is_about_what_is_received_unless_it_says_otherwise)
{
	struct pp_rule in = parsed("drop direction in any");
	struct pp_rule out = parsed("drop any on eth0 direction out");
	char text[PP_RULE_TEXT_BYTES];

	cr_expect_eq(parsed("drop any").direction, PP_DIRECTION_IN);
	cr_expect_eq(in.direction, PP_DIRECTION_IN);
	cr_expect_eq(out.direction, PP_DIRECTION_OUT);
	pp_rule_format(&in, text, sizeof(text));
	cr_expect_str_eq(text, "drop any");
	pp_rule_format(&out, text, sizeof(text));
	cr_expect_str_eq(text, "drop any on eth0 direction out");
}

Test(rule, copy_alone_passes_the_packet_on)
{
	struct pp_rule rule = parsed("copy any");

	cr_expect_eq(rule.verdict, PP_VERDICT_PASS);
	cr_expect(rule.copy);
	cr_expect_eq(rule.take_bytes, PP_TAKE_ALL);
}

Test(rule, an_address_implies_its_family_even_when_it_matches_all_of_it)
{
	struct pp_rule ip4 = parsed("drop src 0.0.0.0/0");
	struct pp_rule ip6 = parsed("drop dst ::/0");
	struct pp_rule mapped = parsed("drop src ::ffff:192.0.2.1");

	cr_expect_eq(ip4.family, PP_FAMILY_IP4);
	cr_expect_eq(ip4.src.family, PP_FAMILY_IP4);
	cr_expect_eq(ip4.src.len_bits, 0);
	cr_expect_eq(ip6.family, PP_FAMILY_IP6);
	cr_expect_eq(ip6.dst.len_bits, 0);
	cr_expect_eq(mapped.family, PP_FAMILY_IP6);
	cr_expect_eq(mapped.src.len_bits, 128);
}

Test(rule, protocols_go_by_name_or_number)
{
	static const struct {
		const char *name;
		int proto;
	} known[] = {
		{"icmp", 1},  {"igmp", 2},  {"ipip", 4},   {"tcp", 6},	  {"udp", 17},
		{"gre", 47},  {"esp", 50},  {"ah", 51},	   {"icmp6", 58}, {"ipv6-icmp", 58},
		{"ospf", 89}, {"pim", 103}, {"vrrp", 112}, {"sctp", 132}, {"udplite", 136},
	};
	char text[64];

	for (size_t i = 0; i < COUNT(known); i++) {
		snprintf(text, sizeof(text), "drop proto %s", known[i].name);
		cr_expect_eq(parsed(text).proto, known[i].proto, "%s", known[i].name);
	}
	for (int proto = 0; proto <= 255; proto++) {
		char formatted[PP_RULE_TEXT_BYTES];
		struct pp_rule rule;

		snprintf(text, sizeof(text), "drop proto %d", proto);
		rule = parsed(text);
		cr_expect_eq(rule.proto, proto);
		pp_rule_format(&rule, formatted, sizeof(formatted));
		cr_expect_eq(parsed(formatted).proto, proto, "%s", formatted);
	}
}

#define NAME31 "abcdefghijklmnopqrstuvwxyz01234"
#define IP6_LONG "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"

Test(rule, the_longest_rule_fits_its_buffer)
{
	static const char longest[] =
		"copy take 65536 sample flow 1/1000000 limit 100000000/s to " NAME31
		" then route on abcdefghijklmno "
		"proto udplite src " IP6_LONG " sport 60000-65535 dst " IP6_LONG
		" dport 60000-65535 to " NAME31 " prio 1000000 name " NAME31;
	struct pp_rule rule = parsed(longest);
	char text[PP_RULE_TEXT_BYTES];

	cr_expect_eq(pp_rule_format(&rule, text, sizeof(text)), sizeof(longest) - 1);
	cr_expect_str_eq(text, longest);
}

Test(rule, a_small_buffer_gets_the_beginning)
{
	static const char whole[] = "drop proto udp dport 53";
	struct pp_rule rule = parsed(whole);

	for (size_t size = 1; size <= sizeof(whole); size++) {
		char buf[sizeof(whole) + 1];

		memset(buf, '!', sizeof(buf));
		cr_expect_eq(pp_rule_format(&rule, buf, size), size - 1);
		cr_expect_eq(strlen(buf), size - 1);
		cr_expect_eq(strncmp(buf, whole, size - 1), 0);
		cr_expect_eq(buf[size], '!', "nothing is written beyond size %zu", size);
	}
	cr_expect_eq(pp_rule_format(&rule, NULL, 0), 0);
}

static void add_options(struct rule_gen *gen, struct pp_rule *rule)
{
	if (!rule->copy)
		return;
	if (rule_gen_below(gen, 2))
		rule->sample = 2 + rule_gen_below(gen, PP_SAMPLE_MAX - 1);
	rule->sample_flow = rule->sample != 0 && rule_gen_below(gen, 2);
	if (rule_gen_below(gen, 2))
		rule->limit_per_s = 1 + rule_gen_below(gen, PP_LIMIT_MAX);
}

Test(rule, every_generated_rule_survives_format_and_parse)
{
	struct rule_gen gen;

	rule_gen_init(&gen, 1);
	for (int i = 0; i < 50000; i++) {
		struct pp_rule rule, again;
		struct pp_error err = {0};
		char text[PP_RULE_TEXT_BYTES];

		rule_gen_rule(&gen, &rule);
		add_options(&gen, &rule);
		pp_rule_format(&rule, text, sizeof(text));
		cr_assert_eq(pp_rule_parse(text, &again, &err), 0, "'%s': %u: %s", text, err.col,
			     err.text);
		cr_assert(rule_gen_same(&rule, &again), "'%s'", text);
	}
}
