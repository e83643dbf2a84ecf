// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "explain.h"

struct explain_options {
	const char *config;
	const char *rules;
	bool running;
	const char *socket;
	const char *interface;
	const char *direction;
	bool json;
};

static int
take_rules(struct pp_explain_rules *rules, const struct explain_options *o, const char *path)
{
	const struct pp_ctl_options ctl = {.socket = o->socket};

	if ((o->config != NULL) + (o->rules != NULL) + o->running != 1)
		return pp_command_usage(path, "expected one of -c, --rules and --running");
	if (o->socket && !o->running)
		return pp_command_usage(path, "-s goes with --running");
	if (o->config)
		return pp_explain_rules_from_config(rules, o->config);
	if (o->rules)
		return pp_explain_rules_from_file(rules, o->rules);
	return pp_explain_rules_from_daemon(rules, &ctl, path);
}

static int take_direction(struct pp_explain_rules *rules, const char *word, const char *path)
{
	if (!word || !strcmp(word, "in"))
		return PP_EXIT_OK;
	rules->direction = PP_DIRECTION_OUT;
	return strcmp(word, "out") ? pp_command_usage(path, "expected --direction in or out")
				   : PP_EXIT_OK;
}

static int run_explain(const struct pp_command *command, int argc, char **argv)
{
	struct pp_explain_rules *rules;
	struct explain_options o = {0};
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	rules = malloc(sizeof(*rules));
	if (!rules)
		return pp_ctl_options_complain(&(struct pp_error){.text = "out of memory"});
	pp_explain_rules_init(rules);
	status = take_direction(rules, o.direction, argv[0]);
	status = status ?: take_rules(rules, &o, argv[0]);
	status = status ?: pp_explain_rules_enter(rules, o.interface);
	status = status ?: pp_explain_capture(rules, words[0], o.json);
	pp_explain_rules_fini(rules);
	free(rules);
	return status;
}

static const struct pp_option options[] = {
	{.name = "config",
	 .letter = 'c',
	 .arg = "FILE",
	 .help = "the rules of this configuration",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct explain_options, config)},
	{.name = "rules",
	 .arg = "FILE",
	 .help = "the rules of this rule file",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct explain_options, rules)},
	{.name = "running",
	 .help = "the rules of the running daemon, with its ids",
	 .read = pp_option_flag,
	 .offset = offsetof(struct explain_options, running)},
	{.name = "socket",
	 .letter = 's',
	 .arg = "SOCKET",
	 .help = "its control socket (default " PP_CONFIG_SOCKET ")",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct explain_options, socket)},
	{.name = "interface",
	 .letter = 'i',
	 .arg = "NAME",
	 .help = "where the packets come in, for rules with `on` (default: the first one "
		 "configured; with --rules: none)",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_option_text,
	 .offset = offsetof(struct explain_options, interface)},
	{.name = "direction",
	 .arg = "in|out",
	 .help = "whether the packets are received (default) or sent",
	 .read = pp_option_text,
	 .offset = offsetof(struct explain_options, direction)},
	{.name = "json",
	 .letter = 'j',
	 .help = "for programs: one JSON object a line, a packet each, and a summary",
	 .read = pp_option_flag,
	 .offset = offsetof(struct explain_options, json)},
	{0}};

static const struct pp_argument arguments[] = {{.name = "CAPTURE", .complete = PP_COMPLETE_FILE},
					       {0}};

const struct pp_command pp_command_explain = {
	.name = "explain",
	.summary = "show what rules would do with the packets of a capture",
	.synopsis = "-c FILE [OPTION...] CAPTURE\n"
		    "--rules FILE [OPTION...] CAPTURE\n"
		    "--running [-s SOCKET] [OPTION...] CAPTURE",
	.description =
		"Run each packet of a capture (pcap or pcapng, Ethernet or raw IP; - is standard "
		"input) through the very program that judges on interfaces, loaded on none, and "
		"show the verdict, the rule, and what was read from the packet; at the end how often "
		"each rule was the one. Copies go nowhere and nothing is routed.\n"
		"A packet that cannot be parsed passes; the reason is named as in the statistics. A "
		"packet that was cut short in the capture is judged by what there is.",
	.options = options,
	.arguments = arguments,
	.exit_status = "0 every packet was shown, 1 it failed, 2 usage",
	.examples = "push-packet explain -c /etc/push-packet.yaml traffic.pcap\n"
		    "push-packet explain --running --json traffic.pcapng",
	.run = run_explain,
};
