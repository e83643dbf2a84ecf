// SPDX-License-Identifier: MIT OR Apache-2.0
#include "command.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The table that is there.

static void for_each(const struct pp_command *command,
		     const char *path,
		     void (*check)(const struct pp_command *, const char *))
{
	char longer[128];

	check(command, path);
	for (const struct pp_command *const *sub = command->sub; sub && *sub; sub++) {
		snprintf(longer, sizeof(longer), "%s %s", path, (*sub)->name);
		for_each(*sub, longer, check);
	}
}

static void check_texts(const struct pp_command *c, const char *path)
{
	cr_assert(c->name && c->summary && c->synopsis && c->description && c->exit_status &&
			  c->examples,
		  "%s", path);
	cr_assert_null(strchr(c->summary, '\n'), "%s", path);
	cr_assert(!c->sub != !c->run, "%s has either subcommands or run()", path);
	cr_assert(!strncmp(c->examples, "push-packet ", 12), "%s", path);
}

Test(command, every_one_has_every_text)
{
	for_each(&pp_program, "push-packet", check_texts);
}

static void check_options(const struct pp_command *c, const char *path)
{
	for (const struct pp_option *o = c->options; o && o->name; o++) {
		cr_assert(o->read && o->help, "%s --%s", path, o->name);
		cr_assert(o->arg || (!o->required && !o->optional), "%s --%s", path, o->name);
		cr_assert((o->complete == PP_COMPLETE_WORDS) == !!o->words, "%s --%s", path,
			  o->name);
		cr_assert(o->letter != 'h' && strcmp(o->name, "help"), "%s", path);
		for (const struct pp_option *other = c->options; other < o; other++) {
			cr_assert(strcmp(o->name, other->name), "%s --%s twice", path, o->name);
			cr_assert(!o->letter || o->letter != other->letter, "%s -%c twice", path,
				  o->letter);
		}
	}
}

Test(command, options_are_told_apart)
{
	for_each(&pp_program, "push-packet", check_options);
}

// In a script they would be taken for its end or for a glob.
static void check_quoting(const struct pp_command *c, const char *path)
{
	cr_assert_null(strpbrk(c->name, "'*?[ $`"), "%s", path);
	for (const struct pp_option *o = c->options; o && o->name; o++) {
		cr_assert_null(strpbrk(o->name, "'*?[ $`"), "%s", path);
		cr_assert(!o->words || !strpbrk(o->words, "'*?[$`"), "%s", path);
	}
}

Test(command, completion_needs_no_quoting)
{
	for_each(&pp_program, "push-packet", check_quoting);
}

Test(command, is_found_by_its_whole_name)
{
	const struct pp_command *rule = pp_command_find(&pp_program, "rule");

	cr_assert_not_null(rule);
	cr_assert_not_null(pp_command_find(rule, "add"));
	cr_assert_null(pp_command_find(rule, "ad"));
	cr_assert_null(pp_command_find(rule, "list "));
	cr_assert_null(pp_command_find(pp_command_find(&pp_program, "run"), "add"));
}

// Parsing, by a table of its own.

struct values {
	bool flag;
	const char *text;
	uint64_t ns;
	const char *maybe;
	uint32_t maybe_seen;
};

static int
read_maybe(const struct pp_option *option, const char *text, void *values, struct pp_error *err)
{
	struct values *v = values;

	cr_assert_eq(option->id, 42);
	v->maybe_seen++;
	v->maybe = text;
	return text && !strcmp(text, "0") ? pp_error_set(err, -EINVAL, 0, 0, "not 0") : 0;
}

static const struct pp_option options[] = {{.name = "flag",
					    .letter = 'f',
					    .help = "flag",
					    .read = pp_option_flag,
					    .offset = offsetof(struct values, flag)},
					   {.name = "text",
					    .letter = 't',
					    .arg = "TEXT",
					    .required = true,
					    .help = "text",
					    .read = pp_option_text,
					    .offset = offsetof(struct values, text)},
					   {.name = "time",
					    .arg = "TIME",
					    .help = "time",
					    .read = pp_option_duration,
					    .offset = offsetof(struct values, ns)},
					   {.name = "maybe",
					    .letter = 'm',
					    .arg = "N",
					    .optional = true,
					    .help = "maybe",
					    .read = read_maybe,
					    .id = 42},
					   {0}};

static const struct pp_argument arguments[] = {
	{.name = "yes|no", .complete = PP_COMPLETE_WORDS, .words = "yes no"},
	{.name = "MORE", .optional = true, .many = true},
	{0}};

static const struct pp_command command = {.name = "try",
					  .summary = "try",
					  .synopsis = "-t TEXT yes|no",
					  .description = "try",
					  .options = options,
					  .arguments = arguments,
					  .exit_status = "0",
					  .examples = "push-packet try"};

static struct values values;
static char **words;

static int parse(const char *line)
{
	static char copy[200], *argv[20];
	int argc = 0;

	values = (struct values){0};
	snprintf(copy, sizeof(copy), "try %s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return pp_command_parse(&command, argc, argv, &values, &words);
}

Test(parse, values_are_read_wherever_options_stand)
{
	cr_assert_eq(parse("yes -f a --text=x --time 10m b"), PP_PARSED);
	cr_assert(values.flag);
	cr_assert_str_eq(values.text, "x");
	cr_assert_eq(values.ns, 600000000000ull);
	cr_assert_str_eq(words[0], "yes");
	cr_assert_str_eq(words[1], "a");
	cr_assert_str_eq(words[2], "b");
	cr_assert_null(words[3]);
}

Test(parse, what_follows_two_dashes_is_no_option)
{
	cr_assert_eq(parse("-t x -- no -f"), PP_PARSED);
	cr_assert(!values.flag);
	cr_assert_str_eq(words[1], "-f");
}

Test(parse, letters_and_unique_beginnings_are_understood)
{
	cr_assert_eq(parse("-fty no"), PP_PARSED);
	cr_assert(values.flag);
	cr_assert_str_eq(values.text, "y");
	cr_assert_eq(parse("--fl --tex z no"), PP_PARSED);
	cr_assert_str_eq(values.text, "z");
}

Test(parse, optional_argument_may_be_a_word_that_begins_with_a_digit)
{
	cr_assert_eq(parse("-t x -m 7 yes"), PP_PARSED);
	cr_assert_str_eq(values.maybe, "7");
	cr_assert_eq(parse("-t x --maybe yes"), PP_PARSED);
	cr_assert_null(values.maybe);
	cr_assert_eq(values.maybe_seen, 1);
	cr_assert_eq(parse("-t x --maybe=abc yes"), PP_PARSED);
	cr_assert_str_eq(values.maybe, "abc");
	cr_assert_eq(parse("-t x -mabc yes"), PP_PARSED);
	cr_assert_str_eq(values.maybe, "abc");
}

Test(parse, what_makes_no_sense_is_usage)
{
	const char *const lines[] = {
		"yes",	       "-t x",		"-t x maybe",
		"-t x yess",   "-t x ye",	"-t x --none yes",
		"-t x -z yes", "yes -t",	"-t x --time 10 yes",
		"--t x yes",   "-t x -m 0 yes", "-t x --flag=1 yes",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_assert_eq(parse(lines[i]), PP_EXIT_USAGE, "%s", lines[i]);
}

Test(parse, help_ends_well_whatever_is_missing)
{
	cr_assert_eq(parse("--help"), PP_EXIT_OK);
	cr_assert_eq(parse("-h"), PP_EXIT_OK);
}

// What is printed.

static char *printed(void (*print)(FILE *))
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(out);
	fclose(out);
	return text;
}

static void print_man(FILE *out)
{
	const struct pp_option marked[] = {
		{.name = "a_b", .arg = "N", .help = "*all* of_it\n- and + \\ more"}, {0}};
	struct pp_command c = command;

	c.options = marked;
	pp_command_print_man(&c, "push-packet try", out);
}

Test(man, takes_no_character_for_markup)
{
	char *text = printed(print_man);

	cr_assert_not_null(strstr(text, "push-packet-try(1)"));
	cr_assert_not_null(strstr(text, "\t\\*all\\* of\\_it++\n\t\\- and \\+ \\\\ more\n"));
	free(text);
}
