// SPDX-License-Identifier: MIT OR Apache-2.0
#include "command.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "nearest.h"

#define OPTIONS_MAX 48
#define ID_BASE 256 // above every letter

static const struct pp_command *const commands[] = {
	&pp_command_run,
	&pp_command_check,
	&pp_command_rule,
	&pp_command_set,
	&pp_command_default,
	&pp_command_reload,
	&pp_command_explain,
	&pp_command_stats,
	&pp_command_top,
	&pp_command_dump,
	&pp_command_gen,
	// Comments keep the formatter from filling lines: one command a line merges well.
	&pp_command_bench,
	&pp_command_help,
	NULL,
};

const struct pp_command pp_program = {
	.name = "push-packet",
	.summary = "match packets in the kernel, and drop, pass, copy or route them",
	.synopsis = "COMMAND [OPTION...]\n--version",
	.description =
		"Match packets in the kernel (XDP) against ordered rules: drop, pass, copy or route them "
		"to user space (AF_XDP), with every packet accounted for.",
	.exit_status = "0 done, 1 it failed, 2 the command line makes no sense",
	.examples = "push-packet run -c /etc/push-packet.yaml",
	.sub = commands,
};

int pp_command_usage(const char *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: error: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; try '%s --help'\n", command);
	return PP_EXIT_USAGE;
}

const struct pp_command *pp_command_find(const struct pp_command *command, const char *name)
{
	for (const struct pp_command *const *sub = command->sub; sub && *sub; sub++) {
		if (!strcmp((*sub)->name, name))
			return *sub;
	}
	return NULL;
}

static int complain_about_name(const struct pp_command *command, const char *path, const char *name)
{
	const char *nearest = NULL;
	uint32_t least = PP_NEAREST_MAX + 1, distance;

	for (const struct pp_command *const *sub = command->sub; *sub; sub++) {
		distance = pp_nearest_distance(name, (*sub)->name);
		if (distance < least) {
			least = distance;
			nearest = (*sub)->name;
		}
	}
	if (nearest)
		return pp_command_usage(path, "there is no command '%s' (did you mean '%s'?)", name,
					nearest);
	return pp_command_usage(path, "there is no command '%s'", name);
}

int pp_command_dispatch(const struct pp_command *command, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct pp_command *sub;
	char path[128];

	if (!name)
		return pp_command_usage(argv[0], "expected a command");
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		pp_command_print_help(command, argv[0], stdout);
		return PP_EXIT_OK;
	}
	sub = pp_command_find(command, name);
	if (!sub)
		return complain_about_name(command, argv[0], name);
	snprintf(path, sizeof(path), "%s %s", argv[0], name);
	argv[1] = path;
	return sub->sub ? pp_command_dispatch(sub, argc - 1, argv + 1)
			: sub->run(sub, argc - 1, argv + 1);
}

// What getopt_long() wants: row i of options is known to it as ID_BASE + i.
struct getopt_table {
	uint32_t count;
	struct option row[OPTIONS_MAX + 2];
	char letters[3 * OPTIONS_MAX + 3];
};

static int argument_kind(const struct pp_option *option)
{
	if (!option->arg)
		return no_argument;
	return option->optional ? optional_argument : required_argument;
}

static void make_table(struct getopt_table *table, const struct pp_option *options)
{
	char *letter = table->letters;

	*letter++ = ':'; // tell a missing argument from an unknown option
	*letter++ = 'h';
	for (; options && options[table->count].name && table->count < OPTIONS_MAX;
	     table->count++) {
		const struct pp_option *option = &options[table->count];
		int kind = argument_kind(option);

		table->row[table->count] =
			(struct option){option->name, kind, NULL, (int)table->count + ID_BASE};
		if (!option->letter)
			continue;
		*letter++ = option->letter;
		for (int colons = kind; colons > 0; colons--)
			*letter++ = ':';
	}
	table->row[table->count] = (struct option){"help", no_argument, NULL, 'h'};
}

// @return  The option that getopt_long() found, or NULL: --help.
static const struct pp_option *
find_option(const struct getopt_table *table, const struct pp_option *options, int found)
{
	if (found >= ID_BASE)
		return &options[found - ID_BASE];
	for (uint32_t i = 0; i < table->count; i++) {
		if (options[i].letter == found)
			return &options[i];
	}
	return NULL;
}

static int
read_option(const struct pp_option *option, const char *path, int argc, char **argv, void *values)
{
	const char *text = optarg;
	struct pp_error err;

	if (option->optional && !text && optind < argc && isdigit((unsigned char)*argv[optind]))
		text = argv[optind++];
	if (!option->read(option, text, values, &err))
		return PP_PARSED;
	if (!text)
		return pp_command_usage(path, "--%s: %s", option->name, err.text);
	return pp_command_usage(path, "--%s %s: %s", option->name, text, err.text);
}

static int check_required(const struct pp_option *options, uint64_t seen, const char *path)
{
	for (uint32_t i = 0; options && options[i].name; i++) {
		if (options[i].required && !(seen >> i & 1))
			return pp_command_usage(path, "expected --%s %s", options[i].name,
						options[i].arg);
	}
	return PP_PARSED;
}

static bool is_one_of(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *w = words; *w; w += strcspn(w, " "), w += *w == ' ') {
		if (strcspn(w, " ") == len && !memcmp(w, word, len))
			return true;
	}
	return false;
}

static int
check_arguments(const struct pp_argument *arguments, const char *path, int argc, char **argv)
{
	int i = optind;

	for (; arguments && arguments->name; arguments++) {
		if (i == argc && !arguments->optional)
			return pp_command_usage(path, "expected %s", arguments->name);
		if (i < argc && arguments->complete == PP_COMPLETE_WORDS &&
		    !is_one_of(arguments->words, argv[i]))
			return pp_command_usage(path, "expected %s, found '%s'", arguments->name,
						argv[i]);
		if (arguments->many)
			i = argc;
		else if (i < argc)
			i++;
	}
	if (i < argc)
		return pp_command_usage(path, "unexpected argument %s", argv[i]);
	return PP_PARSED;
}

int pp_command_parse(
	const struct pp_command *command, int argc, char **argv, void *values, char ***words)
{
	struct getopt_table table = {0};
	uint64_t seen = 0;
	int found, status;

	make_table(&table, command->options);
	optind = 0; // start over
	opterr = 0;
	while ((found = getopt_long(argc, argv, table.letters, table.row, NULL)) != -1) {
		const struct pp_option *option;

		if (found == ':')
			return pp_command_usage(argv[0], "%s needs a value", argv[optind - 1]);
		if (found == '?')
			return pp_command_usage(argv[0], "unknown option %s", argv[optind - 1]);
		option = find_option(&table, command->options, found);
		if (!option) {
			pp_command_print_help(command, argv[0], stdout);
			return PP_EXIT_OK;
		}
		status = read_option(option, argv[0], argc, argv, values);
		if (status != PP_PARSED)
			return status;
		seen |= 1ull << (option - command->options);
	}
	status = check_required(command->options, seen, argv[0]);
	if (status == PP_PARSED)
		status = check_arguments(command->arguments, argv[0], argc, argv);
	if (words)
		*words = argv + optind;
	return status;
}
