// SPDX-License-Identifier: MIT OR Apache-2.0
#include "command.h"

#include <stdarg.h>
#include <stdio.h>

#include "cmd_gen.h"

const struct pp_command pp_commands[] = {
	{"run", "inspect packets as a configuration file says, in the foreground", pp_cmd_run},
	{"check", "check a configuration file against this machine", pp_cmd_check},
	{"stats", "show where every packet of a running push-packet went", pp_cmd_stats},
	{"gen", "send packets, to try things out", pp_cmd_gen},
	{0}};

int pp_command_usage(const char *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\ntry '%s --help'\n", command);
	return PP_EXIT_USAGE;
}
