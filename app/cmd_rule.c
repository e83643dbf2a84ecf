// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cmd_rule.h"

#include "table_text.h"

static void put_rule(struct pp_table *table, const json_t *rule)
{
	const json_t *ttl = json_object_get(rule, "ttl_ms");
	char buf[PP_TABLE_NUMBER_BYTES], time[PP_TABLE_TIME_BYTES];

	snprintf(buf, sizeof(buf), "%" JSON_INTEGER_FORMAT, pp_ctl_options_number(rule, "id"));
	pp_table_put(table, buf);
	snprintf(buf, sizeof(buf), "%" JSON_INTEGER_FORMAT, pp_ctl_options_number(rule, "prio"));
	pp_table_put(table, buf);
	pp_table_put(table, json_is_integer(ttl)
				    ? pp_table_time((uint64_t)json_integer_value(ttl), time)
				    : "-");
	pp_table_put(table, pp_table_number(pp_ctl_options_number(rule, "packets"), buf));
	pp_table_put(table, pp_table_number(pp_ctl_options_number(rule, "bytes"), buf));
	pp_table_put(table, pp_ctl_options_string(rule, "origin"));
	pp_table_put(table, pp_ctl_options_string(rule, "text"));
}

static int print_rules(const json_t *result)
{
	static const struct pp_table_column columns[] = {
		{"id", true},	 {"prio", true},    {"ttl", true},  {"packets", true},
		{"bytes", true}, {"origin", false}, {"rule", false}};
	struct pp_table table;
	const json_t *rule;
	size_t i;
	int err;

	pp_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(json_object_get(result, "rules"), i, rule) put_rule(&table, rule);
	err = pp_table_print(&table, stdout);
	pp_table_fini(&table);
	if (err)
		return err;
	printf("default %s; generation %" JSON_INTEGER_FORMAT "\n",
	       pp_ctl_options_string(result, "default"),
	       pp_ctl_options_number(result, "generation"));
	return 0;
}

static int run_list(const struct pp_command *command, int argc, char **argv)
{
	struct pp_rule_options o = {0};
	json_t *result;
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	if (status != PP_PARSED)
		return status;
	status =
		pp_ctl_options_ask(&o.ctl, argv[0], "rules.list", NULL, PP_CTL_TIMEOUT_MS, &result);
	if (status)
		return status;
	if (o.json)
		pp_ctl_options_print_json(result);
	else if (print_rules(result))
		status = pp_ctl_options_complain(&(struct pp_error){.text = "out of memory"});
	json_decref(result);
	return status;
}

static const struct pp_option add_options[] = {
	{.name = "ttl",
	 .letter = 't',
	 .arg = "TIME",
	 .help = "let the rules go by themselves after this time: 30s, 10m, 24h",
	 .read = pp_option_duration,
	 .offset = offsetof(struct pp_rule_options, ttl_ns)},
	{.name = "file",
	 .letter = 'f',
	 .arg = "FILE",
	 .help = "take the rules from this file, one a line; '-': from standard input",
	 .complete = PP_COMPLETE_FILE,
	 .read = pp_option_text,
	 .offset = offsetof(struct pp_rule_options, file)},
	PP_CTL_OPTIONS,
	{0}};

static const struct pp_option json_options[] = {{.name = "json",
						 .letter = 'j',
						 .help = "for programs: JSON",
						 .read = pp_option_flag,
						 .offset = offsetof(struct pp_rule_options, json)},
						PP_CTL_OPTIONS,
						{0}};

static const struct pp_argument add_arguments[] = {{.name = "RULE", .optional = true, .many = true},
						   {0}};
static const struct pp_argument del_arguments[] = {{.name = "ID", .many = true}, {0}};
static const struct pp_argument replace_arguments[] = {
	{.name = "FILE", .complete = PP_COMPLETE_FILE}, {0}};
static const struct pp_argument test_arguments[] = {
	{.name = "RULE"}, {.name = "CAPTURE", .optional = true, .complete = PP_COMPLETE_FILE}, {0}};

static const struct pp_command add = {
	.name = "add",
	.summary = "add rules; print their ids",
	.synopsis = "[--ttl TIME] " PP_CTL_SYNOPSIS " RULE...\n"
		    "[--ttl TIME] " PP_CTL_SYNOPSIS " -f FILE",
	.description =
		"Add rules, behind those of the same prio. All of them are in force at once, when "
		"the command returns; if one is refused, none is added and nothing has changed. "
		"Each id is printed on a line of its own, warnings go to standard error.\n"
		"\n"
		"A RULE is one argument: quote it. A file has one a line, comments begin with '#'.",
	.options = add_options,
	.arguments = add_arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet rule add 'drop proto tcp src 192.0.2.0/24' --ttl 10m\n"
		    "push-packet rule add 'copy proto udp dport 53' 'drop src @bad'\n"
		    "push-packet rule add -f /etc/push-packet.d/block.rules",
	.run = pp_cmd_rule_add,
};

static const struct pp_command del = {
	.name = "del",
	.summary = "delete rules by id",
	.synopsis = PP_CTL_SYNOPSIS " ID...",
	.description =
		"Delete rules, all at once or, if one is not there, none. Ids are what 'rule "
		"add' printed and 'rule list' shows; they are never given to another rule.",
	.options = pp_ctl_options_only,
	.arguments = del_arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet rule del 17\npush-packet rule del 4 5 6",
	.run = pp_cmd_rule_del,
};

static const struct pp_command list = {
	.name = "list",
	.summary = "show the rules in the order they match, with what they counted",
	.synopsis = "[--json] " PP_CTL_SYNOPSIS,
	.description =
		"Show the rules in the order they match. ttl is the time left, '-' for ever; origin "
		"is config for rules of the configuration file, which a reload exchanges, and "
		"command for those added since, which it leaves alone.",
	.options = json_options,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet rule list\npush-packet rule list --json | jq '.rules[].text'",
	.run = run_list,
};

static const struct pp_command replace = {
	.name = "replace",
	.summary = "make the rules what a file says",
	.synopsis = PP_CTL_SYNOPSIS " FILE",
	.description =
		"Exchange all rules, those of the configuration as well, for those of a file ('-': "
		"standard input), in one step: every packet meets the old ones or the new ones. "
		"Rules that are in both stay, with id, counters and remaining ttl.",
	.options = pp_ctl_options_only,
	.arguments = replace_arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet rule replace /etc/push-packet.d/night.rules",
	.run = pp_cmd_rule_replace,
};

static const struct pp_command flush = {
	.name = "flush",
	.summary = "delete all rules",
	.synopsis = PP_CTL_SYNOPSIS,
	.description = "Delete all rules, those of the configuration as well. Sets and the default "
		       "action stay. 'push-packet reload' brings the configuration's back.",
	.options = pp_ctl_options_only,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet rule flush",
	.run = pp_cmd_rule_flush,
};

static const struct pp_command test = {
	.name = "test",
	.summary = "ask whether a rule would be accepted, or what it does with a capture",
	.synopsis = "[--json] " PP_CTL_SYNOPSIS " RULE\n[--json] RULE CAPTURE",
	.description =
		"Ask whether the running push-packet would accept a rule, and add nothing. Prints "
		"the rule as it would be listed; warnings go to standard error.\n"
		"\n"
		"With CAPTURE, a pcap or pcapng file, show what the rule alone would do with each "
		"packet, as 'push-packet explain' does; that needs no running push-packet.",
	.options = json_options,
	.arguments = test_arguments,
	.exit_status = "0 it would, 1 it would not or no daemon answers, 2 usage",
	.examples = "push-packet rule test 'drop proto udp dport 53'\n"
		    "push-packet rule test 'drop proto udp dport 53' dns.pcap",
	.run = pp_cmd_rule_test,
};

static const struct pp_command *const commands[] = {
	&add, &del, &list, &replace, &flush, &test, NULL,
};

const struct pp_command pp_command_rule = {
	.name = "rule",
	.summary = "add, delete, list, replace and test rules of a running push-packet",
	.synopsis = "add|del|list|replace|flush|test ...",
	.description =
		"Change and show the rules of a running push-packet. Each command is one "
		"transaction: all of it is in force when it returns, or nothing has changed. Every "
		"packet meets the rules from before or those from after.",
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet rule add 'drop proto tcp src 192.0.2.0/24' --ttl 10m\n"
		    "push-packet rule list",
	.sub = commands,
};
