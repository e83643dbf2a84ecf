// SPDX-License-Identifier: MIT OR Apache-2.0
#include "cmd_rule.h"

#include "explain.h"
#include "rule_lines.h"
#include "units.h"

#define MS_NS 1000000ull

static json_t *add_params(const struct pp_rule_options *o, const char *rule)
{
	json_t *params = json_pack("{s:s}", "rule", rule);

	if (o->ttl_ns)
		json_object_set_new(params, "ttl_ms",
				    json_integer((json_int_t)((o->ttl_ns + MS_NS - 1) / MS_NS)));
	return params;
}

// @param params  Stolen.
static void append_command(json_t *commands, const char *method, json_t *params)
{
	json_array_append_new(commands,
			      json_pack("{s:s, s:o}", "method", method, "params", params));
}

static void print_added(const json_t *result)
{
	printf("%" JSON_INTEGER_FORMAT "\n", pp_ctl_options_number(result, "id"));
	pp_ctl_options_warn(result);
}

static json_t *batch_params(const struct pp_rule_options *o, const struct pp_rule_lines *lines)
{
	json_t *commands = json_array();

	for (uint32_t i = 0; i < lines->count; i++)
		append_command(commands, "rules.add", add_params(o, lines->line[i].text));
	return json_pack("{s:o}", "commands", commands);
}

// One rule is a request of its own, several are a batch: all or none.
static int add_lines(const struct pp_rule_options *o,
		     struct pp_ctl_client *client,
		     const struct pp_rule_lines *lines)
{
	bool one = lines->count == 1;
	json_t *params = one ? add_params(o, lines->line[0].text) : batch_params(o, lines);
	json_t *result, *added;
	struct pp_error err;
	size_t i;

	if (!lines->count) {
		json_decref(params);
		return PP_EXIT_OK;
	}
	if (pp_ctl_client_call(client, one ? "rules.add" : "batch", params, PP_CTL_TIMEOUT_MS,
			       &result, &err)) {
		pp_rule_lines_complain_refusal(lines, pp_ctl_client_refusal(client), &err);
		return PP_EXIT_FAILED;
	}
	if (one)
		print_added(result);
	json_array_foreach(json_object_get(result, "results"), i, added) print_added(added);
	json_decref(result);
	return PP_EXIT_OK;
}

static int replace_lines(const struct pp_rule_options *o,
			 struct pp_ctl_client *client,
			 const struct pp_rule_lines *lines)
{
	json_t *rules = json_array(), *result;
	struct pp_error err;

	(void)o;
	for (uint32_t i = 0; i < lines->count; i++)
		json_array_append_new(rules, json_string(lines->line[i].text));
	if (pp_ctl_client_call(client, "rules.replace", json_pack("{s:o}", "rules", rules),
			       PP_CTL_TIMEOUT_MS, &result, &err)) {
		pp_rule_lines_complain_refusal(lines, pp_ctl_client_refusal(client), &err);
		return PP_EXIT_FAILED;
	}
	printf("%" JSON_INTEGER_FORMAT " added, %" JSON_INTEGER_FORMAT
	       " deleted, %" JSON_INTEGER_FORMAT " kept\n",
	       pp_ctl_options_number(result, "added"), pp_ctl_options_number(result, "deleted"),
	       pp_ctl_options_number(result, "kept"));
	pp_ctl_options_warn(result);
	json_decref(result);
	return PP_EXIT_OK;
}

// Say what is wrong with lines that could not be read.
static int complain_about_file(const struct pp_rule_lines *lines, const struct pp_error *err)
{
	if (!lines->file)
		return pp_ctl_options_complain(err);
	fputs(lines->file, stderr);
	if (err->line)
		fprintf(stderr, ":%u:%u", err->line, err->col);
	fprintf(stderr, ": error: %s\n", err->text);
	return PP_EXIT_FAILED;
}

// Send what was read, or say what is wrong with it.
//
// @param not_read  What pp_rule_lines_read() returned.
static int send_lines(const struct pp_rule_options *o,
		      const char *path,
		      struct pp_rule_lines *lines,
		      int not_read,
		      const struct pp_error *err,
		      int (*send)(const struct pp_rule_options *,
				  struct pp_ctl_client *,
				  const struct pp_rule_lines *))
{
	struct pp_ctl_client *client = NULL;
	int status = not_read ? complain_about_file(lines, err)
			      : pp_ctl_options_open(&o->ctl, path, &client);

	if (!status)
		status = send(o, client, lines);
	pp_ctl_client_close(client);
	pp_rule_lines_fini(lines);
	return status;
}

int pp_cmd_rule_add(const struct pp_command *command, int argc, char **argv)
{
	struct pp_rule_options o = {0};
	struct pp_rule_lines lines;
	struct pp_error err;
	char **rules;
	int status = pp_command_parse(command, argc, argv, &o, &rules), not_read;

	if (status != PP_PARSED)
		return status;
	if (!*rules == !o.file)
		return pp_command_usage(argv[0], "expected either RULE or --file FILE");
	not_read = o.file ? pp_rule_lines_read(&lines, o.file, &err)
			  : pp_rule_lines_take(&lines, rules, &err);
	return send_lines(&o, argv[0], &lines, not_read, &err, add_lines);
}

int pp_cmd_rule_replace(const struct pp_command *command, int argc, char **argv)
{
	struct pp_rule_options o = {0};
	struct pp_rule_lines lines;
	struct pp_error err;
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words), not_read;

	if (status != PP_PARSED)
		return status;
	not_read = pp_rule_lines_read(&lines, words[0], &err);
	return send_lines(&o, argv[0], &lines, not_read, &err, replace_lines);
}

static int test_line(const struct pp_rule_options *o,
		     struct pp_ctl_client *client,
		     const struct pp_rule_lines *lines)
{
	json_t *params = json_pack("{s:s}", "rule", lines->line[0].text), *result;
	struct pp_error err;

	if (pp_ctl_client_call(client, "rules.test", params, PP_CTL_TIMEOUT_MS, &result, &err)) {
		pp_rule_lines_complain_refusal(lines, pp_ctl_client_refusal(client), &err);
		return PP_EXIT_FAILED;
	}
	if (o->json)
		pp_ctl_options_print_json(result);
	else
		puts(pp_ctl_options_string(result, "text"));
	pp_ctl_options_warn(result);
	json_decref(result);
	return PP_EXIT_OK;
}

int pp_cmd_rule_test(const struct pp_command *command, int argc, char **argv)
{
	struct pp_rule_options o = {0};
	struct pp_rule_lines lines;
	struct pp_error err;
	char **rules;
	int status = pp_command_parse(command, argc, argv, &o, &rules), not_read;

	if (status != PP_PARSED)
		return status;
	if (rules[1])
		return pp_explain_rule(rules[0], rules[1], o.json);
	not_read = pp_rule_lines_take(&lines, rules, &err);
	return send_lines(&o, argv[0], &lines, not_read, &err, test_line);
}

int pp_cmd_rule_del(const struct pp_command *command, int argc, char **argv)
{
	struct pp_rule_options o = {0};
	json_t *commands = json_array();
	uint64_t id;
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	for (; status == PP_PARSED && *words; words++) {
		if (pp_units_parse_number(*words, 1, UINT32_MAX, &id))
			status = pp_command_usage(argv[0], "expected the id of a rule, found '%s'",
						  *words);
		else
			append_command(commands, "rules.delete",
				       json_pack("{s:I}", "id", (json_int_t)id));
	}
	if (status != PP_PARSED) {
		json_decref(commands);
		return status;
	}
	return pp_ctl_options_ask(&o.ctl, argv[0], "batch",
				  json_pack("{s:o}", "commands", commands), PP_CTL_TIMEOUT_MS,
				  NULL);
}

int pp_cmd_rule_flush(const struct pp_command *command, int argc, char **argv)
{
	struct pp_rule_options o = {0};
	json_t *result;
	int status = pp_command_parse(command, argc, argv, &o, NULL);

	if (status != PP_PARSED)
		return status;
	status = pp_ctl_options_ask(&o.ctl, argv[0], "rules.flush", NULL, PP_CTL_TIMEOUT_MS,
				    &result);
	if (status)
		return status;
	printf("%" JSON_INTEGER_FORMAT " deleted\n", pp_ctl_options_number(result, "deleted"));
	json_decref(result);
	return PP_EXIT_OK;
}
