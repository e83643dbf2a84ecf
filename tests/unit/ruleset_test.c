// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/ruleset.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct pp_rule drop_with_prio(uint32_t prio)
{
	return (struct pp_rule){
		.prio = prio,
		.verdict = PP_VERDICT_DROP,
		.take_bytes = PP_TAKE_ALL,
		.any = true,
		.proto = -1,
	};
}

static struct pp_ruleset *new_set(void)
{
	struct pp_ruleset *set = NULL;

	cr_assert_eq(pp_ruleset_create(&set), 0);
	return set;
}

static uint32_t add(struct pp_ruleset *set, uint32_t prio)
{
	struct pp_rule rule = drop_with_prio(prio);
	uint32_t id = 0;

	cr_assert_eq(pp_ruleset_add(set, &rule, &id, NULL), 0);
	return id;
}

static void expect_ids(const struct pp_ruleset *set, const uint32_t *ids, uint32_t count)
{
	cr_assert_eq(pp_ruleset_count(set), count);
	for (uint32_t i = 0; i < count; i++)
		cr_expect_eq(pp_ruleset_at(set, i)->id, ids[i], "at %u: id %u, not %u", i,
			     pp_ruleset_at(set, i)->id, ids[i]);
	cr_expect_null(pp_ruleset_at(set, count));
}
#define EXPECT_IDS(set, ...)                                                                       \
	expect_ids(set, (uint32_t[]){__VA_ARGS__},                                                 \
		   sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

Test(ruleset, a_new_set_passes_everything)
{
	struct pp_ruleset *set = new_set();

	cr_expect_eq(pp_ruleset_count(set), 0);
	cr_expect_eq(pp_ruleset_default(set), PP_VERDICT_PASS);
	cr_expect_eq(pp_ruleset_generation(set), 1);
	cr_expect_null(pp_ruleset_at(set, 0));
	pp_ruleset_destroy(set);
	pp_ruleset_destroy(NULL);
}

Test(ruleset, rules_stand_by_prio_then_by_insertion)
{
	struct pp_ruleset *set = new_set();

	cr_expect_eq(add(set, 1000), 1);
	cr_expect_eq(add(set, 5), 2);
	cr_expect_eq(add(set, 1000), 3);
	cr_expect_eq(add(set, PP_PRIO_MAX), 4);
	cr_expect_eq(add(set, 0), 5);
	cr_expect_eq(add(set, 5), 6);
	cr_expect_eq(add(set, 1000), 7);
	EXPECT_IDS(set, 5, 2, 6, 1, 3, 7, 4);
	pp_ruleset_destroy(set);
}

Test(ruleset, ids_are_never_reused_and_slots_are)
{
	struct pp_ruleset *set = new_set();

	for (uint32_t i = 1; i <= 4; i++) {
		cr_expect_eq(add(set, 1000), i);
		cr_expect_eq(pp_ruleset_find(set, i)->slot, i);
	}
	cr_expect_eq(pp_ruleset_remove(set, 4, NULL), 0);
	cr_expect_eq(pp_ruleset_remove(set, 2, NULL), 0);
	EXPECT_IDS(set, 1, 3);

	cr_expect_eq(add(set, 1000), 5);
	cr_expect_eq(pp_ruleset_find(set, 5)->slot, 2, "the smallest free slot");
	cr_expect_eq(add(set, 1000), 6);
	cr_expect_eq(pp_ruleset_find(set, 6)->slot, 4);
	cr_expect_eq(pp_ruleset_find(set, 1)->slot, 1, "a rule that stays keeps its slot");
	cr_expect_null(pp_ruleset_find(set, 2));
	cr_expect_null(pp_ruleset_find(set, 0));
	EXPECT_IDS(set, 1, 3, 5, 6);
	pp_ruleset_destroy(set);
}

Test(ruleset, every_change_gives_a_new_generation)
{
	struct pp_ruleset *set = new_set();

	add(set, 1000);
	cr_expect_eq(pp_ruleset_generation(set), 2);
	cr_expect_eq(pp_ruleset_set_default(set, PP_VERDICT_DROP), 0);
	cr_expect_eq(pp_ruleset_default(set), PP_VERDICT_DROP);
	cr_expect_eq(pp_ruleset_generation(set), 3);
	cr_expect_eq(pp_ruleset_remove(set, 1, NULL), 0);
	cr_expect_eq(pp_ruleset_generation(set), 4);
	pp_ruleset_destroy(set);
}

Test(ruleset, the_default_is_pass_or_drop)
{
	struct pp_ruleset *set = new_set();

	cr_expect_eq(pp_ruleset_set_default(set, PP_VERDICT_ROUTE), -EINVAL);
	cr_expect_eq(pp_ruleset_set_default(set, 200), -EINVAL);
	cr_expect_eq(pp_ruleset_default(set), PP_VERDICT_PASS);
	cr_expect_eq(pp_ruleset_generation(set), 1);
	pp_ruleset_destroy(set);
}

Test(ruleset, an_unknown_id_is_refused_by_number)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	add(set, 1000);
	cr_expect_eq(pp_ruleset_remove(set, 77, &err), -ENOENT);
	cr_expect_str_eq(err.text, "there is no rule with id 77");
	cr_expect_eq(pp_ruleset_generation(set), 2);
	EXPECT_IDS(set, 1);
	pp_ruleset_destroy(set);
}

static void fill(struct pp_ruleset *set)
{
	while (pp_ruleset_count(set) < PP_RULES_MAX)
		add(set, 1000);
}

Test(ruleset, one_rule_past_the_limit_is_refused_with_the_limit)
{
	struct pp_ruleset *set = new_set();
	struct pp_rule rule = drop_with_prio(0);
	struct pp_error err = {0};
	bool seen[PP_SLOTS] = {false};
	uint32_t id = 4711;

	fill(set);
	for (uint32_t i = 0; i < PP_RULES_MAX; i++) {
		uint16_t slot = pp_ruleset_at(set, i)->slot;

		cr_assert(slot >= 1 && slot <= PP_RULES_MAX);
		cr_expect_not(seen[slot], "slot %u twice", slot);
		seen[slot] = true;
	}

	cr_expect_eq(pp_ruleset_add(set, &rule, &id, &err), -ENOSPC);
	cr_expect_str_eq(err.text, "the rule set is full: it holds at most 1024 rules");
	cr_expect_eq(id, 4711);
	cr_expect_eq(pp_ruleset_count(set), PP_RULES_MAX);
	cr_expect_eq(pp_ruleset_generation(set), PP_RULES_MAX + 1);

	cr_expect_eq(pp_ruleset_remove(set, 500, NULL), 0);
	cr_expect_eq(pp_ruleset_add(set, &rule, &id, &err), 0);
	cr_expect_eq(id, PP_RULES_MAX + 1, "a refused rule takes no id");
	cr_expect_eq(pp_ruleset_at(set, 0)->slot, 500);
	pp_ruleset_destroy(set);
}

Test(ruleset, a_copy_is_the_same_and_lives_on_its_own)
{
	struct pp_ruleset *set = new_set(), *copy = NULL;

	add(set, 1000);
	add(set, 5);
	add(set, 1000);
	cr_expect_eq(pp_ruleset_remove(set, 1, NULL), 0);
	cr_expect_eq(pp_ruleset_set_default(set, PP_VERDICT_DROP), 0);
	cr_assert_eq(pp_ruleset_copy(&copy, set), 0);

	EXPECT_IDS(copy, 2, 3);
	cr_expect_eq(pp_ruleset_at(copy, 1)->slot, 3);
	cr_expect_eq(pp_ruleset_generation(copy), pp_ruleset_generation(set));
	cr_expect_eq(pp_ruleset_default(copy), PP_VERDICT_DROP);

	cr_expect_eq(pp_ruleset_remove(set, 2, NULL), 0);
	cr_expect_eq(add(copy, 1000), 4, "ids go on where the set was");
	EXPECT_IDS(set, 3);
	pp_ruleset_destroy(set);
	EXPECT_IDS(copy, 2, 3, 4);
	pp_ruleset_destroy(copy);
}

// Load bytes by way of a file.
static int load(struct pp_ruleset *set, const char *bytes, size_t len, struct pp_error *err)
{
	char path[] = "/tmp/pp-ruleset-XXXXXX";
	int fd = mkstemp(path);
	int ret;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	ret = pp_ruleset_load(set, path, err);
	unlink(path);
	return ret;
}
#define LOAD(set, text, err) load(set, text, sizeof(text) - 1, err)

Test(ruleset, a_file_has_rules_comments_and_empty_lines)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	cr_expect_eq(LOAD(set, "# first\n\n \t \ndrop any prio 7 # x\n   pass any prio 3\n", &err),
		     0, "%u:%u: %s", err.line, err.col, err.text);
	EXPECT_IDS(set, 2, 1);
	cr_expect_eq(pp_ruleset_at(set, 1)->rule.prio, 7);
	cr_expect_eq(pp_ruleset_generation(set), 3);
	cr_expect_eq(LOAD(set, "", &err), 0);
	cr_expect_eq(pp_ruleset_generation(set), 3);
	pp_ruleset_destroy(set);
}

Test(ruleset, a_file_may_end_lines_with_cr_lf_or_not_at_all)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	cr_expect_eq(LOAD(set, "drop any\r\n\r\n# x\r\npass any\r\nroute any", &err), 0,
		     "%u:%u: %s", err.line, err.col, err.text);
	EXPECT_IDS(set, 1, 2, 3);
	cr_expect_eq(pp_ruleset_at(set, 2)->rule.verdict, PP_VERDICT_ROUTE);
	pp_ruleset_destroy(set);
}

Test(ruleset, a_bad_line_is_named_and_leaves_the_set_as_it_was)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	add(set, 1000);
	cr_expect_eq(LOAD(set, "drop any\n\n# x\n  drop src 192.0.2.1/24\npass any\n", &err),
		     -EINVAL);
	cr_expect_eq(err.line, 4);
	cr_expect_eq(err.col, 12);
	cr_expect_str_eq(err.text,
			 "'192.0.2.1/24' has bits set beyond its prefix: write 192.0.2.0/24");
	EXPECT_IDS(set, 1);
	cr_expect_eq(pp_ruleset_generation(set), 2);
	cr_expect_eq(add(set, 1000), 2, "ids of a refused file were never given out");
	cr_expect_eq(pp_ruleset_at(set, 1)->slot, 2);
	cr_expect_eq(LOAD(set, "drop\n", NULL), -EINVAL, "err may be NULL");
	pp_ruleset_destroy(set);
}

Test(ruleset, a_file_with_too_many_rules_adds_none)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	fill(set);
	cr_assert_eq(pp_ruleset_remove(set, 9, NULL), 0);
	cr_expect_eq(LOAD(set, "drop any\n  drop any\n", &err), -ENOSPC);
	cr_expect_eq(err.line, 2);
	cr_expect_eq(err.col, 3);
	cr_expect_str_eq(err.text, "the rule set is full: it holds at most 1024 rules");
	cr_expect_eq(pp_ruleset_count(set), PP_RULES_MAX - 1);
	cr_expect_eq(LOAD(set, "drop any\n", &err), 0);
	pp_ruleset_destroy(set);
}

Test(ruleset, a_nul_byte_in_a_file_is_refused)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	cr_expect_eq(LOAD(set, "drop any\ndrop any\0 src\n", &err), -EINVAL);
	cr_expect_eq(err.line, 2);
	cr_expect_eq(err.col, 9);
	cr_expect_str_eq(err.text, "NUL byte: a rule file is plain text");
	cr_expect_eq(pp_ruleset_load(set, "/dev/zero", &err), -EINVAL);
	cr_expect_eq(err.line, 1);
	cr_expect_eq(err.col, 1);
	cr_expect_eq(pp_ruleset_count(set), 0);
	pp_ruleset_destroy(set);
}

#define LINE_MAX_BYTES 16384

// "drop any" and a comment that fills the line.
static int load_long_line(struct pp_ruleset *set, size_t len, struct pp_error *err)
{
	char *text = malloc(len + 1);
	int ret;

	cr_assert_not_null(text);
	memset(text, '#', len);
	memcpy(text, "drop any ", 9);
	text[len] = '\n';
	ret = load(set, text, len + 1, err);
	free(text);
	return ret;
}

Test(ruleset, a_line_may_be_long_but_not_endless)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {0};

	cr_expect_eq(load_long_line(set, LINE_MAX_BYTES, &err), 0, "%s", err.text);
	cr_expect_eq(load_long_line(set, LINE_MAX_BYTES + 1, &err), -EINVAL);
	cr_expect_eq(err.line, 1);
	cr_expect_eq(err.col, LINE_MAX_BYTES + 1);
	cr_expect_str_eq(err.text, "the line is too long: at most 16384 bytes");
	cr_expect_eq(pp_ruleset_count(set), 1);
	pp_ruleset_destroy(set);
}

Test(ruleset, a_file_that_cannot_be_read_says_why)
{
	struct pp_ruleset *set = new_set();
	struct pp_error err = {.line = 9, .col = 9};

	cr_expect_eq(pp_ruleset_load(set, "/nonexistent/rules", &err), -ENOENT);
	cr_expect_eq(err.line, 0);
	cr_expect_eq(err.col, 0);
	cr_expect_str_eq(err.text, "cannot open the file: No such file or directory");
	cr_expect_eq(pp_ruleset_load(set, "/tmp", &err), -EISDIR);
	cr_expect_str_eq(err.text, "cannot read the file: Is a directory");
	pp_ruleset_destroy(set);
}
