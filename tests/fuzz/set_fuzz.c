// SPDX-License-Identifier: MIT OR Apache-2.0
// Any bytes as entries of a set. What is refused says where; of what is accepted, every answer of
// the set and of the table made of it is that of looking at the prefixes one by one.
#include <push-packet/set.h>

#include <stdlib.h>
#include <string.h>

#include "addr_table.h"

#define NOW_NS 1000000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct entries {
	struct pp_set_entry *entry;
	size_t count;
};

// abort() stops whatever the build says of assertions.
static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_refused(const char *text, size_t size, const struct pp_error *err)
{
	uint32_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	require(err->line >= 1 && err->line <= lines);
	require(err->col >= 1 && err->col <= size + 1);
	require(err->text[0] != '\0');
	for (const char *c = err->text; *c != '\0'; c++)
		require(*c >= ' ' && *c < 0x7f);
}

static void check_text(const struct pp_prefix *prefix)
{
	char text[PP_PREFIX_TEXT_BYTES];
	struct pp_prefix again;

	pp_prefix_format(prefix, text);
	require(pp_prefix_parse(text, &again, NULL) == 0);
	require(memcmp(prefix, &again, sizeof(again)) == 0);
}

static uint32_t bits_of(uint8_t family)
{
	return family == PP_FAMILY_IP4 ? 32 : 128;
}

static bool lies_in(const struct pp_prefix *prefix, uint8_t family, const uint8_t *addr)
{
	if (prefix->family != family)
		return false;
	for (uint32_t bit = 0; bit < prefix->len_bits; bit++)
		if ((prefix->addr[bit / 8] ^ addr[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool naive_contains(const struct entries *all, uint8_t family, const uint8_t *addr)
{
	for (size_t i = 0; i < all->count; i++)
		if (lies_in(&all->entry[i].prefix, family, addr))
			return true;
	return false;
}

// Of two prefixes that share an address one holds the other's first.
static bool naive_overlaps(const struct entries *all, const struct pp_prefix *prefix)
{
	if (naive_contains(all, prefix->family, prefix->addr))
		return true;
	for (size_t i = 0; i < all->count; i++)
		if (lies_in(prefix, all->entry[i].prefix.family, all->entry[i].prefix.addr))
			return true;
	return false;
}

// The address behind a prefix, or the one before it. Beyond the end it is at the other end.
static void step_out(const struct pp_prefix *prefix, int step, uint8_t addr[16])
{
	uint32_t bits = bits_of(prefix->family);

	memcpy(addr, prefix->addr, 16);
	for (uint32_t bit = prefix->len_bits; step > 0 && bit < bits; bit++)
		addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	for (uint32_t i = bits / 8; i-- > 0;) {
		addr[i] = (uint8_t)(addr[i] + step);
		if (addr[i] != (step > 0 ? 0 : 255))
			return;
	}
}

// A prefix has a gap at its first address, or behind an entry, or none.
static bool naive_covers(const struct entries *all, const struct pp_prefix *prefix)
{
	uint8_t addr[16];

	if (!naive_contains(all, prefix->family, prefix->addr))
		return false;
	for (size_t i = 0; i < all->count; i++) {
		step_out(&all->entry[i].prefix, 1, addr);
		if (lies_in(prefix, all->entry[i].prefix.family, addr) &&
		    !naive_contains(all, prefix->family, addr))
			return false;
	}
	return true;
}

// Two sets of the halves of all entries, and the table of both.
struct pair {
	struct entries of[2];
	struct pp_set *set[2];
	struct pp_addr_table table;
	uint8_t *area;
	uint32_t area_bytes;
};

static void open_pair(struct pair *pair, const struct entries *all)
{
	size_t half = all->count / 2;

	pair->of[0] = (struct entries){all->entry, half};
	pair->of[1] = (struct entries){all->entry + half, all->count - half};
	for (int i = 0; i < 2; i++)
		require(pp_set_create(&pair->set[i], "s", pair->of[i].entry, pair->of[i].count,
				      NULL) == 0);
	require(pp_addr_table_build(&pair->table, pair->set, 2, NULL) == 0);
	for (pair->area_bytes = 64; pair->area_bytes < pair->table.size; pair->area_bytes *= 2)
		;
	pair->area = calloc(1, pair->area_bytes + PP_ADDR_SLACK_BYTES);
	require(pair->area != NULL);
	memcpy(pair->area, pair->table.bytes, pair->table.size);
}

static void close_pair(struct pair *pair)
{
	free(pair->area);
	pp_addr_table_fini(&pair->table);
	pp_set_unref(pair->set[0]);
	pp_set_unref(pair->set[1]);
}

static uint32_t look_up(const struct pair *pair, uint8_t family, const uint8_t addr[16])
{
	uint32_t ip4 = (uint32_t)addr[0] << 24 | addr[1] << 16 | addr[2] << 8 | addr[3];

	if (family == PP_FAMILY_IP4)
		return pp_addr_table_ip4(&pair->table.head, pair->area, pair->area_bytes, ip4);
	return pp_addr_table_ip6(&pair->table.head, pair->area, pair->area_bytes, addr);
}

static void check_address(const struct pair *pair, uint8_t family, const uint8_t addr[16])
{
	uint32_t mask = 0;

	for (int i = 0; i < 2; i++) {
		bool in = naive_contains(&pair->of[i], family, addr);

		require(pp_set_contains(pair->set[i], family, addr) == in);
		mask |= (uint32_t)in << i;
	}
	require(look_up(pair, family, addr) == mask);
}

static void check_prefix(const struct pair *pair, const struct pp_prefix *prefix)
{
	uint8_t addr[16];

	check_address(pair, prefix->family, prefix->addr);
	step_out(prefix, 1, addr);
	check_address(pair, prefix->family, addr);
	step_out(prefix, -1, addr);
	check_address(pair, prefix->family, addr);
	for (int i = 0; i < 2; i++) {
		require(pp_set_overlaps_prefix(pair->set[i], prefix) ==
			naive_overlaps(&pair->of[i], prefix));
		require(pp_set_covers_prefix(pair->set[i], prefix) ==
			naive_covers(&pair->of[i], prefix));
	}
}

static void check_overlap(const struct pair *pair)
{
	bool overlap = false;

	for (size_t i = 0; i < pair->of[0].count; i++)
		overlap |= naive_overlaps(&pair->of[1], &pair->of[0].entry[i].prefix);
	require(pp_set_overlaps(pair->set[0], pair->set[1]) == overlap);
	require(pp_set_overlaps(pair->set[1], pair->set[0]) == overlap);
}

static void require_same(const struct pp_set *a, const struct pp_set *b)
{
	struct pp_set_change change;

	require(pp_set_count(a) == pp_set_count(b));
	require(pp_set_next_expiry(a) == pp_set_next_expiry(b));
	pp_set_diff(a, b, &change);
	require(change.added == 0 && change.deleted == 0 && change.renewed == 0);
}

// From one set to the other: all of the first out, all of the second in.
static void check_change(const struct pair *pair)
{
	const struct entries *of = pair->of;
	struct pp_set_change change, diff;
	struct pp_set *changed;

	require(pp_set_change(&changed, pair->set[0], of[1].entry, of[1].count, of[0].entry,
			      of[0].count, &change, NULL) == 0);
	require_same(changed, pair->set[1]);
	pp_set_diff(pair->set[0], pair->set[1], &diff);
	require(memcmp(&change, &diff, sizeof(diff)) == 0);
	pp_set_unref(changed);
}

static void check_expiry(struct pp_set *set)
{
	uint64_t next_ns = pp_set_next_expiry(set);
	struct pp_set *left;
	size_t expired, lasting = 0;

	if (next_ns != 0) {
		require(next_ns > NOW_NS);
		require(pp_set_expire(&left, set, next_ns - 1, &expired) == 0);
		require(left == set && expired == 0);
		pp_set_unref(left);
	}
	for (size_t i = 0; i < pp_set_count(set); i++) {
		struct pp_set_entry entry;

		pp_set_at(set, i, &entry);
		lasting += entry.expires_ns == 0 || entry.expires_ns > next_ns;
	}
	require(pp_set_expire(&left, set, next_ns, &expired) == 0);
	require(pp_set_count(left) == lasting && expired == pp_set_count(set) - lasting);
	require((expired > 0) == (next_ns != 0));
	pp_set_unref(left);
}

static void check_accepted(const struct entries *all)
{
	struct pair pair;

	open_pair(&pair, all);
	for (size_t i = 0; i < all->count; i++) {
		check_text(&all->entry[i].prefix);
		check_prefix(&pair, &all->entry[i].prefix);
	}
	check_overlap(&pair);
	check_change(&pair);
	check_expiry(pair.set[0]);
	close_pair(&pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct entries all = {0};
	struct pp_error err = {0};
	// Of exact size, for the sanitizer to see a step beyond.
	char *text = malloc(size ?: 1);

	require(text != NULL);
	memcpy(text, data, size);
	if (pp_set_parse(text, size, NOW_NS, &all.entry, &all.count, &err) == 0) {
		require((all.entry == NULL) == (all.count == 0));
		if (all.count > 0)
			check_accepted(&all);
	} else {
		check_refused(text, size, &err);
		require(all.entry == NULL && all.count == 0);
	}
	free(all.entry);
	free(text);
	return 0;
}
