// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stddef.h>

#include "command.h"
#include "daemon.h"

struct run_options {
	const char *config;
	uint64_t for_ns; // 0: until told
	bool until_eof;
};

static int run_run(const struct pp_command *command, int argc, char **argv)
{
	struct run_options o = {0};
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	return status == PP_PARSED ? pp_daemon_run(o.config, o.for_ns, o.until_eof) : status;
}

static const struct pp_option options[] = {{.name = "config",
					    .letter = 'c',
					    .arg = "FILE",
					    .required = true,
					    .help = "the configuration",
					    .complete = PP_COMPLETE_FILE,
					    .read = pp_option_text,
					    .offset = offsetof(struct run_options, config)},
					   {.name = "for",
					    .letter = 'f',
					    .arg = "TIME",
					    .help = "end by itself: 500ms, 60s, 10m, 24h",
					    .read = pp_option_duration,
					    .offset = offsetof(struct run_options, for_ns)},
					   {.name = "until-eof",
					    .help = "end at the end of standard input, a pipe",
					    .read = pp_option_flag,
					    .offset = offsetof(struct run_options, until_eof)},
					   {0}};

const struct pp_command pp_command_run = {
	.name = "run",
	.summary = "inspect packets as a configuration file says, in the foreground",
	.synopsis = "-c FILE [--for TIME] [--until-eof]",
	.description =
		"Attach to the interfaces of a configuration and inspect their packets, in the "
		"foreground. Prints what is in force, then 'push-packet: running' once packets are "
		"processed. Ends at SIGINT or SIGTERM, after the time given, or with "
		"--until-eof when nobody holds its standard input any more: detaches, drains, "
		"prints the ledger. An analyser that does nothing for 5 s then is named and left "
		"behind. SIGHUP reads the configuration again, as 'push-packet reload' "
		"does.",
	.options = options,
	.exit_status =
		"0 ended as asked, 1 could not start or an analyser does not return, 2 usage",
	.examples = "push-packet run -c /etc/push-packet.yaml --for 60s",
	.run = run_run,
};
