// SPDX-License-Identifier: MIT OR Apache-2.0
#include "command.h"
#include "ctl_options.h"

static int run_reload(const struct pp_command *command, int argc, char **argv)
{
	struct pp_ctl_options o = {0};
	json_t *result, *changed, *line;
	size_t i;
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	if (status != PP_PARSED)
		return status;
	status = pp_ctl_options_ask(&o, argv[0], "reload", NULL, PP_CTL_LONG_MS, &result);
	if (status)
		return status;
	changed = json_object_get(result, "changed");
	json_array_foreach(changed, i, line) puts(json_string_value(line));
	if (!json_array_size(changed))
		puts("nothing changed");
	json_decref(result);
	return PP_EXIT_OK;
}

const struct pp_command pp_command_reload = {
	.name = "reload",
	.summary = "read the configuration again, as SIGHUP does",
	.synopsis = PP_CTL_SYNOPSIS,
	.description =
		"Make a running push-packet read its configuration and rule files again. Rules, "
		"sets, protection and the default action change by difference, in one step; what is "
		"still there keeps its id, counters and remaining ttl, and rules added by command "
		"stay. Another engine or verdict-cache comes in the same step. An error anywhere leaves everything as it was. Prints what changed.",
	.options = pp_ctl_options_only,
	.exit_status = "0 done, 1 no daemon answers or it refuses, 2 usage",
	.examples = "push-packet reload",
	.run = run_reload,
};
