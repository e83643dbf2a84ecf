// SPDX-License-Identifier: MIT OR Apache-2.0
// Rules that name sets of addresses, in the real program.
#include "tap_test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(set, .fini = close_run);

#define OFFICE                                                                                     \
	"set office { 192.0.2.0/24, 198.51.100.7 2001:db8::/32 }\n"                                \
	"set lab { 203.0.113.0/25 192.0.2.128/25 2001:db8:1::/48 }\n"

static void expect(const char *src, const char *dst, struct tap_run_fate fate)
{
	packet_udp(&packet, src, dst, 1, 2);
	expect_fate(0, fate);
}

Test(set, source_in_a_set_matches_and_beside_it_does_not)
{
	open_run(OFFICE "drop src @office");
	expect("192.0.2.0", "203.0.113.1", DROPPED(1));
	expect("192.0.2.255", "203.0.113.1", DROPPED(1));
	expect("192.0.3.0", "192.0.2.1", PASSED(0));
	expect("192.0.1.255", "192.0.2.1", PASSED(0));
	expect("198.51.100.7", "192.0.2.1", DROPPED(1));
	expect("198.51.100.6", "192.0.2.1", PASSED(0));
	expect("198.51.100.8", "192.0.2.1", PASSED(0));
	expect("2001:db8::", "::1", DROPPED(1));
	expect("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "::1", DROPPED(1));
	expect("2001:db9::", "2001:db8::", PASSED(0));
	expect("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "::1", PASSED(0));
}

Test(set, source_and_destination_are_looked_up_apart)
{
	open_run(OFFICE "drop src @office dst @lab\npass dst @lab\ndrop dst @office");
	expect("192.0.2.1", "203.0.113.1", DROPPED(1));
	expect("192.0.2.1", "192.0.2.129", DROPPED(1));
	expect("203.0.113.1", "203.0.113.2", PASSED(2));
	expect("203.0.113.1", "192.0.2.127", DROPPED(3));
	expect("203.0.113.1", "203.0.113.128", PASSED(0));
	expect("2001:db8::1", "2001:db8:1::1", DROPPED(1));
	expect("2001:db9::1", "2001:db8:1::1", PASSED(2));
	expect("2001:db9::1", "2001:db8:2::1", DROPPED(3));
}

Test(set, other_conditions_of_the_rule_hold_too)
{
	open_run(OFFICE "drop src @office proto udp dport 2-3 dst 203.0.113.0/24\n"
			"drop src @office family ip6");
	expect("192.0.2.1", "203.0.113.1", DROPPED(1));
	expect("192.0.2.1", "203.0.114.1", PASSED(0));
	expect("2001:db8::1", "::1", DROPPED(2));
	packet_udp(&packet, "192.0.2.1", "203.0.113.1", 1, 4);
	expect_fate(0, PASSED(0));
}

Test(set, frame_that_is_not_ip_is_in_no_set)
{
	open_run("set all { 0.0.0.0/0 ::/0 }\ndrop src @all\ndrop dst @all");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_next(&packet, 0x0806);
	packet_payload(&packet, 46);
	expect_fate(0, PASSED(0));
	expect("192.0.2.1", "203.0.113.1", DROPPED(1));
	expect("::", "::", DROPPED(1));
}

Test(set, empty_set_matches_nothing)
{
	open_run("set none { }\ndrop src @none\npass any");
	expect("0.0.0.0", "0.0.0.0", PASSED(2));
	expect("::", "::", PASSED(2));
}

Test(set, later_fragment_has_addresses)
{
	open_run(OFFICE "drop src @office");
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip4(&packet, (const uint8_t[]){192, 0, 2, 1}, (const uint8_t[]){203, 0, 113, 1}, 8,
		   100);
	packet_l4(&packet, 17, 0, 0);
	packet_finish(&packet);
	expect_fate(0, DROPPED(1));
}

// Prefixes by the thousand, so that the area must grow and programs are loaded again.
#define MANY 60000u

struct prefix4 {
	uint32_t addr; // host order
	uint32_t mask;
};
static struct prefix4 many[MANY];

static void make_many(struct pp_set_entry *entry)
{
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t len = 8 + (uint32_t)rand() % 25;

		if (len < 20 && i > 20)
			len += 12;
		many[i].mask = 0xffffffffu << (32 - len);
		many[i].addr = ((uint32_t)rand() << 16 ^ (uint32_t)rand()) & many[i].mask;
		entry[i] = (struct pp_set_entry){
			.prefix = {.family = PP_FAMILY_IP4, .len_bits = (uint8_t)len}};
		*(uint32_t *)entry[i].prefix.addr = htonl(many[i].addr);
	}
}

static bool in_many(uint32_t addr)
{
	for (uint32_t i = 0; i < MANY; i++)
		if ((addr & many[i].mask) == many[i].addr)
			return true;
	return false;
}

static void expect_many(uint32_t addr)
{
	const uint32_t be = htonl(addr);
	uint8_t src[4];

	memcpy(src, &be, sizeof(src));
	packet_begin(&packet, PP_FRAME_ETHERNET);
	packet_ip4(&packet, src, (const uint8_t[]){203, 0, 113, 1}, 0, 0);
	packet_l4(&packet, 17, 1, 2);
	packet_finish(&packet);
	expect_fate(0, in_many(addr) ? DROPPED(1) : PASSED(0));
}

Test(set, set_that_outgrows_the_image_is_exact_afterwards)
{
	struct pp_set_entry *entry = calloc(MANY, sizeof(*entry));
	struct pp_ruleset *rules;
	struct pp_error err = {0};
	struct pp_set *set;

	open_run("set a { 192.0.2.1 }\ndrop src @a");
	expect("192.0.2.1", "203.0.113.1", DROPPED(1));
	srand(1);
	make_many(entry);
	cr_assert_eq(pp_ruleset_copy(&rules, run.rules), 0);
	cr_assert_eq(pp_set_create(&set, "a", entry, MANY, &err), 0, "%s", err.text);
	cr_assert_eq(pp_ruleset_put_set(rules, set, PP_ORIGIN_CONFIG, &err), 0, "%s", err.text);
	pp_set_unref(set);
	free(entry);
	cr_assert_eq(tap_run_publish(&run, rules, &err), 0, "%s", err.text);
	tap_run_sync(&run);
	for (uint32_t i = 0; i < 400; i++) {
		const struct prefix4 *prefix = &many[(uint32_t)rand() % MANY];

		expect_many((uint32_t)rand() << 16 ^ (uint32_t)rand());
		expect_many(prefix->addr);
		expect_many(prefix->addr - 1);
		expect_many(prefix->addr | ~prefix->mask);
		expect_many((prefix->addr | ~prefix->mask) + 1);
	}
}
