// SPDX-License-Identifier: MIT OR Apache-2.0
// Addresses looked up in a compiled table, against prefixes looked at one by one.
#include "addr_table.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include <push-packet/ruleset.h>

// Under a sanitizer a part of the questions; without, more than a million.
#ifdef __SANITIZE_ADDRESS__
#define SCALE 1u
#else
#define SCALE 40u
#endif

static struct pp_set *set[PP_SETS_USED_MAX];
static uint32_t set_count;
static struct pp_addr_table table;
static uint8_t *area;
static uint32_t area_bytes;

static void build(void)
{
	struct pp_error err = {0};

	cr_assert_eq(pp_addr_table_build(&table, set, set_count, &err), 0, "%s", err.text);
	for (area_bytes = 64; area_bytes < table.size; area_bytes *= 2)
		;
	area = calloc(1, area_bytes + PP_ADDR_SLACK_BYTES);
	if (table.size > 0)
		memcpy(area, table.bytes, table.size);
}

static void teardown(void)
{
	for (uint32_t i = 0; i < set_count; i++)
		pp_set_unref(set[i]);
	pp_addr_table_fini(&table);
	free(area);
}

TestSuite(addr_table, .fini = teardown);

static void add_set(const struct pp_set_entry *entry, size_t count)
{
	cr_assert_eq(pp_set_create(&set[set_count++], "s", entry, count, NULL), 0);
}

static void add_text(const char *text)
{
	struct pp_set_entry *entry = NULL;
	size_t count;

	cr_assert_eq(pp_set_parse(text, strlen(text), 0, &entry, &count, NULL), 0);
	add_set(entry, count);
	free(entry);
}

static uint32_t uniform(void)
{
	return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

// @param fixed  Bytes that all addresses share, so that they lie close together.
static void add_random(uint8_t family, size_t count, uint32_t len_min, uint32_t fixed)
{
	uint32_t bits = family == PP_FAMILY_IP4 ? 32 : 128;
	struct pp_set_entry *entry = calloc(count, sizeof(*entry));

	for (size_t i = 0; i < count; i++) {
		struct pp_prefix *prefix = &entry[i].prefix;
		uint32_t len = len_min + uniform() % (bits - len_min + 1);

		*prefix = (struct pp_prefix){.family = family, .len_bits = (uint8_t)len};
		for (uint32_t byte = 0; byte < bits / 8; byte++)
			prefix->addr[byte] = byte < fixed ? 0x20 : (uint8_t)uniform();
		for (uint32_t bit = len; bit < bits; bit++)
			prefix->addr[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	}
	add_set(entry, count);
	free(entry);
}

// The slow and obvious way.
static bool lies_in(const struct pp_prefix *prefix, uint8_t family, const uint8_t addr[16])
{
	if (prefix->family != family)
		return false;
	for (uint32_t bit = 0; bit < prefix->len_bits; bit++)
		if ((prefix->addr[bit / 8] ^ addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static uint32_t naive(uint8_t family, const uint8_t addr[16])
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < set_count; i++)
		for (size_t j = 0; j < pp_set_count(set[i]); j++) {
			struct pp_set_entry entry;

			pp_set_at(set[i], j, &entry);
			if (lies_in(&entry.prefix, family, addr)) {
				mask |= 1u << i;
				break;
			}
		}
	return mask;
}

// By pp_set_contains(), which set_test.c knows to be right, for sets too large for naive().
static uint32_t by_sets(uint8_t family, const uint8_t addr[16])
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < set_count; i++)
		mask |= (uint32_t)pp_set_contains(set[i], family, addr) << i;
	return mask;
}

static uint32_t look_up(uint8_t family, const uint8_t addr[16])
{
	uint32_t ip4 = (uint32_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3];

	if (family == PP_FAMILY_IP4)
		return pp_addr_table_ip4(&table.head, area, area_bytes, ip4);
	return pp_addr_table_ip6(&table.head, area, area_bytes, addr);
}

static void add_one(uint8_t addr[16], uint32_t bytes, int step)
{
	for (uint32_t i = bytes; i-- > 0;) {
		int value = addr[i] + step;

		addr[i] = (uint8_t)value;
		if (value >= 0 && value <= 255)
			return;
	}
}

typedef uint32_t oracle(uint8_t family, const uint8_t addr[16]);

static void ask(oracle *want, uint8_t family, const uint8_t addr[16])
{
	struct pp_prefix prefix = {.family = family,
				   .len_bits = family == PP_FAMILY_IP4 ? 32 : 128};
	char text[PP_PREFIX_TEXT_BYTES];

	if (look_up(family, addr) == want(family, addr))
		return;
	memcpy(prefix.addr, addr, 16);
	pp_prefix_format(&prefix, text);
	cr_assert_fail("%s: %#x, not %#x", text, look_up(family, addr), want(family, addr));
}

// First and last address of a prefix, and those beside them.
static void ask_edges(oracle *want, const struct pp_prefix *prefix)
{
	uint32_t bits = prefix->family == PP_FAMILY_IP4 ? 32 : 128;
	uint8_t addr[16];

	memcpy(addr, prefix->addr, sizeof(addr));
	ask(want, prefix->family, addr);
	add_one(addr, bits / 8, -1);
	ask(want, prefix->family, addr);
	memcpy(addr, prefix->addr, sizeof(addr));
	for (uint32_t bit = prefix->len_bits; bit < bits; bit++)
		addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	ask(want, prefix->family, addr);
	add_one(addr, bits / 8, 1);
	ask(want, prefix->family, addr);
}

static void ask_random(oracle *want, uint8_t family, uint32_t count, uint32_t fixed)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t addr[16] = {0};

		for (uint32_t byte = 0; byte < (family == PP_FAMILY_IP4 ? 4 : 16); byte++)
			addr[byte] = byte < fixed ? 0x20 : (uint8_t)uniform();
		ask(want, family, addr);
	}
}

static void ask_all(oracle *want, uint32_t edges_of, uint32_t count)
{
	static const uint8_t lowest[16], highest[16] = {255, 255, 255, 255, 255, 255, 255, 255,
							255, 255, 255, 255, 255, 255, 255, 255};

	for (uint8_t family = PP_FAMILY_IP4; family <= PP_FAMILY_IP6; family += 2) {
		ask(want, family, lowest);
		ask(want, family, highest);
		ask_random(want, family, count, 0);
		ask_random(want, family, count, 2);
		ask_random(want, family, count, 8);
	}
	for (uint32_t i = 0; i < set_count; i++)
		for (uint32_t j = 0; j < edges_of && pp_set_count(set[i]) > 0; j++) {
			struct pp_set_entry entry;

			pp_set_at(set[i],
				  pp_set_count(set[i]) > edges_of ? uniform() % pp_set_count(set[i])
								  : j % pp_set_count(set[i]),
				  &entry);
			ask_edges(want, &entry.prefix);
		}
}

Test(addr_table, no_set_at_all_holds_nothing)
{
	build();
	cr_expect_eq(table.size, 0);
	ask_all(naive, 0, 1000);
}

Test(addr_table, empty_set_holds_nothing)
{
	add_text("");
	build();
	ask_all(naive, 0, 1000);
}

Test(addr_table, prefix_of_no_bits_holds_its_family)
{
	add_text("0.0.0.0/0");
	add_text("::/0");
	build();
	ask_all(naive, 1, 1000);
}

Test(addr_table, single_addresses)
{
	add_text("0.0.0.0 255.255.255.255 192.0.2.1 :: 2001:db8::1 "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	build();
	ask_all(naive, 6, 1000);
}

Test(addr_table, every_length_nested)
{
	struct pp_set_entry entry[33 + 129] = {{{0}, 0}};

	for (uint32_t len = 0; len <= 128; len++) {
		struct pp_prefix prefix = {.family = PP_FAMILY_IP6, .len_bits = (uint8_t)len};

		for (uint32_t bit = 0; bit < len; bit += 3)
			prefix.addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		entry[33 + len].prefix = prefix;
		prefix.family = PP_FAMILY_IP4;
		if (len <= 32)
			entry[len].prefix = prefix;
	}
	// Each a set with every third length, so that the outermost does not hide the others.
	for (uint32_t i = 0; i < 30; i++)
		add_set(&entry[5 * i], 5);
	build();
	ask_all(naive, 5, 3000);
}

Test(addr_table, adjacent_prefixes)
{
	add_text("192.0.2.0/26 192.0.2.64/26 192.0.2.128/25 2001:db8::/65 2001:db8:0:0:8000::/65");
	add_text("192.0.1.0/24 192.0.3.0/24 2001:db8:0:1::/64");
	build();
	ask_all(naive, 5, 1000);
}

Test(addr_table, all_sets_that_fit_with_prefixes_of_any_length)
{
	for (uint32_t i = 0; i < PP_SETS_USED_MAX; i++)
		add_random(i % 2 ? PP_FAMILY_IP4 : PP_FAMILY_IP6, 40, i % 3 ? 8 : 0, i % 4 * 2 % 5);
	build();
	ask_all(naive, 20, 300);
}

Test(addr_table, long_prefixes_under_one_high_half)
{
	add_random(PP_FAMILY_IP6, 2000, 65, 8);
	add_random(PP_FAMILY_IP6, 100, 65, 12);
	build();
	ask_all(naive, 200, 500);
}

Test(addr_table, set_twice_has_two_bits)
{
	add_random(PP_FAMILY_IP4, 200, 8, 0);
	set[set_count++] = pp_set_ref(set[0]);
	build();
	ask_all(naive, 200, 1000);
}

Test(addr_table, hundred_thousand_prefixes_of_each_family)
{
	add_random(PP_FAMILY_IP4, 100000, 12, 0);
	add_random(PP_FAMILY_IP6, 100000, 20, 1);
	add_random(PP_FAMILY_IP6, 50000, 48, 4);
	build();
	ask_all(by_sets, 2000 * SCALE, 2000 * SCALE);
}
