// SPDX-License-Identifier: MIT OR Apache-2.0
// Addresses looked up in a compiled table, against prefixes looked at one by one.
#include "addr_table.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <push-packet/ruleset.h>

#define RIR_DIR "/work/shared/rulesets/" // allocations of the registries: see its README

static struct pp_set *set[PP_SETS_USED_MAX];
static uint32_t set_count;
static struct pp_addr_table table;
static uint8_t *area;
static uint32_t area_bytes;

// What by_lists() looks at.
#define LISTS 65536u
struct node {
	struct pp_prefix prefix;
	uint32_t bit;
	uint32_t next; // 0: the last one
};
static struct node *node;
static uint32_t node_count, node_room;
static uint32_t list[2][LISTS];

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
	free(node);
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

static bool lies_in(const struct pp_prefix *prefix, uint8_t family, const uint8_t addr[16])
{
	size_t bytes = prefix->len_bits / 8;
	uint8_t rest = (uint8_t)(0xff00 >> prefix->len_bits % 8);

	return prefix->family == family && memcmp(prefix->addr, addr, bytes) == 0 &&
	       (rest == 0 || ((prefix->addr[bytes] ^ addr[bytes]) & rest) == 0);
}

// The slow and obvious way.
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

// For sets too large for naive(): prefixes in lists by the first bits of their addresses, a short one
// in the list of each beginning that it holds. A list is looked at one by one.
static uint32_t key_bits(uint8_t family)
{
	return family == PP_FAMILY_IP4 ? 16 : 32;
}

static uint32_t key_of(uint8_t family, const uint8_t addr[16])
{
	uint32_t word = (uint32_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3];

	return word >> (32 - key_bits(family));
}

static uint32_t *list_of(uint8_t family, uint32_t key)
{
	return &list[family == PP_FAMILY_IP6][key * 0x9e3779b1u >> 16];
}

static void put_in_list(const struct pp_prefix *prefix, uint32_t key, uint32_t bit)
{
	uint32_t *first = list_of(prefix->family, key);

	if (node_count + 1 >= node_room) {
		node_room = 2 * node_room + 1024;
		node = realloc(node, node_room * sizeof(*node));
	}
	node[++node_count] = (struct node){.prefix = *prefix, .bit = bit, .next = *first};
	*first = node_count;
}

static void make_lists(void)
{
	for (uint32_t i = 0; i < set_count; i++)
		for (size_t j = 0; j < pp_set_count(set[i]); j++) {
			struct pp_set_entry entry;
			const struct pp_prefix *prefix = &entry.prefix;
			uint32_t bits, key;

			pp_set_at(set[i], j, &entry);
			bits = key_bits(prefix->family);
			key = key_of(prefix->family, prefix->addr);
			put_in_list(prefix, key, 1u << i);
			for (uint32_t k = 1;
			     prefix->len_bits < bits && k >> (bits - prefix->len_bits) == 0; k++)
				put_in_list(prefix, key + k, 1u << i);
		}
}

static uint32_t by_lists(uint8_t family, const uint8_t addr[16])
{
	uint32_t mask = 0;

	for (uint32_t i = *list_of(family, key_of(family, addr)); i != 0; i = node[i].next)
		if (lies_in(&node[i].prefix, family, addr))
			mask |= node[i].bit;
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

static void ask_all(oracle *want, uint32_t count)
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
		for (size_t j = 0; j < pp_set_count(set[i]); j++) {
			struct pp_set_entry entry;

			pp_set_at(set[i], j, &entry);
			ask_edges(want, &entry.prefix);
		}
}

Test(addr_table, no_set_at_all_holds_nothing)
{
	build();
	cr_expect_eq(table.size, 0);
	ask_all(naive, 1000);
}

Test(addr_table, empty_set_holds_nothing)
{
	add_text("");
	build();
	ask_all(naive, 1000);
}

Test(addr_table, prefix_of_no_bits_holds_its_family)
{
	add_text("0.0.0.0/0");
	add_text("::/0");
	build();
	ask_all(naive, 1000);
}

Test(addr_table, single_addresses)
{
	add_text("0.0.0.0 255.255.255.255 192.0.2.1 :: 2001:db8::1 "
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	build();
	ask_all(naive, 1000);
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
	ask_all(naive, 3000);
}

Test(addr_table, adjacent_prefixes)
{
	add_text("192.0.2.0/26 192.0.2.64/26 192.0.2.128/25 2001:db8::/65 2001:db8:0:0:8000::/65");
	add_text("192.0.1.0/24 192.0.3.0/24 2001:db8:0:1::/64");
	build();
	ask_all(naive, 1000);
}

Test(addr_table, all_sets_that_fit_with_prefixes_of_any_length)
{
	for (uint32_t i = 0; i < PP_SETS_USED_MAX; i++)
		add_random(i % 2 ? PP_FAMILY_IP4 : PP_FAMILY_IP6, 40, i % 3 ? 8 : 0, i % 4 * 2 % 5);
	build();
	ask_all(naive, 300);
}

Test(addr_table, long_prefixes_under_one_high_half)
{
	add_random(PP_FAMILY_IP6, 1000, 65, 8);
	add_random(PP_FAMILY_IP6, 1000, 128, 8);
	add_random(PP_FAMILY_IP6, 1000, 64, 7);
	add_random(PP_FAMILY_IP6, 100, 65, 12);
	build();
	ask_all(naive, 500);
}

Test(addr_table, set_twice_has_two_bits)
{
	add_random(PP_FAMILY_IP4, 200, 8, 0);
	set[set_count++] = pp_set_ref(set[0]);
	build();
	ask_all(naive, 1000);
}

// Address 192.0.N is in the sets that the bits of N name: as many ranges in one index, and as many
// masks, as there can be.
static void add_numbered(uint32_t sets)
{
	struct pp_set_entry *entry = calloc(65536, sizeof(*entry));

	for (uint32_t i = 0; i < sets; i++) {
		size_t count = 0;

		for (uint32_t n = 0; n < 65536; n++)
			if (n >> i & 1)
				entry[count++].prefix = (struct pp_prefix){
					.family = PP_FAMILY_IP4,
					.len_bits = 32,
					.addr = {192, 0, (uint8_t)(n >> 8), (uint8_t)n}};
		add_set(entry, count);
	}
	free(entry);
}

Test(addr_table, every_address_of_an_index_in_other_sets)
{
	add_numbered(16);
	build();
	for (uint32_t n = 0; n < 65536; n++)
		cr_assert_eq(look_up(PP_FAMILY_IP4,
				     (uint8_t[16]){192, 0, (uint8_t)(n >> 8), (uint8_t)n}),
			     n);
}

Test(addr_table, too_many_different_masks_are_refused)
{
	struct pp_error err = {0};

	add_numbered(16);
	add_text("2001:db8::1");
	cr_expect_eq(pp_addr_table_build(&table, set, set_count, &err), -ENOSPC);
	cr_expect_not_null(strstr(err.text, "65536"), "%s", err.text);
	cr_expect_null(table.bytes);
}

// A prefix of fewer bits would be in too many lists.
Test(addr_table, hundred_thousand_prefixes_of_each_family)
{
	add_random(PP_FAMILY_IP4, 100000, 12, 0);
	add_random(PP_FAMILY_IP6, 100000, 24, 1);
	add_random(PP_FAMILY_IP6, 50000, 48, 2);
	build();
	make_lists();
	ask_all(by_lists, 50000);
}

static void add_rir(const char *name)
{
	char command[100], *text = malloc(8u << 20);
	FILE *file;
	size_t len;

	snprintf(command, sizeof(command), "gzip -dc " RIR_DIR "%s", name);
	file = popen(command, "re");
	cr_assert_not_null(file);
	len = fread(text, 1, (8u << 20) - 1, file);
	text[len] = '\0';
	cr_assert_eq(pclose(file), 0);
	add_text(text);
	free(text);
}

Test(addr_table, million_addresses_in_the_allocations_of_the_registries)
{
	if (access(RIR_DIR "rir-ipv4.txt.gz", R_OK) != 0)
		cr_skip_test("no " RIR_DIR);
	add_rir("rir-ipv4.txt.gz");
	add_rir("rir-ipv6.txt.gz");
	cr_expect_eq(pp_set_count(set[0]), 175195);
	cr_expect_eq(pp_set_count(set[1]), 67839);
	build();
	make_lists();
	ask_all(by_lists, 200000);
}
