// SPDX-License-Identifier: MIT OR Apache-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	// Lines come out one by one, into a pipe as well, and a reader that left is no reason
	// to die: whoever waits for a line or for the final ledger can rely on both.
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);

	if (word && (!strcmp(word, "--version") || !strcmp(word, "-V"))) {
		puts("push-packet " PP_VERSION);
		return PP_EXIT_OK;
	}
	argv[0] = (char[]){"push-packet"};
	return pp_command_dispatch(&pp_program, argc, argv);
}
