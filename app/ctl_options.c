// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_options.h"

#include <stdio.h>
#include <string.h>

#include "command.h"

const struct pp_option pp_ctl_options_only[] = {PP_CTL_OPTIONS, {0}};

static int take_socket(const char *path, char socket[PP_CONFIG_SOCKET_BYTES])
{
	struct pp_control_config control;
	struct pp_report report;
	int err;

	pp_report_init(&report);
	err = pp_config_load_control(path, &control, &report);
	pp_report_print(&report, stderr);
	pp_report_fini(&report);
	if (!err)
		strcpy(socket, control.socket);
	return err;
}

int pp_ctl_options_open(const struct pp_ctl_options *o,
			const char *path,
			struct pp_ctl_client **out)
{
	char from_config[PP_CONFIG_SOCKET_BYTES];
	const char *socket = o->socket ? o->socket : PP_CONFIG_SOCKET;
	struct pp_error error;

	if (o->config && o->socket)
		return pp_command_usage(path, "-s and -c exclude each other");
	if (o->config) {
		if (take_socket(o->config, from_config))
			return PP_EXIT_FAILED;
		socket = from_config;
	}
	if (pp_ctl_client_open(out, socket, &error))
		return pp_ctl_options_complain(&error);
	return PP_EXIT_OK;
}

// The daemon's text may be longer than struct pp_error takes: where a reload found many errors.
static int complain_about_call(const struct pp_ctl_client *client, const struct pp_error *error)
{
	const json_t *message = json_object_get(pp_ctl_client_refusal(client), "message");

	if (!message)
		return pp_ctl_options_complain(error);
	fflush(stdout);
	fprintf(stderr, "push-packet: error: the daemon refused: %s\n", json_string_value(message));
	return PP_EXIT_FAILED;
}

int pp_ctl_options_call(struct pp_ctl_client *client,
			const char *method,
			json_t *params,
			uint32_t timeout_ms,
			json_t **result)
{
	struct pp_error error;
	json_t *answer;

	if (pp_ctl_client_call(client, method, params, timeout_ms, &answer, &error))
		return complain_about_call(client, &error);
	pp_ctl_options_warn(answer);
	if (result)
		*result = answer;
	else
		json_decref(answer);
	return PP_EXIT_OK;
}

int pp_ctl_options_ask(const struct pp_ctl_options *o,
		       const char *path,
		       const char *method,
		       json_t *params,
		       uint32_t timeout_ms,
		       json_t **result)
{
	struct pp_ctl_client *client = NULL;
	int status = pp_ctl_options_open(o, path, &client);

	if (status)
		json_decref(params);
	else
		status = pp_ctl_options_call(client, method, params, timeout_ms, result);
	pp_ctl_client_close(client);
	return status;
}

void pp_ctl_options_warn(const json_t *result)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(result, "warnings"), i, warning)
		fprintf(stderr, "push-packet: warning: %s\n", json_string_value(warning));
}

json_int_t pp_ctl_options_number(const json_t *result, const char *key)
{
	return json_integer_value(json_object_get(result, key));
}

const char *pp_ctl_options_string(const json_t *result, const char *key)
{
	const char *text = json_string_value(json_object_get(result, key));

	return text ? text : "?";
}

void pp_ctl_options_print_json(const json_t *result)
{
	json_dumpf(result, stdout, JSON_INDENT(2));
	putchar('\n');
}

int pp_ctl_options_complain(const struct pp_error *err)
{
	fflush(stdout);
	fprintf(stderr, "push-packet: error: %s\n", err->text);
	return PP_EXIT_FAILED;
}
