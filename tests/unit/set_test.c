// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/set.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull

static struct pp_set *parse(const char *text)
{
	struct pp_set_entry *entry = NULL;
	struct pp_error err = {0};
	struct pp_set *set = NULL;
	size_t count = 0;

	cr_assert_eq(pp_set_parse(text, strlen(text), SECOND_NS, &entry, &count, &err), 0,
		     "%u:%u %s", err.line, err.col, err.text);
	cr_assert_eq(pp_set_create(&set, "s", entry, count, &err), 0, "%s", err.text);
	free(entry);
	return set;
}

static struct pp_prefix prefix(const char *text)
{
	struct pp_prefix out;
	struct pp_error err = {0};

	cr_assert_eq(pp_prefix_parse(text, &out, &err), 0, "%s", err.text);
	return out;
}

static bool has(const struct pp_set *set, const char *address)
{
	struct pp_prefix at = prefix(address);

	return pp_set_contains(set, at.family, at.addr);
}

// The entries as one line.
static const char *text_of(const struct pp_set *set)
{
	static char text[1000];
	char *end = text;

	*end = '\0';
	for (size_t i = 0; i < pp_set_count(set); i++) {
		struct pp_set_entry entry;
		char one[PP_PREFIX_TEXT_BYTES];

		pp_set_at(set, i, &entry);
		pp_prefix_format(&entry.prefix, one);
		end += sprintf(end, "%s%s", i > 0 ? " " : "", one);
	}
	return text;
}

Test(set, entries_are_sorted_and_stand_once)
{
	struct pp_set *set = parse("2001:db8::/32, 10.0.0.0/8 192.0.2.1 10.0.0.0/16\n"
				   "# a comment\n10.0.0.0/8,,::1 192.0.2.1/32");

	cr_expect_str_eq(text_of(set), "10.0.0.0/8 10.0.0.0/16 192.0.2.1 ::1 2001:db8::/32");
	cr_expect_eq(pp_set_count_family(set, PP_FAMILY_IP4), 3);
	cr_expect_eq(pp_set_count_family(set, PP_FAMILY_IP6), 2);
	pp_set_unref(set);
}

static int by_bytes(const void *a, const void *b)
{
	const struct pp_prefix *x = a, *y = b;

	if (x->family != y->family)
		return (int)x->family - (int)y->family;
	return memcmp(x->addr, y->addr, 16) ?: (int)x->len_bits - (int)y->len_bits;
}

// A prefix from few enough that some come again.
//
// @param shared  Bytes that all addresses of a family begin with.
static struct pp_prefix draw(uint32_t shared)
{
	struct pp_prefix out = {.family = rand() % 2 ? PP_FAMILY_IP4 : PP_FAMILY_IP6};
	uint32_t bytes = out.family == PP_FAMILY_IP4 ? 4 : 16;

	shared = shared < bytes ? shared : bytes;
	memset(out.addr, 0x20, shared);
	for (uint32_t i = shared; i < shared + 2 && i < bytes; i++)
		out.addr[i] = (uint8_t)rand();
	out.len_bits = (uint8_t)(8 * (shared + 2 < bytes ? shared + 2 : bytes));
	// Of several lengths, when there is room.
	for (int more = rand() % 3; more > 0 && out.len_bits < 8 * bytes; more--)
		out.len_bits++;
	return out;
}

Test(set, entries_by_the_thousand_are_sorted_whatever_they_share)
{
	enum { COUNT = 20000 };
	static struct pp_set_entry entry[COUNT], got;
	static struct pp_prefix want[COUNT];

	for (uint32_t shared = 0; shared <= 16; shared++) {
		struct pp_set *set;
		size_t n = 0;

		for (size_t i = 0; i < COUNT; i++)
			entry[i].prefix = want[i] = draw(shared);
		qsort(want, COUNT, sizeof(want[0]), by_bytes);
		cr_assert_eq(pp_set_create(&set, "s", entry, COUNT, NULL), 0);
		for (size_t i = 0; i < COUNT; i++) {
			if (i > 0 && by_bytes(&want[i - 1], &want[i]) == 0)
				continue;
			cr_assert_lt(n, pp_set_count(set));
			pp_set_at(set, n++, &got);
			cr_assert_eq(by_bytes(&got.prefix, &want[i]), 0, "%u: %zu", shared, n);
		}
		cr_expect_eq(pp_set_count(set), n);
		pp_set_unref(set);
	}
}

Test(set, address_is_in_a_set_from_first_to_last_of_a_prefix)
{
	struct pp_set *set = parse("192.0.2.0/25 198.51.100.7 2001:db8::/127");

	cr_expect(has(set, "192.0.2.0"));
	cr_expect(has(set, "192.0.2.127"));
	cr_expect_not(has(set, "192.0.2.128"));
	cr_expect_not(has(set, "192.0.1.255"));
	cr_expect(has(set, "198.51.100.7"));
	cr_expect_not(has(set, "198.51.100.6"));
	cr_expect(has(set, "2001:db8::1"));
	cr_expect_not(has(set, "2001:db8::2"));
	cr_expect_not(has(set, "::"));
	pp_set_unref(set);
}

Test(set, prefix_of_no_bits_holds_its_family_alone)
{
	struct pp_set *set = parse("0.0.0.0/0");

	cr_expect(has(set, "0.0.0.0"));
	cr_expect(has(set, "255.255.255.255"));
	cr_expect_not(has(set, "::"));
	pp_set_unref(set);
}

Test(set, overlap_and_cover_are_exact)
{
	struct pp_set *set = parse("192.0.2.0/25 192.0.2.128/26 192.0.2.192/26 10.0.0.0/8");
	struct pp_prefix whole = prefix("192.0.2.0/24"), wider = prefix("192.0.2.0/23");
	struct pp_prefix inside = prefix("10.1.0.0/16"), beside = prefix("11.0.0.0/8");

	cr_expect(pp_set_covers_prefix(set, &whole), "three entries together");
	cr_expect_not(pp_set_covers_prefix(set, &wider));
	cr_expect(pp_set_overlaps_prefix(set, &wider));
	cr_expect(pp_set_covers_prefix(set, &inside));
	cr_expect(pp_set_overlaps_prefix(set, &inside));
	cr_expect_not(pp_set_overlaps_prefix(set, &beside));
	pp_set_unref(set);
}

Test(set, sets_overlap_when_an_address_is_in_both)
{
	struct pp_set *a = parse("10.0.0.0/8 2001:db8::/32");
	struct pp_set *b = parse("9.255.255.255 11.0.0.0 2001:db8:ffff::1");
	struct pp_set *c = parse("9.255.255.255 11.0.0.0 2001:db9::");

	cr_expect(pp_set_overlaps(a, b));
	cr_expect(pp_set_overlaps(b, a));
	cr_expect_not(pp_set_overlaps(a, c));
	cr_expect_not(pp_set_overlaps(c, a));
	pp_set_unref(a);
	pp_set_unref(b);
	pp_set_unref(c);
}

Test(set, change_takes_out_then_puts_in)
{
	struct pp_set *set = parse("192.0.2.1 192.0.2.3"), *changed;
	const struct pp_set_entry add[] = {{.prefix = prefix("192.0.2.2")},
					   {.prefix = prefix("192.0.2.3"), .expires_ns = 5}};
	const struct pp_set_entry del[] = {{.prefix = prefix("192.0.2.1")}};
	struct pp_set_change change;

	cr_assert_eq(pp_set_change(&changed, set, add, 2, del, 1, &change, NULL), 0);
	cr_expect_str_eq(text_of(changed), "192.0.2.2 192.0.2.3");
	cr_expect_eq(change.added, 1);
	cr_expect_eq(change.deleted, 1);
	cr_expect_eq(change.renewed, 1);
	cr_expect_eq(pp_set_next_expiry(changed), 5);
	cr_expect_str_eq(text_of(set), "192.0.2.1 192.0.2.3", "a set never changes");
	pp_set_unref(changed);
	pp_set_unref(set);
}

// One of 60 prefixes by its number, with one of three expiries.
static struct pp_set_entry numbered(int n)
{
	struct pp_set_entry entry = {.expires_ns = (uint64_t)rand() % 3};

	entry.prefix = (struct pp_prefix){.family = n < 30 ? PP_FAMILY_IP4 : PP_FAMILY_IP6,
					  .len_bits = 32,
					  .addr = {192, 0, 2, (uint8_t)n}};
	return entry;
}

Test(set, random_changes_lead_to_what_a_table_of_all_prefixes_says)
{
	for (int round = 0; round < 1000; round++) {
		struct pp_set_entry old[60], add[60], del[60], want[60];
		size_t olds = 0, adds = 0, dels = 0, wants = 0;
		struct pp_set_change change, rest, expect = {0};
		struct pp_set *set, *changed, *wanted;

		for (int n = 0; n < 60; n++) {
			bool had = rand() % 2, out = had && rand() % 4 == 0, in = rand() % 4 == 0;
			struct pp_set_entry before = numbered(n), after = numbered(n);

			if (had)
				old[olds++] = before;
			if (out)
				del[dels++] = after;
			if (in)
				add[adds++] = after;
			if (in || (had && !out))
				want[wants++] = in ? after : before;
			expect.added += in && !had;
			expect.deleted += out && !in;
			expect.renewed += in && had && after.expires_ns != before.expires_ns;
		}
		cr_assert_eq(pp_set_create(&set, "s", old, olds, NULL), 0);
		cr_assert_eq(pp_set_create(&wanted, "s", want, wants, NULL), 0);
		cr_assert_eq(pp_set_change(&changed, set, add, adds, del, dels, &change, NULL), 0);
		cr_assert_eq(memcmp(&change, &expect, sizeof(change)), 0);
		cr_assert_eq(pp_set_count(changed), wants);
		pp_set_diff(changed, wanted, &rest);
		cr_assert_eq(rest.added + rest.deleted + rest.renewed, 0);
		pp_set_diff(set, wanted, &rest);
		cr_assert_eq(memcmp(&rest, &expect, sizeof(rest)), 0);
		pp_set_unref(set);
		pp_set_unref(changed);
		pp_set_unref(wanted);
	}
}

Test(set, change_of_nothing_is_the_same_set)
{
	struct pp_set *set = parse("192.0.2.1"), *same;
	const struct pp_set_entry add = {.prefix = prefix("192.0.2.1")};

	cr_assert_eq(pp_set_change(&same, set, &add, 1, NULL, 0, NULL, NULL), 0);
	cr_expect_eq(same, set);
	pp_set_unref(same);
	pp_set_unref(set);
}

Test(set, taking_out_what_is_not_there_names_it)
{
	struct pp_set *set = parse("192.0.2.0/24"), *changed = NULL;
	const struct pp_set_entry del = {.prefix = prefix("192.0.2.0/25")};
	struct pp_error err = {0};

	cr_expect_eq(pp_set_change(&changed, set, NULL, 0, &del, 1, NULL, &err), -ENOENT);
	cr_expect_not_null(strstr(err.text, "192.0.2.0/25"), "%s", err.text);
	cr_expect_null(changed);
	pp_set_unref(set);
}

Test(set, difference_counts_what_comes_goes_and_is_renewed)
{
	struct pp_set *from = parse("192.0.2.1 192.0.2.2 192.0.2.3 ttl 5s");
	struct pp_set *to = parse("192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5");
	struct pp_set_change change;

	pp_set_diff(from, to, &change);
	cr_expect_eq(change.added, 2);
	cr_expect_eq(change.deleted, 1);
	cr_expect_eq(change.renewed, 1);
	pp_set_unref(from);
	pp_set_unref(to);
}

Test(set, entries_go_at_their_time_and_not_before)
{
	struct pp_set *set = parse("192.0.2.1 ttl 2s, 192.0.2.2 ttl 3s 192.0.2.3"), *left;
	size_t expired;

	cr_expect_eq(pp_set_next_expiry(set), 3 * SECOND_NS);
	cr_assert_eq(pp_set_expire(&left, set, 3 * SECOND_NS - 1, &expired), 0);
	cr_expect_eq(left, set);
	cr_expect_eq(expired, 0);
	pp_set_unref(left);
	cr_assert_eq(pp_set_expire(&left, set, 3 * SECOND_NS, &expired), 0);
	cr_expect_str_eq(text_of(left), "192.0.2.2 192.0.2.3");
	cr_expect_eq(expired, 1);
	cr_expect_eq(pp_set_next_expiry(left), 4 * SECOND_NS);
	pp_set_unref(left);
	pp_set_unref(set);
}

Test(set, later_of_two_expiries_counts)
{
	struct pp_set *set = parse("192.0.2.1 ttl 2s 192.0.2.2 192.0.2.1 ttl 9s 192.0.2.2 ttl 1s");
	struct pp_set_entry entry;

	pp_set_at(set, 0, &entry);
	cr_expect_eq(entry.expires_ns, 10 * SECOND_NS);
	pp_set_at(set, 1, &entry);
	cr_expect_eq(entry.expires_ns, 0);
	pp_set_unref(set);
}

Test(set, errors_say_where_and_what)
{
	static const struct {
		const char *text;
		uint32_t line, col;
		const char *says;
	} bad[] = {
		{"192.0.2.1\n 192.0.2.256", 2, 2, "192.0.2.256"},
		{"192.0.2.1/33", 1, 1, "0 to 32"},
		{"2001:db8::/129", 1, 1, "0 to 128"},
		{"192.0.2.1/24", 1, 1, "write 192.0.2.0/24"},
		{"a,b", 1, 1, "'a'"},
		{"# x\n\n192.0.2.1, ttl", 3, 15, "after 'ttl'"},
		{"192.0.2.1 ttl 5", 1, 15, "'5'"},
		{"192.0.2.1 ttl 0s", 1, 15, "'0s'"},
		{"ttl 5s", 1, 1, "'ttl'"},
		{"192.0.2.1 ttl 5s ttl 6s", 1, 18, "'ttl'"},
		{"192.0.2.1/", 1, 1, "0 to 32"},
		{"192.0.2.1/024", 1, 1, "0 to 32"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pp_set_entry *entry = NULL;
		struct pp_error err = {0};
		size_t count = 0;

		cr_expect_eq(
			pp_set_parse(bad[i].text, strlen(bad[i].text), 0, &entry, &count, &err),
			-EINVAL, "%s", bad[i].text);
		cr_expect_eq(err.line, bad[i].line, "'%s': line %u", bad[i].text, err.line);
		cr_expect_eq(err.col, bad[i].col, "'%s': column %u", bad[i].text, err.col);
		cr_expect_not_null(strstr(err.text, bad[i].says), "'%s': %s", bad[i].text,
				   err.text);
		cr_expect_null(entry);
	}
}

Test(set, nul_byte_is_no_text)
{
	struct pp_set_entry *entry = NULL;
	struct pp_error err = {0};
	size_t count = 0;

	cr_expect_eq(pp_set_parse("::1 \0", 5, 0, &entry, &count, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "NUL"), "%s", err.text);
}

Test(set, text_need_not_end_with_nul)
{
	struct pp_set_entry *entry = NULL;
	size_t count = 0;
	char *text = malloc(9);

	memcpy(text, "192.0.2.1", 9);
	cr_expect_eq(pp_set_parse(text, 9, 0, &entry, &count, NULL), 0);
	cr_expect_eq(count, 1);
	free(entry);
	free(text);
}

Test(set, names_are_names)
{
	struct pp_error err = {0};
	struct pp_set *set = NULL;

	cr_expect_eq(pp_set_create(&set, "", NULL, 0, &err), -EINVAL);
	cr_expect_eq(pp_set_create(&set, "a b", NULL, 0, &err), -EINVAL);
	cr_expect_eq(pp_set_create(&set, "a23456789012345678901234567890xy", NULL, 0, &err),
		     -EINVAL);
	cr_expect_null(set);
}

Test(set, file_is_read_and_one_that_is_not_there_is_said)
{
	char path[] = "/tmp/pp-set-XXXXXX";
	int fd = mkstemp(path);
	struct pp_error err = {0};
	struct pp_set *set;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "192.0.2.1\r\n::1\r\n", 16), 16);
	close(fd);
	cr_expect_eq(pp_set_load(&set, "s", path, 0, &err), 0, "%s", err.text);
	cr_expect_str_eq(text_of(set), "192.0.2.1 ::1");
	pp_set_unref(set);
	unlink(path);
	cr_expect_eq(pp_set_load(&set, "s", path, 0, &err), -ENOENT);
}
