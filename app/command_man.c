// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdbool.h>
#include <string.h>

#include "command.h"

// Put text so that scdoc takes no character for markup. A newline breaks the line, an empty line
// begins a paragraph; each line begins with prefix.
static void put_text(FILE *out, const char *text, const char *prefix)
{
	bool at_start = true;

	fputs(prefix, out);
	for (; *text; text++) {
		if (text[0] == '\n' && text[1] == '\n') {
			fprintf(out, "\n\n%s", prefix);
			text++;
		} else if (*text == '\n') {
			fprintf(out, "++\n%s", prefix);
		} else {
			if (strchr("\\_*<+~", *text) || (at_start && strchr("-#.:;|[]`'", *text)))
				putc('\\', out);
			putc(*text, out);
		}
		at_start = *text == '\n';
	}
	putc('\n', out);
}

static void put_synopsis(FILE *out, const struct pp_command *command, const char *path)
{
	const char *text = command->synopsis;

	while (*text) {
		size_t len = strcspn(text, "\n");
		char line[256];

		fprintf(out, "*%s* ", path);
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		put_text(out, line, "");
		putc('\n', out);
		text += len + (text[len] == '\n');
	}
}

static void put_option(FILE *out, const struct pp_option *option)
{
	if (option->letter)
		fprintf(out, "*-%c*, ", option->letter);
	fprintf(out, "*--%s*", option->name);
	if (option->arg)
		fprintf(out, option->optional ? " [_%s_]" : " _%s_", option->arg);
	putc('\n', out);
	put_text(out, option->help, "\t");
	putc('\n', out);
}

static void put_options(FILE *out, const struct pp_command *command, bool headings)
{
	static const struct pp_option help = {
		.name = "help", .letter = 'h', .help = "say what the command does"};

	for (const struct pp_option *o = command->options; o && o->name; o++) {
		if (o->heading && headings)
			fprintf(out, "## %s\n\n", o->heading);
		put_option(out, o);
	}
	put_option(out, &help);
}

static void put_literal(FILE *out, const char *text)
{
	fprintf(out, "```\n%s\n```\n\n", text);
}

// The name of the page of a command: its words with '-' between.
static void name_page(char name[128], const char *path)
{
	snprintf(name, 128, "%s", path);
	for (char *c = name; *c; c++) {
		if (*c == ' ')
			*c = '-';
	}
}

static void put_subcommands(FILE *out, const struct pp_command *command, const char *path)
{
	char longer[128], page[128];

	fputs("# COMMANDS\n\n", out);
	for (const struct pp_command *const *sub = command->sub; *sub; sub++) {
		snprintf(longer, sizeof(longer), "%s %s", path, (*sub)->name);
		if (command == &pp_program) {
			name_page(page, longer);
			fprintf(out, "*%s*(1)\n", page);
			put_text(out, (*sub)->summary, "\t");
			putc('\n', out);
			continue;
		}
		fprintf(out, "## %s\n\n", (*sub)->name);
		put_synopsis(out, *sub, longer);
		put_text(out, (*sub)->description, "");
		putc('\n', out);
		put_options(out, *sub, false);
		put_text(out, (*sub)->exit_status, "Exit status: ");
		putc('\n', out);
		put_literal(out, (*sub)->examples);
	}
}

static void put_title(FILE *out, const struct pp_command *command, const char *path)
{
	char name[128];

	name_page(name, path);
	fprintf(out, "%s(1) \"push-packet " PP_VERSION "\" \"push-packet\"\n\n# NAME\n\n%s - ",
		name, name);
	put_text(out, command->summary, "");
}

void pp_command_print_man(const struct pp_command *command, const char *path, FILE *out)
{
	put_title(out, command, path);
	fputs("\n# SYNOPSIS\n\n", out);
	put_synopsis(out, command, path);
	fputs("# DESCRIPTION\n\n", out);
	put_text(out, command->description, "");
	putc('\n', out);
	if (command->sub) {
		put_subcommands(out, command, path);
	} else {
		fputs("# OPTIONS\n\n", out);
		put_options(out, command, true);
	}
	fputs("# EXIT STATUS\n\n", out);
	put_text(out, command->exit_status, "");
	fputs("\n# EXAMPLES\n\n", out);
	put_literal(out, command->examples);
	if (command != &pp_program)
		fputs("# SEE ALSO\n\n*push-packet*(1)\n", out);
}
