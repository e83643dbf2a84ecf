// SPDX-License-Identifier: MIT OR Apache-2.0
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "config_check.h"

static const char help[] =
	"usage: push-packet check -c FILE\n"
	"\n"
	"Check a configuration file and the rule files it names, and whether this machine has the\n"
	"interfaces, queues and CPUs. Nothing is attached.\n"
	"\n"
	"  -c, --config FILE   the configuration\n"
	"  -h, --help          this text\n"
	"\n"
	"exit status: 0 the configuration is good, 1 it is not, 2 usage\n"
	"\n"
	"example:\n"
	"  push-packet check -c /etc/push-packet.yaml";

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

int pp_cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *path = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			puts(help);
			return PP_EXIT_OK;
		default:
			return pp_command_usage(argv[0], "bad option");
		}
	}
	if (optind < argc)
		return pp_command_usage(argv[0], "unexpected argument '%s'", argv[optind]);
	if (!path)
		return pp_command_usage(argv[0], "expected -c FILE");
	return check(path);
}
