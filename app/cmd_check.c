// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "config_check.h"

static void print_sets(const struct pp_ruleset *rules)
{
	uint32_t count = pp_ruleset_set_count(rules), marked = 0;

	for (uint32_t i = 0; i < count; i++)
		marked +=
			pp_ruleset_protected(rules, pp_set_name(pp_ruleset_set_at(rules, i, NULL)));
	printf(", %u sets", count);
	if (marked)
		printf(" (%u protected)", marked);
}

static void print_ok(const char *path, const struct pp_config *config, uint32_t warnings)
{
	printf("%s: ok: %u interfaces, %u rules", path, config->plane.iface_count,
	       pp_ruleset_count(config->rules));
	print_sets(config->rules);
	printf(", %u consumers, default %s", config->plane.consumer_count,
	       pp_ruleset_default(config->rules) == PP_VERDICT_DROP ? "drop" : "pass");
	if (warnings)
		printf(", %u warnings", warnings);
	putchar('\n');
}

static int check(const char *path)
{
	struct pp_config *config = NULL;
	struct pp_report report;
	int err;

	pp_report_init(&report);
	err = pp_config_check(path, &config, &report);
	pp_report_print(&report, stderr);
	if (!err)
		print_ok(path, config, report.warnings);
	else if (!report.errors)
		fprintf(stderr, "push-packet: error: %s\n", strerror(-err));
	pp_report_fini(&report);
	pp_config_destroy(config);
	return err ? PP_EXIT_FAILED : PP_EXIT_OK;
}

struct check_options {
	const char *config;
};

static int run_check(const struct pp_command *command, int argc, char **argv)
{
	struct check_options o = {0};
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	return status == PP_PARSED ? check(o.config) : status;
}

static const struct pp_option options[] = {{.name = "config",
					    .letter = 'c',
					    .arg = "FILE",
					    .required = true,
					    .help = "the configuration",
					    .complete = PP_COMPLETE_FILE,
					    .read = pp_option_text,
					    .offset = offsetof(struct check_options, config)},
					   {0}};

const struct pp_command pp_command_check = {
	.name = "check",
	.summary = "check a configuration file against this machine",
	.synopsis = "-c FILE",
	.description =
		"Check a configuration file and the rule files it names, and whether this "
		"machine has the interfaces, queues and CPUs. An engine of your own is loaded and let "
		"go again. Nothing is attached: what only the driver knows, native XDP and zero-copy, "
		"run finds out.",
	.options = options,
	.exit_status = "0 the configuration is good, 1 it is not, 2 usage",
	.examples = "push-packet check -c /etc/push-packet.yaml",
	.run = run_check,
};
