// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stddef.h>
#include <string.h>

#include "command.h"

struct help_options {
	bool man;
	bool bash;
};

static int run_help(const struct pp_command *self, int argc, char **argv)
{
	const struct pp_command *command = &pp_program;
	struct help_options o = {0};
	char path[128] = "push-packet";
	char **words;
	int status = pp_command_parse(self, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	for (; *words; words++) {
		command = pp_command_find(command, *words);
		if (!command)
			return pp_command_usage(argv[0], "there is no command '%s'", *words);
		snprintf(path + strlen(path), sizeof(path) - strlen(path), " %s", command->name);
	}
	if (o.bash)
		pp_command_print_bash(&pp_program, stdout);
	else if (o.man)
		pp_command_print_man(command, path, stdout);
	else
		pp_command_print_help(command, path, stdout);
	return PP_EXIT_OK;
}

static const struct pp_option options[] = {
	{.name = "man",
	 .letter = 'm',
	 .help = "a man page, in the language of scdoc(1)",
	 .read = pp_option_flag,
	 .offset = offsetof(struct help_options, man)},
	{.name = "bash",
	 .letter = 'b',
	 .help = "the script that completes push-packet's command lines in bash",
	 .read = pp_option_flag,
	 .offset = offsetof(struct help_options, bash)},
	{0}};

static const struct pp_argument arguments[] = {
	{.name = "COMMAND", .optional = true, .many = true, .complete = PP_COMPLETE_COMMAND}, {0}};

const struct pp_command pp_command_help = {
	.name = "help",
	.summary = "explain a command; make man pages and completion",
	.synopsis = "[--man] [COMMAND...]\n--bash",
	.description =
		"Explain a command, as its --help does; or print its man page, or what makes "
		"bash complete command lines.",
	.options = options,
	.arguments = arguments,
	.exit_status = "0 done, 2 there is no such command",
	.examples = "push-packet help rule add\n"
		    "push-packet help --man rule | scdoc | man -l -\n"
		    "source <(push-packet help --bash)",
	.run = run_help,
};
