// SPDX-License-Identifier: MIT OR Apache-2.0
#include "command.h"
#include "ctl_options.h"

static int run_default(const struct pp_command *command, int argc, char **argv)
{
	struct pp_ctl_options o = {0};
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	return pp_ctl_options_ask(&o, argv[0], "default.set",
				  json_pack("{s:s}", "verdict", words[0]), PP_CTL_TIMEOUT_MS, NULL);
}

static const struct pp_argument arguments[] = {
	{.name = "pass|drop", .complete = PP_COMPLETE_WORDS, .words = "pass drop"}, {0}};

const struct pp_command pp_command_default = {
	.name = "default",
	.summary = "set what happens to packets that no rule matches",
	.synopsis = PP_CTL_SYNOPSIS " pass|drop",
	.description = "Set the default action of a running push-packet: what happens to packets "
		       "that no rule matches. A reload sets it to what the configuration says.",
	.options = pp_ctl_options_only,
	.arguments = arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet default drop",
	.run = run_default,
};
