// SPDX-License-Identifier: MIT OR Apache-2.0
#include <string.h>

#include "command.h"

#define WIDTH 92
#define OPTION_LEFT 25 // where what an option does begins
#define COMMAND_LEFT 14

static const struct pp_option help_option = {.name = "help", .letter = 'h', .help = "this text"};

static void indent(FILE *out, size_t columns)
{
	fprintf(out, "%*s", (int)columns, "");
}

// Print text in the columns from left to WIDTH, where the cursor is at left.
static void wrap(FILE *out, const char *text, size_t left)
{
	size_t column = left;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (column > left && column + 1 + len > WIDTH) {
			putc('\n', out);
			indent(out, left);
			column = left;
		} else if (column > left) {
			putc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += len;
		text += len;
		if (*text == ' ')
			text++;
		for (; *text == '\n'; text++) {
			putc('\n', out);
			indent(out, text[1] == '\n' ? 0 : left);
			column = left;
		}
	}
	putc('\n', out);
}

// Print each line of text behind first, from the second on behind later.
static void print_lines(FILE *out, const char *first, const char *later, const char *text)
{
	const char *prefix = first;

	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(out, "%s%.*s\n", prefix, (int)len, text);
		text += len + (text[len] == '\n');
		prefix = later;
	}
}

static void print_usage(FILE *out, const struct pp_command *command, const char *path)
{
	char first[160], later[160];

	snprintf(first, sizeof(first), "usage: %s ", path);
	snprintf(later, sizeof(later), "       %s ", path);
	print_lines(out, first, later, command->synopsis);
}

static void print_option(FILE *out, const struct pp_option *option)
{
	int column =
		option->letter ? fprintf(out, "  -%c, ", option->letter) : fprintf(out, "      ");

	column += fprintf(out, "--%s", option->name);
	if (option->arg)
		column += fprintf(out, option->optional ? " [%s]" : " %s", option->arg);
	if (column + 2 > OPTION_LEFT) {
		putc('\n', out);
		column = 0;
	}
	indent(out, OPTION_LEFT - (size_t)column);
	wrap(out, option->help, OPTION_LEFT);
}

static void print_options(FILE *out, const struct pp_option *option)
{
	putc('\n', out);
	for (; option && option->name; option++) {
		if (option->heading)
			fprintf(out, "\n%s:\n", option->heading);
		print_option(out, option);
	}
	print_option(out, &help_option);
}

static void print_commands(FILE *out, const struct pp_command *command, const char *path)
{
	fputs("\ncommands:\n", out);
	for (const struct pp_command *const *sub = command->sub; *sub; sub++) {
		fprintf(out, "  %-*s", COMMAND_LEFT - 2, (*sub)->name);
		wrap(out, (*sub)->summary, COMMAND_LEFT);
	}
	fprintf(out, "\n'%s COMMAND --help' tells more about each.\n", path);
}

void pp_command_print_help(const struct pp_command *command, const char *path, FILE *out)
{
	print_usage(out, command, path);
	putc('\n', out);
	wrap(out, command->description, 0);
	if (command->sub)
		print_commands(out, command, path);
	else
		print_options(out, command->options);
	fputs("\nexit status: ", out);
	wrap(out, command->exit_status, strlen("exit status: "));
	fputs("\nexamples:\n", out);
	print_lines(out, "  ", "  ", command->examples);
}
