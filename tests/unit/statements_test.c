// SPDX-License-Identifier: MIT OR Apache-2.0
// Rule files: rules, sets and protection as text.
#include <push-packet/ruleset.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_NS 1000000000ull

static struct pp_ruleset *set;
static struct pp_error err;
static struct pp_statements_change change;

static void setup(void)
{
	cr_assert_eq(pp_ruleset_create(&set), 0);
}

static void teardown(void)
{
	pp_ruleset_destroy(set);
}

TestSuite(statements, .init = setup, .fini = teardown);

static int load_bytes(const char *text, size_t len)
{
	struct pp_statements *statements;
	int ret;

	err = (struct pp_error){0};
	change = (struct pp_statements_change){0};
	cr_assert_eq(pp_statements_create(&statements), 0);
	ret = pp_statements_read(statements, text, len, NULL, NOW_NS, &err);
	ret = ret ?: pp_statements_apply(statements, set, NOW_NS, NULL, &change, NULL, &err);
	pp_statements_destroy(statements);
	return ret;
}

static int load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static void expect_error(const char *text, int ret, uint32_t line, uint32_t col, const char *says)
{
	cr_expect_eq(load(text), ret, "'%s': %s", text, err.text);
	cr_expect_eq(err.line, line, "'%s': line %u: %s", text, err.line, err.text);
	cr_expect_eq(err.col, col, "'%s': column %u: %s", text, err.col, err.text);
	cr_expect_not_null(strstr(err.text, says), "'%s': %s", text, err.text);
}

static size_t entries_of(const char *name)
{
	const struct pp_set *addresses = pp_ruleset_find_set(set, name);

	cr_assert_not_null(addresses, "no set %s", name);
	return pp_set_count(addresses);
}

Test(statements, rules_comments_and_empty_lines)
{
	cr_expect_eq(load("# first\n\n \t \ndrop any prio 7 # x\n   pass any prio 3\n"), 0);
	cr_assert_eq(pp_ruleset_count(set), 2);
	cr_expect_eq(pp_ruleset_at(set, 0)->id, 2);
	cr_expect_eq(pp_ruleset_at(set, 1)->rule.prio, 7);
	cr_expect_eq(load(""), 0);
	cr_expect_eq(pp_ruleset_count(set), 0, "what stands no more goes");
}

Test(statements, lines_may_end_with_cr_lf_or_not_at_all)
{
	cr_expect_eq(load("drop any\r\n\r\n# x\r\npass any\r\nroute any"), 0, "%s", err.text);
	cr_assert_eq(pp_ruleset_count(set), 3);
	cr_expect_eq(pp_ruleset_at(set, 2)->rule.verdict, PP_VERDICT_ROUTE);
}

Test(statements, sets_on_one_line_and_on_several)
{
	cr_expect_eq(load("set a { 192.0.2.0/24, 2001:db8::/32 } # both\n"
			  "set b {\n"
			  "\t198.51.100.1 ttl 5m # one }\n"
			  "\t198.51.100.2\n"
			  "}\n"
			  "drop src @a dst @b\nset c { }\n"),
		     0, "%u:%u %s", err.line, err.col, err.text);
	cr_expect_eq(entries_of("a"), 2);
	cr_expect_eq(entries_of("b"), 2);
	cr_expect_eq(entries_of("c"), 0);
	cr_expect_eq(pp_set_next_expiry(pp_ruleset_find_set(set, "b")), NOW_NS + 300 * NOW_NS);
	cr_expect_eq(pp_ruleset_count(set), 1);
}

Test(statements, set_may_stand_behind_the_rule_that_names_it)
{
	cr_expect_eq(load("drop src @a\nprotect @b\npass src @b prio 1\nset a { ::1 }\n"
			  "set b { ::2 }"),
		     0, "%s", err.text);
	cr_expect(pp_ruleset_protected(set, "b"));
	cr_expect_not(pp_ruleset_protected(set, "a"));
}

Test(statements, set_comes_from_a_file_beside_the_text)
{
	char folder[] = "/tmp/pp-statements-XXXXXX";
	struct pp_statements *statements;
	const char *text = "set a file addresses\n";
	char path[100];
	FILE *file;

	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/addresses", folder);
	file = fopen(path, "w");
	fputs("192.0.2.1\n192.0.2.2\n", file);
	fclose(file);
	cr_assert_eq(pp_statements_create(&statements), 0);
	cr_expect_eq(pp_statements_read(statements, text, strlen(text), folder, NOW_NS, &err), 0,
		     "%s", err.text);
	cr_expect_eq(pp_statements_apply(statements, set, NOW_NS, NULL, NULL, NULL, &err), 0);
	cr_expect_eq(entries_of("a"), 2);
	pp_statements_destroy(statements);

	file = fopen(path, "w");
	fputs("192.0.2.1\nnonsense\n", file);
	fclose(file);
	cr_assert_eq(pp_statements_create(&statements), 0);
	cr_expect_eq(pp_statements_read(statements, text, strlen(text), folder, NOW_NS, &err),
		     -EINVAL);
	cr_expect_eq(err.line, 1);
	cr_expect_not_null(strstr(err.text, "addresses:2:1: expected an address"), "%s", err.text);
	pp_statements_destroy(statements);
	unlink(path);
	rmdir(folder);
}

Test(statements, errors_say_where_and_leave_everything_as_it_was)
{
	cr_assert_eq(load("set a { 192.0.2.1 }\ndrop src @a"), 0);
	expect_error("drop any\n\n# x\n  drop src 192.0.2.1/24\npass any\n", -EINVAL, 4, 12,
		     "write 192.0.2.0/24");
	expect_error("drop", -EINVAL, 1, 5, "expected a condition");
	expect_error("drop any\n  drop src @none", -ENOENT, 2, 3, "@none");
	expect_error("set\n", -EINVAL, 1, 4, "expected a name");
	expect_error("set a/b { }", -EINVAL, 1, 5, "expected a name");
	expect_error("set a", -EINVAL, 1, 6, "expected '{' or 'file'");
	expect_error("set a ( 192.0.2.1 )", -EINVAL, 1, 7, "expected '{' or 'file'");
	expect_error("drop any\n set a { 192.0.2.1\n", -EINVAL, 2, 2, "'}'");
	expect_error("set a { 192.0.2.1\n\n 192.0.2.256 }", -EINVAL, 3, 2, "192.0.2.256");
	expect_error("  set a { 192.0.2.256 }", -EINVAL, 1, 11, "192.0.2.256");
	expect_error("set a { } x", -EINVAL, 1, 11, "end of the line");
	expect_error("set a {\n} x", -EINVAL, 2, 3, "end of the line");
	expect_error("set a { }\nset a { }", -EINVAL, 2, 1, "twice");
	expect_error("set a file", -EINVAL, 1, 11, "path");
	expect_error("set a file /nonexistent/x", -ENOENT, 1, 1, "/nonexistent/x: cannot open");
	expect_error("protect a", -EINVAL, 1, 9, "@SET");
	expect_error("protect @", -EINVAL, 1, 10, "expected a name");
	expect_error("drop any\nprotect @none", -ENOENT, 2, 1, "@none");
	expect_error("protect @a b", -EINVAL, 1, 12, "end of the line");
	cr_expect_eq(pp_ruleset_count(set), 1);
	cr_expect_eq(pp_ruleset_at(set, 0)->id, 1);
	cr_expect_eq(entries_of("a"), 1);
}

Test(statements, set_that_a_rule_by_command_names_cannot_go)
{
	struct pp_rule rule;

	cr_assert_eq(load("set a { 192.0.2.1 }"), 0);
	cr_assert_eq(pp_rule_parse("drop src @a", &rule, NULL), 0);
	cr_assert_eq(pp_ruleset_add(set, &rule, PP_ORIGIN_COMMAND, 0, NULL, NULL), 0);
	cr_expect_eq(load("drop any"), -EBUSY);
	cr_expect_not_null(strstr(err.text, "rule 1"), "%s", err.text);
	cr_expect_eq(pp_ruleset_count(set), 1);
}

Test(statements, same_text_again_changes_nothing)
{
	static const char text[] = "set a { 192.0.2.1 ttl 5s }\ndrop src @a ttl 9s\nprotect @a\n"
				   "pass src @a prio 1";
	struct pp_set *addresses;

	cr_assert_eq(load(text), 0, "%s", err.text);
	addresses = pp_ruleset_find_set(set, "a");
	cr_assert_eq(load(text), 0);
	cr_expect_eq(pp_ruleset_find_set(set, "a"), addresses, "compiled once");
	cr_expect_eq(change.rules.kept, 2);
	cr_expect_eq(change.rules.added + change.rules.deleted + change.sets_changed, 0);
	cr_expect_eq(pp_ruleset_find(set, 1)->expires_ns, NOW_NS + 9 * NOW_NS);
}

Test(statements, change_counts_sets_and_entries)
{
	cr_assert_eq(load("set a { 192.0.2.1 192.0.2.2 }\nset b { ::1 }"), 0);
	cr_expect_eq(change.sets_added, 2);
	cr_expect_eq(change.entries.added, 3);
	cr_assert_eq(load("set a { 192.0.2.2 192.0.2.3 192.0.2.4 }\nset c { }"), 0);
	cr_expect_eq(change.sets_added, 1);
	cr_expect_eq(change.sets_changed, 1);
	cr_expect_eq(change.sets_deleted, 1);
	cr_expect_eq(change.entries.added, 2);
	cr_expect_eq(change.entries.deleted, 2);
}

Test(statements, entry_that_stays_keeps_its_remaining_time)
{
	struct pp_statements *statements;
	const char *text = "set a { 192.0.2.1 ttl 5s }";

	cr_assert_eq(load(text), 0);
	cr_assert_eq(pp_statements_create(&statements), 0);
	cr_assert_eq(pp_statements_read(statements, text, strlen(text), NULL, 3 * NOW_NS, &err), 0);
	cr_assert_eq(pp_statements_apply(statements, set, 3 * NOW_NS, NULL, NULL, NULL, &err), 0);
	pp_statements_destroy(statements);
	cr_expect_eq(pp_ruleset_next_expiry(set), 6 * NOW_NS);
}

Test(statements, error_is_about_the_text_that_has_it)
{
	struct pp_statements *statements;
	uint32_t where = 9;

	cr_assert_eq(pp_statements_create(&statements), 0);
	cr_assert_eq(pp_statements_read(statements, "drop any", 8, NULL, 0, &err), 0);
	cr_assert_eq(pp_statements_read(statements, "\ndrop src @x", 12, NULL, 0, &err), 0);
	cr_expect_eq(pp_statements_apply(statements, set, 0, NULL, NULL, &where, &err), -ENOENT);
	cr_expect_eq(where, 1);
	cr_expect_eq(err.line, 2);
	pp_statements_destroy(statements);
}

Test(statements, nul_byte_and_endless_line_are_refused)
{
	char *text = malloc(16387);

	cr_expect_eq(load_bytes("drop any\ndrop any\0 src\n", 23), -EINVAL);
	cr_expect_eq(err.line, 2);
	cr_expect_eq(err.col, 9);
	memset(text, '#', 16386);
	memcpy(text, "drop any ", 9);
	cr_expect_eq(load_bytes(text, 16384), 0, "%s", err.text);
	cr_expect_eq(load_bytes(text, 16385), -EINVAL);
	cr_expect_eq(err.col, 16385);
	free(text);
}

Test(statements, one_rule_past_the_limit_is_named)
{
	char *text = malloc(PP_RULES_MAX * 20 + 40), *end = text;

	for (uint32_t i = 0; i <= PP_RULES_MAX; i++)
		end += sprintf(end, " drop dport %u\n", i % 65536);
	expect_error(text, -ENOSPC, PP_RULES_MAX + 1, 2, "at most 131000 rules");
	cr_expect_eq(pp_ruleset_count(set), 0);
	free(text);
}
