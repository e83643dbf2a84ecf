// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cmd_bench.h"

#include <stddef.h>

static const struct pp_command *const commands[] = {
	&pp_command_bench_classify,
	&pp_command_bench_compare,
	&pp_command_bench_handoff,
	// One command a line, whatever the formatter thinks.
	&pp_command_bench_pairs,
	&pp_command_bench_rtt,
	&pp_command_bench_throughput,
	&pp_command_bench_update,
	NULL,
};

const struct pp_command pp_command_bench = {
	.name = "bench",
	.summary = "measure, so that others can trust it",
	.synopsis = "COMMAND [OPTION...]",
	.description =
		"Measure. Every measurement ends in a table, or in a JSON document that also holds "
		"the machine, the interfaces with the mode in force, and all settings, so that runs "
		"can be compared. Where the machine would make figures lie (steal time, frequencies "
		"that change, a shared core, generic XDP, offloads) there is a warning, or with "
		"--strict no measurement.",
	.exit_status = "0 measured, 1 it failed or was refused, 2 usage",
	.examples = "push-packet bench rtt --rate 10k --json=before.json\n"
		    "push-packet bench compare before.json after.json",
	.sub = commands,
};
