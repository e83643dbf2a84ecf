// SPDX-License-Identifier: MIT OR Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static int print_help(void)
{
	puts("usage: push-packet COMMAND [OPTION...]\n"
	     "\n"
	     "Match packets in the kernel (XDP) against ordered rules: drop, pass, copy or route them\n"
	     "to user space (AF_XDP), with every packet accounted for.\n"
	     "\n"
	     "commands:");
	for (const struct pp_command *c = pp_commands; c->name; c++)
		printf("  %-8s %s\n", c->name, c->summary);
	puts("\n"
	     "  push-packet COMMAND --help   the command's options\n"
	     "  push-packet --version        the version\n"
	     "\n"
	     "example:\n"
	     "  push-packet run -c /etc/push-packet.yaml");
	return PP_EXIT_OK;
}

static int run_command(const struct pp_command *command, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "push-packet %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	// Lines come out one by one, into a pipe as well, and a reader that left is no reason
	// to die: whoever waits for a line or for the final ledger can rely on both.
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);

	if (!word)
		return pp_command_usage("push-packet", "expected a command");
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help"))
		return print_help();
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		puts("push-packet " PP_VERSION);
		return PP_EXIT_OK;
	}
	for (const struct pp_command *c = pp_commands; c->name; c++) {
		if (!strcmp(c->name, word))
			return run_command(c, argc - 1, argv + 1);
	}
	return pp_command_usage("push-packet", "there is no command '%s'", word);
}
