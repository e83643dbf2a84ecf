// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_options.h"

#include <stdio.h>
#include <string.h>

#include "command.h"

static int take_socket(const char *path, char socket[PP_CONFIG_SOCKET_BYTES])
{
	struct pp_config *config = NULL;
	struct pp_report report;
	int err;

	pp_report_init(&report);
	err = pp_config_load(path, &config, &report);
	pp_report_print(&report, stderr);
	pp_report_fini(&report);
	if (!err)
		strcpy(socket, config->control.socket);
	pp_config_destroy(config);
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

int pp_ctl_options_complain(const struct pp_error *err)
{
	fflush(stdout);
	fprintf(stderr, "push-packet: error: %s\n", err->text);
	return PP_EXIT_FAILED;
}
